"""A ledger, a log of Frames and packers in memory, for the feed and the simulation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from model.fim.fim import Mix
from model.fim.formats import FORMATS
from model.tokens.tokenizer import train
from streams.feed.ledger import Entry
from streams.frame import Frame
from streams.pack.pack import Packer
from streams.recipe import Shares
from tests.support.models.tiny import texts

PARTITIONS = 2


class MemoryLedger:
    """A file of one reign; its length is counted in entries."""

    def __init__(self, reign: int = 0) -> None:
        self.name = f"ledger-r{reign}.bin"
        self.entries: list[Entry] = []

    def append(self, entries: list[Entry]) -> int:
        self.entries += entries
        return len(self.entries)


class MemoryLog:
    """`examples` as the feed reads it."""

    partitions = PARTITIONS

    def __init__(self, frames: list[list[Frame]], offsets: list[int]) -> None:
        self._log = frames
        self._at = list(offsets)

    def poll(self, timeout_s: float, enough: set[int]) -> list[tuple[int, int, Frame]]:
        polled_frames: list[tuple[int, int, Frame]] = []
        for p in range(PARTITIONS):
            if p not in enough:
                polled_frames += [(p, o, f) for o, f in enumerate(self._log[p]) if o >= self._at[p]]
                self._at[p] = len(self._log[p])
        return polled_frames

    def ended(self, partition: int, position: int) -> bool:
        return position >= len(self._log[partition])

    def find(self, partition: int, start: int, wanted: Callable[[Frame], bool]) -> int | None:
        return next((o for o, f in enumerate(self._log[partition]) if o >= start and wanted(f)), None)

    def first(self, partition: int) -> int:
        return 0

    def earlier(self, partition: int, offset: int) -> tuple[bool, Frame | None]:
        return True, self._log[partition][offset]

    def lag(self, positions: list[int]) -> int:
        return sum(len(self._log[p]) - o for p, o in enumerate(positions))


@cache
def in_repositories() -> Packer:
    starcoder2 = FORMATS["starcoder2"]
    return Packer(train(texts(), 340, starcoder2), starcoder2, Mix(), 160, Shares(context=0.5))
