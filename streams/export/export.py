"""The export: Frames of `clean` in, shards out, each document once, and none whose origin was replaced.

It is exactly as far as its last commit says, which covers whole Frames. Memory holds one shard's
writer and the counts. It knows no Kafka.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.document import Document, Origin, Source
from streams.export.folder import Beside, Folder
from streams.export.layout import Layout, Writer
from streams.export.state import ExportCount, ExportOrigin, ExportState, Shard
from streams.feed.account import NotConserved
from streams.frame import Frame, Gap
from streams.marks import Marks, Standing, tallied

REWRITTEN = "rewritten-"


def fresh(origin: ExportOrigin, offsets: list[int], marks: dict[str, int]) -> ExportState:
    """The state of an export that has read nothing, from the Genesis."""
    return ExportState(origin=origin, offsets=offsets, marks=dict(marks))


class Export:
    def __init__(
        self, folder: Folder, layout: Layout, state: ExportState, beside: Beside, pass_gaps: bool = False
    ) -> None:
        """`pass_gaps`: go on over what is missing, and name it, instead of raising Gap."""
        self._folder, self._layout, self._beside, self._pass_gaps = folder, layout, beside, pass_gaps
        self.state = state
        self._shard: Shard | None = None
        self._writer: Writer | None = None
        self._marks = Marks(state.marks)
        self._replaced: set[str] = set()
        """Since the last commit: they may be in shards."""
        self._taken = False

    def take(self, partition: int, offset: int, frame: Frame) -> None:
        """The Frame at `offset` of `clean`. Commits when a shard is full. Partitions are taken one after the other.

        Raises Gap, UnknownSource, and NotConserved when the Frame's tallies and documents disagree.
        """
        s = self.state
        if offset < s.offsets[partition]:
            return
        if self._shard and self._shard.partition != partition:
            self.commit()
        mark = self._reached(frame)
        documents = [d for d in frame.documents if d.offset >= mark]
        self._count(frame, mark, len(documents))
        for document in documents:
            self._add(partition, frame.source, document)
        self._marks.advance(frame.source, frame.upto)
        s.offsets[partition], self._taken = offset + 1, True
        if documents and frame.time_ms:
            s.first_ms = min(s.first_ms or frame.time_ms, frame.time_ms)
            s.last_ms = max(s.last_ms, frame.time_ms)
        if self._shard and self._shard.chars >= s.origin.shard_chars:
            self.commit()

    def commit(self) -> None:
        """What was taken so far, on disk; a shard that is not full is gone on with later."""
        if not self._taken:
            return
        self.close()
        if self._shard:
            self._measure(self._shard)
        self._remove_replaced()
        self._folder.commit(self.state, self._beside)
        self._shard, self._taken = None, False

    def close(self) -> None:
        """The writer's files; what was taken since the last commit is forgotten with the Export."""
        writer, self._writer = self._writer, None
        if writer:
            writer.close()

    def missing(self, frame: Frame) -> tuple[int, int] | None:
        """The source offsets [mark, start) that are missing before the Frame; None: none are. Raises UnknownSource."""
        above = self._marks.standing(frame) is Standing.ABOVE
        return (self._marks[frame.source], frame.start) if above else None

    def pass_over(self, partition: int, offset: int) -> None:
        """Take nothing of the Frame at `offset`: what is missing before it comes behind it, and then it comes again."""
        self.state.offsets[partition], self._taken = offset + 1, True

    def _reached(self, frame: Frame) -> int:
        """The mark from which the Frame is taken."""
        missing = self.missing(frame)
        if missing is None:
            return self._marks[frame.source]
        lost = f"{frame.source}: offsets {missing[0]} to {missing[1] - 1}"
        if not self._pass_gaps:
            raise Gap(
                f"{lost} are missing in clean: never written, or deleted by retention. `midstream repair` brings back "
                "what can be had; with --pass-gaps the export goes on without it and names it in its data card."
            )
        self.state.gaps.append(lost)
        return frame.start

    def _count(self, frame: Frame, mark: int, documents: int) -> None:
        new = tallied(frame, mark)
        if new.alive != documents:
            raise NotConserved(f"{frame.source}: a Frame of clean holds {documents} documents, not {new.alive}")
        count = self.state.counts.setdefault(frame.source.topic_id, ExportCount(frame.source.topic))
        count.documents += new.documents
        count.rejected += new.rejected
        count.dead += len(new.dead)
        self.state.replaced.update(new.replaced)
        self._replaced.update(new.replaced)

    def _add(self, partition: int, source: Source, document: Document) -> None:
        origin = document.origin(source)
        shard = self._open(partition)
        shard.chars += document.size
        if str(origin) in self.state.replaced:
            self.state.counts[source.topic_id].removed += 1
            return
        item = self._layout.item(document, source)
        assert self._writer
        self._writer.add(item)
        shard.documents += 1
        shard.reaches(origin.topic_id, origin.offset)
        self.state.contents.count(item, self._layout.size(item))

    def _open(self, partition: int) -> Shard:
        """The shard being written: the partition's last one again when it is not full, else the next."""
        if self._shard:
            return self._shard
        last = self.state.newest(partition)
        if last is None or last.chars >= self.state.origin.shard_chars:
            self._shard = Shard(partition=partition, number=last.number + 1 if last else 0)
            self.state.shards.append(self._shard)
        else:
            self._shard = last
        name = self._shard.name
        self._writer = self._layout.writer(self._folder.staged(self.state, name))
        if self._shard.documents:
            for item in self._layout.read(self._folder.published(name)):
                self._writer.add(item)
        return self._shard

    def _remove_replaced(self) -> None:
        """Rewrites the shards that hold an origin replaced since the last commit; most origins replaced are in none."""
        by_shard: dict[str, tuple[Shard, set[str]]] = {}
        for name in self._replaced:
            origin = Origin.parse(name)
            for shard in self.state.shards:
                if (
                    shard.documents
                    and shard.partition == origin.partition
                    and shard.covers(origin.topic_id, origin.offset)
                ):
                    by_shard.setdefault(shard.name, (shard, set()))[1].add(name)
        for shard, origins in by_shard.values():
            items = [item for item in self._items(shard) if item.origin in origins]
            for item in items:
                self.state.contents.count(item, self._layout.size(item), times=-1)
                self.state.counts[Origin.parse(item.origin).topic_id].removed += 1
            if items:
                self._rewrite(shard, origins)
        self._replaced = set()

    def _rewrite(self, shard: Shard, without: set[str]) -> None:
        base = self._folder.staged(self.state, shard.name)
        unfinished = base.with_name(REWRITTEN + base.name)
        writer = self._layout.writer(unfinished)
        shard.documents = 0
        for item in self._items(shard):
            if item.origin not in without:
                writer.add(item)
                shard.documents += 1
        writer.close()
        for suffix in self._layout.suffixes:
            unfinished.with_name(unfinished.name + suffix).replace(base.with_name(base.name + suffix))
        self._measure(shard)

    def _items(self, shard: Shard) -> Iterator[Any]:
        """As it will be after the commit, up to what is removed here."""
        staged = self._folder.staged(self.state, shard.name)
        there = staged.with_name(staged.name + self._layout.suffixes[0]).exists()
        return self._layout.read(staged if there else self._folder.published(shard.name))

    def _measure(self, shard: Shard) -> None:
        """The sizes of the staged files; a shard without documents has none."""
        base = self._folder.staged(self.state, shard.name)
        files = {suffix: base.with_name(base.name + suffix) for suffix in self._layout.suffixes}
        if not shard.documents:
            for path in files.values():
                path.unlink()
            files = {}
        shard.files = {suffix: path.stat().st_size for suffix, path in files.items()}
