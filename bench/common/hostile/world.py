"""What a hostile request needs to know, and the table's row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import xxhash

CANARY = "kanarie7q"
"""In every hostile text: it must come up in no log and on no page."""
PLACE = "127.0.0.1"

Item = TypeVar("Item")


@dataclass(frozen=True)
class World:
    """Where the server is, and who asks."""

    http: int
    """Ports of 127.0.0.1."""
    rpc: int
    metrics: int
    token: str
    """One that is known."""
    limited: str
    """One that may ask little."""
    channel: Any
    """grpc.aio, that hostile calls share."""


@dataclass(frozen=True)
class Draw:
    """The choices of one request, by its number alone."""

    number: int

    def below(self, most: int, what: str = "") -> int:
        return xxhash.xxh3_64_intdigest(f"{self.number}/{what}".encode()) % most

    def of(self, items: Sequence[Item], what: str = "") -> Item:
        return items[self.below(len(items), what)]

    def data(self, size: int, what: str = "") -> bytes:
        """Bytes that follow no rule."""
        parts = (size + 15) // 16
        return b"".join(xxhash.xxh3_128_digest(f"{self.number}/{what}/{n}".encode()) for n in range(parts))[:size]

    @property
    def text(self) -> str:
        """With the canary, another one each time."""
        return f"{CANARY}{self.number:x} = "


Act = Callable[[World, Draw], Awaitable[str]]
"""Sends it, and says what came back: a status, or what became of the connection."""


@dataclass(frozen=True)
class Kind:
    """A row of the tables."""

    name: str
    act: Act
    weight: int = 10
    """How often it comes among all."""
