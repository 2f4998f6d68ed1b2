"""A detector: where hyperscan says that something may be, and what confirms it. Rows with examples both ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from streams.redact.place import Place

Span = tuple[int, int, str]
"""Start and end in bytes of UTF-8, half open, and the kind."""


@dataclass
class Text:
    """What is looked through."""

    data: bytes
    place: Place = field(default_factory=Place)
    work: int = 0
    """Bytes that were looked at after hyperscan: it must grow with the text, not with its square."""

    def window(self, start: int, end: int) -> bytes:
        """The bytes between, as far as there are any; counted as work."""
        piece = self.data[max(0, start) : end]
        self.work += len(piece)
        return piece

    def match(self, pattern: re.Pattern[bytes], at: int, most: int) -> re.Match[bytes] | None:
        """Of a pattern at a place, looking at no more than so many bytes."""
        self.work += most
        return pattern.match(self.data, at, at + most)

    def line(self, at: int, most: int = 400) -> bytes:
        """The line around a byte, at most so much on either side."""
        start = self.data.rfind(b"\n", max(0, at - most), at) + 1 or max(0, at - most)
        end = self.data.find(b"\n", at, at + most)
        return self.window(start, end if end >= 0 else at + most)


@dataclass(frozen=True)
class Detector:
    name: str
    kind: str
    """Of what is found where the finder does not say another."""
    triggers: tuple[str, ...]
    """Expressions of hyperscan; each match is looked at."""
    confirm: Callable[[Text, int, int], Iterable[Span]]
    """What is there, from the start and the end of a trigger's match."""
    fires: tuple[str, ...]
    """Texts in which something is found."""
    ignores: tuple[str, ...]
    """Texts in which nothing is."""
    is_long: bool = False
    """Whether it looks further ahead than the others."""
    looks_back: bool = False
    """Whether it looks as far back, too."""
