"""Bounds of settings: each dataclass of settings checks its own fields, and says in a sentence what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isfinite


def at_least(settings: object, least: float, *names: str) -> None:
    """Raises ValueError unless each field is a finite number of at least `least`."""
    for name in names:
        value = getattr(settings, name)
        if not isfinite(value) or value < least:
            raise ValueError(f"{name} must be at least {least:g}, not {value:g}")


def between(settings: object, least: float, most: float, *names: str) -> None:
    """Raises ValueError unless each field is a finite number from `least` to `most`, both included."""
    at_least(settings, least, *names)
    for name in names:
        value = getattr(settings, name)
        if value > most:
            raise ValueError(f"{name} must be at most {most:,}, not {value:,}")


def above(settings: object, limit: float, *names: str) -> None:
    """Raises ValueError unless each field is a finite number greater than `limit`."""
    for name in names:
        value = getattr(settings, name)
        if not isfinite(value) or value <= limit:
            raise ValueError(f"{name} must be greater than {limit:g}, not {value:g}")


def is_address(text: str, least_port: int = 1) -> bool:
    """Whether the text is host:port, the port from `least_port` to 65,535; an IPv6 address stands in brackets."""
    host, _, port = text.strip().rpartition(":")
    is_host = bool(host) and (":" not in host or (host.startswith("[") and host.endswith("]")))
    return is_host and port.isascii() and port.isdigit() and least_port <= int(port) < 1 << 16


def is_device(text: str) -> bool:
    """Whether the text is auto, cpu, cuda or cuda:N."""
    return re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", text) is not None


def shares(settings: object, *names: str) -> None:
    """Raises ValueError unless each field is a share: a number from 0 to 1."""
    for name in names:
        value = getattr(settings, name)
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be a share from 0 to 1, not {value:g}")


def in_order(settings: object, least: str, most: str) -> None:
    """Raises ValueError where both fields are set and the first is greater than the second: nothing would be kept."""
    low, high = getattr(settings, least), getattr(settings, most)
    if low is not None and high is not None and low > high:
        raise ValueError(f"{least} must not be greater than {most}: {low:g} is greater than {high:g}")


def not_empty(settings: object, *names: str) -> None:
    """Raises ValueError where a field of texts has none, or an empty one."""
    for name in names:
        values = getattr(settings, name)
        if not values or not all(value.strip() for value in values):
            raise ValueError(f"{name} must be texts that are not empty")


def among(settings: object, name: str, known: Iterable[str]) -> None:
    """Raises ValueError unless every text of the field is one of `known`."""
    values = getattr(settings, name)
    allowed = list(known)
    unknown = [value for value in ((values,) if isinstance(values, str) else values) if value not in allowed]
    if unknown:
        raise ValueError(f"{name} must be among {', '.join(allowed)}; {', '.join(map(repr, unknown))} is not")
