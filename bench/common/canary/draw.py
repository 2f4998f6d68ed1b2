"""Choices by a keyed hash of what is chosen: the same in any order, and without a state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TypeVar

KEY = b"midstream canaries 1"
T = TypeVar("T")


def number(*what: object) -> int:
    """64 bits; `what` names the choice."""
    return int.from_bytes(blake2b("\0".join(map(str, what)).encode(), digest_size=8, key=KEY).digest())


def below(count: int, *what: object) -> int:
    """In [0, count)."""
    return number(*what) * count >> 64


def pick(items: Sequence[T], *what: object) -> T:
    return items[below(len(items), *what)]


def ordered(items: Iterable[T], *what: object) -> list[T]:
    """All of them, in an order of the choice's own."""
    return sorted(items, key=lambda item: number(*what, item))
