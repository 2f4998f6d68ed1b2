"""A world whose `clean` is exported, and what the tests of the export ask of a folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from model.fim.formats import STARCODER
from streams import deadletters
from streams.document import Document, Source
from streams.export import card
from streams.export.export import Export, fresh
from streams.export.folder import Folder, onward
from streams.export.jsonl import Jsonl
from streams.export.layout import Layout
from streams.export.mds import Mds
from streams.export.megatron import Megatron
from streams.export.parquet import Parquet
from streams.export.state import ExportOrigin, ExportState, refuse_other
from streams.frame import Frame, Tally
from streams.recipe import Thresholds
from tests.support.documents.recipes import default
from tests.support.models.tiny import tokenizer
from tests.support.simulation.memory import PARTITIONS
from tests.support.simulation.world import SOURCES, Sent, World, starts, topic_id

LAYOUTS: dict[str, Callable[[], Layout]] = {
    "jsonl": Jsonl,
    "parquet": Parquet,
    "mds": Mds,
    "megatron": lambda: Megatron(tokenizer(), STARCODER),
}


def made(layout: str = "jsonl", **changes: Any) -> ExportOrigin:
    recipe = msgspec.json.decode(msgspec.json.encode(default().settings()))
    whole = ExportOrigin(
        layout=layout, compression="", shard_chars=1500, genesis="g", recipe=recipe, index=asdict(Thresholds())
    )
    return msgspec.structs.replace(whole, **changes)


def filled(events: int = 16) -> World:
    """A world whose `clean` holds documents in both partitions, each event a Frame or a few."""
    world = World()
    for n in range(events):
        texts = [f"def f_{n}_{i}(a, b):\n    return a * {n} + b * {i * n}\n" * (1 + i % 3) for i in range(4)]
        world.produce(n % PARTITIONS, texts, [f"m{n}_{i}.py" for i in range(4)])
    return staged(world)


def staged(world: World) -> World:
    """Everything that was produced, through prepare, dedup and redact."""
    workers = [world.prepare(topic, p, 1) for topic in SOURCES for p in range(PARTITIONS)]
    for worker in [*workers, world.dedup(), *(world.each("redact", p) for p in range(PARTITIONS))]:
        for _ in worker:
            world.commit()
    return world


def remove(world: World, *origins: str) -> World:
    for origin in origins:
        record = deadletters.removal(origin)
        world.sources["retries", record.partition].append(Sent(record.key, record.value))
    return staged(world)


def export(
    world: World, path: Path, layout: str = "jsonl", upto: int = 10_000, between: Callable[[str], None] = onward,
    pass_gaps: bool = False, wanted: ExportOrigin | None = None,
) -> ExportState:  # fmt: skip
    """A run over the first `upto` Frames of each partition."""
    chosen = LAYOUTS[layout]()

    def beside(state: ExportState) -> dict[str, bytes]:
        return card.beside(state, chosen)

    with Folder(path, between).held() as folder:
        earlier = folder.read()
        wanted = wanted or made(layout)
        if earlier:
            refuse_other(earlier.origin, wanted)
        folder.settle(earlier, beside)
        state = earlier or fresh(wanted, [0] * PARTITIONS, starts())
        with closing(Export(folder, chosen, state, beside, pass_gaps)) as opened:
            for partition, frames in enumerate(world.frames["clean"]):
                for offset, frame in enumerate(frames[:upto]):
                    opened.take(partition, offset, frame)
                opened.commit()
            return opened.state


def rows(path: Path, layout: str = "jsonl") -> list[Any]:
    """All items, in the order of the shards' names."""
    chosen = LAYOUTS[layout]()
    names = sorted({f.name.split(".")[0] for f in path.glob("shard-*")})
    return [item for name in names for item in chosen.read(path / name)]


def origins(path: Path, layout: str = "jsonl") -> list[str]:
    return [item.origin for item in rows(path, layout)]


def in_log(world: World) -> dict[str, Document]:
    return {
        str(d.origin(f.source)): d for frames in world.frames["clean"] for f in frames for d in f.documents
    }  # fmt: skip


def content(path: Path) -> dict[str, bytes]:
    """Every file but the state, whose commits count the runs."""
    return {f.name: f.read_bytes() for f in sorted(path.iterdir()) if f.name != "export.json"}


def frame(*documents: Document, **changes: Any) -> Frame:
    source = Source("files", topic_id("files"), 0)
    tallies = [Tally(offset=0, seen=len(documents))]
    return msgspec.structs.replace(
        Frame(source=source, start=0, upto=1, tallies=tallies, documents=list(documents)), **changes
    )


def of(*frames: Frame) -> World:
    world = World()
    world.frames["clean"] = [list(frames), []]
    return world
