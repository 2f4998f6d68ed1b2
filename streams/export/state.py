"""What an export folder holds and how far it has read: one file, `export.json`, which alone is the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.export.row import RowFacts

VERSION = 1


class ExportError(Exception):
    """An export folder that cannot be gone on with; the message says why."""


class ExportOrigin(msgspec.Struct, kw_only=True, frozen=True):
    """What every run into one folder must agree on."""

    layout: str
    compression: str
    shard_chars: int
    """A shard closes with the Frame at which so many characters of text have gone into it."""
    genesis: str
    """A SHA-256: which topics of which cluster (`streams.export.run.fingerprint`)."""
    recipe: dict[str, Any]
    index: dict[str, Any]
    tokenizer: str = ""
    """Its hash, where the layout holds token ids; else empty."""
    format: str = ""
    """The format that rendered them."""


class Shard(msgspec.Struct, kw_only=True):
    """Documents of one partition, in the log's order."""

    partition: int
    number: int
    documents: int = 0
    chars: int = 0
    """Of all text that went in, also of what was removed since: so borders depend on the log alone."""
    offsets: dict[str, list[int]] = {}
    """Topic id to the first and the last source offset."""
    files: dict[str, int] = {}
    """Suffix to bytes; none when no document is left."""

    @property
    def name(self) -> str:
        return f"shard-{self.partition:03d}-{self.number:05d}"

    def reaches(self, topic_id: str, offset: int) -> None:
        first = self.offsets.get(topic_id, [offset])[0]
        self.offsets[topic_id] = [first, offset]

    def covers(self, topic_id: str, offset: int) -> bool:
        first, last = self.offsets.get(topic_id, [1, 0])
        return first <= offset <= last


class ExportCount(msgspec.Struct):
    """What became of one topic's documents: documents = exported + removed + rejected + dead."""

    topic: str
    documents: int = 0
    rejected: int = 0
    dead: int = 0
    removed: int = 0

    @property
    def exported(self) -> int:
        return self.documents - self.rejected - self.dead - self.removed


class ExportContents(msgspec.Struct):
    """What the shards hold now, counted in documents."""

    size: int = 0
    """In the layout's unit."""
    kinds: dict[str, int] = {}
    licences: dict[str, int] = {}
    languages: dict[str, int] = {}
    repositories: dict[str, int] = {}
    redactions: dict[str, int] = {}
    """Replacements, not documents."""

    def count(self, item: RowFacts, size: int, times: int = 1) -> None:
        """`times` is -1 for a document that is taken out."""
        self.size += times * size
        for counter, value in (
            (self.kinds, item.kind), (self.licences, item.licence),
            (self.languages, item.language), (self.repositories, item.repository),
        ):  # fmt: skip
            _change(counter, value, times)
        for kind, number in item.redactions.items():
            _change(self.redactions, kind, times * number)


class ExportState(msgspec.Struct, kw_only=True):
    v: int = VERSION
    origin: ExportOrigin = msgspec.field(name="made")
    commits: int = 0
    offsets: list[int]
    """Next offset of each partition of `clean`."""
    marks: dict[str, int]
    """By `Source.key`, as the feed keeps them."""
    counts: dict[str, ExportCount] = {}
    """By topic id."""
    contents: ExportContents = msgspec.field(default_factory=ExportContents)
    replaced: set[str] = set()
    """Origins that retries and removals replaced."""
    gaps: list[str] = []
    """What was passed over, in the order of its finding."""
    first_ms: int = 0
    last_ms: int = 0
    """Of the Frames' log-append times, milliseconds since 1970."""
    shards: list[Shard] = []

    def newest(self, partition: int) -> Shard | None:
        return next((s for s in reversed(self.shards) if s.partition == partition), None)

    def in_order(self) -> Iterator[Shard]:
        """By partition and number, whatever the order of the runs."""
        return iter(sorted(self.shards, key=lambda s: (s.partition, s.number)))


def encode(state: ExportState) -> bytes:
    return msgspec.json.format(msgspec.json.encode(state, order="deterministic"), indent=1)


def decode(data: bytes) -> ExportState:
    """Raises ExportError on what is no state of this version."""
    try:
        version = msgspec.json.decode(data, type=dict[str, object]).get("v")
        if version != VERSION:
            raise ExportError(f"it was made by version {version} of the export, and this program writes {VERSION}")
        return msgspec.json.decode(data, type=ExportState)
    except msgspec.MsgspecError as error:
        raise ExportError("its export.json is damaged") from error


def refuse_other(was: ExportOrigin, request: ExportOrigin) -> None:
    """Raises ExportError naming what differs."""
    if was.genesis != request.genesis:
        raise ExportError("it was made from other topics: another cluster or prefix, or topics that were made again")
    differing = [f"{name} was {old}, is {new}" for name, old, new in _settings(was, request) if old != new]
    if differing:
        raise ExportError(f"it was made with other settings: {'; '.join(differing)}")


def _settings(was: ExportOrigin, request: ExportOrigin) -> Iterator[tuple[str, Any, Any]]:
    for name in ("layout", "compression", "shard_chars", "tokenizer", "format"):
        yield name, getattr(was, name), getattr(request, name)
    for section in ("recipe", "index"):
        old, new = getattr(was, section), getattr(request, section)
        for name in sorted({*old, *new}):
            yield f"[{section}] {name}", old.get(name), new.get(name)


def _change(counter: dict[str, int], key: str, by: int) -> None:
    counter[key] = counter.get(key, 0) + by
    if not counter[key]:
        del counter[key]
