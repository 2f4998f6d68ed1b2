"""Marks: how far each source partition was taken, and what of a Frame is new to them (architecture §2.4, §2.6).

Dedup, the feed and the export each keep marks of their own. All three ask here what a Frame is to them, and count with
`tallied` what became of the documents that are new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from streams.document import Origin, Source
from streams.frame import Frame


class UnknownSource(RuntimeError):
    """A topic whose id has no mark: it was deleted and made again."""


class Standing(Enum):
    """What a Frame is to a mark."""

    NEW = "new"
    """It begins at the mark or below it and ends above: what is not below the mark is taken."""
    REPEATED = "repeated"
    """All of it was taken before."""
    ABOVE = "above"
    """It begins above the mark. Nothing of it may be taken: what lies between is missing."""


class Marks:
    """The next offset of each source partition, by `Source.key`. Only `retreat` moves one down."""

    def __init__(self, at: dict[str, int]) -> None:
        """`at` is kept and changed: it may be a part of its owner's state."""
        self._at = at

    def __getitem__(self, source: Source) -> int:
        """Raises UnknownSource for a topic of another id."""
        if source.key not in self._at:
            raise UnknownSource(
                f"topic {source.topic} has id {source.topic_id}, which was never seen here: it was made again. "
                "Start over with a new prefix, or restore the old topic."
            )
        return self._at[source.key]

    def standing(self, frame: Frame) -> Standing:
        """Raises UnknownSource."""
        mark = self[frame.source]
        if frame.start > mark:
            return Standing.ABOVE
        return Standing.NEW if frame.upto > mark else Standing.REPEATED

    def advance(self, source: Source, upto: int) -> None:
        """To `upto`, never down."""
        self._at[source.key] = max(self._at.get(source.key, 0), upto)

    def retreat(self, source: Source, to: int) -> None:
        """To `to`, never up."""
        self._at[source.key] = min(self[source], to)

    def items(self) -> Iterator[tuple[str, int]]:
        """(`Source.key`, next offset)."""
        return iter(self._at.items())


@dataclass(frozen=True)
class Tallied:
    """What became of the documents of a Frame's new offsets: documents = rejected + dead + alive."""

    documents: int
    rejected: int
    dead: tuple[str, ...]
    """Origins."""
    replaced: tuple[str, ...]
    """Origins that retries and removals replaced."""

    @property
    def alive(self) -> int:
        return self.documents - self.rejected - len(self.dead)


def tallied(frame: Frame, mark: int) -> Tallied:
    """The Frame's tallies of offsets that are not below the mark, added up."""
    source, tallies = frame.source, [t for t in frame.tallies if t.offset >= mark]
    return Tallied(
        documents=sum(t.seen for t in tallies),
        rejected=sum(t.rejected_count for t in tallies),
        dead=tuple(str(Origin(source.topic_id, source.partition, t.offset, i)) for t in tallies for i in t.dead),
        replaced=tuple(t.replaces for t in tallies if t.replaces),
    )
