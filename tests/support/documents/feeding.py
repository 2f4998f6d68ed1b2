"""A world whose `examples` are full, and feeds on them, for the tests of the feed."""

from __future__ import annotations

import msgspec

from streams.feed.feed import Feed
from streams.feed.state import Limits, decode, fresh
from tests.support.models.tiny import tokenizer
from tests.support.simulation.memory import PARTITIONS, MemoryLedger, MemoryLog
from tests.support.simulation.world import STAGES, World, starts

CONTEXT = 64


def filled(events: int = 30) -> World:
    """A world whose `examples` hold a few hundred documents in both partitions."""
    world = World()
    for n in range(events):
        texts = [f"def f_{n}_{i}(a, b):\n    return a * {n} + b * {i * n}\n" * (1 + i % 3) for i in range(4)]
        world.produce(n % PARTITIONS, texts, [f"m{n}_{i}.py" for i in range(4)])
    for stage in STAGES:
        for p in range(PARTITIONS):
            for worker in {
                "prepare": lambda p=p: world.prepare("files", p, 5), "dedup": world.dedup,
                "redact": lambda p=p: world.each("redact", p), "pack": lambda p=p: world.each("pack", p),
            }[stage](),:  # fmt: skip
                for _ in worker:
                    world.commit()
    return world


def feed(
    world: World, kept: bytes | None = None, book: object = None, packing: str = "", **limits: object
) -> Feed:  # fmt: skip
    state = decode(kept) if kept else fresh(tokenizer().hash, [0] * PARTITIONS, starts())
    state.packing = packing
    set_to = Limits(**{"row_tokens": CONTEXT, "rows": 2, "open_bins": 8, "closed": True, **limits})  # type: ignore
    return Feed(MemoryLog(world.frames["examples"], state.offsets), book or MemoryLedger(), set_to, state)  # type: ignore[arg-type]


def drain(opened: Feed) -> dict[str, int | float]:
    step = 0
    while opened.next(0.0) is not None:
        step += 1
        opened.trained(step)
    assert opened.drained
    return {k: v for k, v in opened.summary().items() if k in ("documents", "trained", "waiting", "rejected", "dead")}


def altered(**changes: object) -> World:
    world = filled(2)
    first = world.frames["examples"][0][0]
    world.frames["examples"][0][0] = msgspec.structs.replace(first, **changes)
    return world
