"""Choices by a keyed hash of what is chosen: the same in any order, and without a state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import TypeVar

KEY = b"midstream canaries 1"
T = TypeVar("T")


def number(*what: str | int) -> int:
    """64 bits; `what` names the choice."""
    return int.from_bytes(blake2b("\0".join(map(str, what)).encode(), digest_size=8, key=KEY).digest())


def below(count: int, *what: str | int) -> int:
    """In [0, count)."""
    return number(*what) * count >> 64


def pick(items: Sequence[T], *what: str | int) -> T:
    return items[below(len(items), *what)]


def ordered(items: Iterable[T], name: Callable[[T], str | int], *what: str | int) -> list[T]:
    """All of them, in an order of the choice's own; `name` tells them apart."""
    return sorted(items, key=lambda item: number(*what, name(item)))
