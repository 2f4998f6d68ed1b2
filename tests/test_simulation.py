"""The delivery promise under crashes: real stages, index and feed over an in-memory log (architecture §2).

Hypothesis draws the story: what is produced, which worker runs how many steps and where it is
killed, whose commits lag, whose writes arrive late. On failure it prints the blob that reproduces
the story and shrinks it. MIDSTREAM_STORIES sets how many are told.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import GARBAGE, PARTITIONS, POISON, SOURCES, STAGES, World, topic_id

from streams.feed.state import decode, retryable
from streams.index.minhash import signature, similarity

WORDS = [f"alpha{i} beta{i} gamma{i} delta{i} epsilon{i} zeta{i} eta{i} theta{i} iota{i} kappa{i}" for i in range(4)]
TEXTS = [
    *WORDS,
    WORDS[0] + " one more",
    "tiny",
    f"{POISON} {WORDS[1]}",
    f"{POISON} {WORDS[3]}",
    "\n".join(f"line{i} of a long file = {i}" for i in range(9)),
]

produce = st.tuples(
    st.just("produce"), st.integers(0, PARTITIONS - 1), st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=3)
)
run = st.tuples(
    st.just("run"),
    st.sampled_from([*STAGES, "train"]),
    st.integers(1, 30),
    st.sampled_from(["kill", "kill_late", "end"]),
    st.booleans(),
)
twist = st.sampled_from(
    [("garbage",), ("rule", 5), ("rule", 60), ("poison", "prepare"), ("poison", "redact"), ("poison", "pack"),
     ("cure",), ("retry",), ("discard",), ("late",), ("roll_back",)]
)  # fmt: skip
flow = st.tuples(st.just("flow"), st.sampled_from([*STAGES]))
sick = st.tuples(st.just("sick"), st.sampled_from(["prepare", "redact", "pack"]), st.booleans())
"""A poisonous document goes through while a stage cannot take it, maybe with a copy behind it."""
stories = st.lists(st.one_of(produce, produce, run, run, run, run, flow, sick, twist), min_size=12, max_size=60)


@settings(
    max_examples=int(os.environ.get("MIDSTREAM_STORIES", "150")),
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(st.booleans(), stories)
def test_every_document_is_trained_once_or_rejected_or_dead(repositories: bool, story: list[tuple]) -> None:
    world = World(repositories)
    back = 1
    for verb, *what in story:
        back = 2 if verb == "roll_back" else back
        if verb == "run" and what[0] == "train":
            what[3] = back
            back = 1
        tell(world, verb, what)
    quiesce(world)
    world.check()
    check_shadows(world)


def tell(world: World, verb: str, what: list) -> None:
    match verb:
        case "produce":
            partition, texts = what
            world.produce(partition, [TEXTS[i] for i in texts], [f"p{i % 2}.txt" for i in texts])
        case "garbage":
            world.produce_garbage(0)
        case "rule":
            world.min_chars = what[0]
        case "poison":
            world.poisonous.add(what[0])
        case "cure":
            world.poisonous.clear()
        case "retry" | "discard":
            world.retry(discard=verb == "discard")
        case "late":
            while world.late:
                world.late.pop(0)()
        case "flow":
            for stage in STAGES[: STAGES.index(what[0]) + 1]:
                advance(world, stage, 10_000, "end", True)
        case "sick":
            world.poisonous.add(what[0])
            world.produce(0, [TEXTS[6]] * (1 + what[1]), ["sick.txt", "copy.txt"][: 1 + what[1]])
            tell(world, "flow", ["pack"])
            world.poisonous.clear()
        case "run":
            advance(world, *what)


def advance(world: World, stage: str, steps: int, end: str, option: bool | int) -> None:
    """Run a worker for so many effects, then end it; its last acknowledgement may not be committed."""
    for worker in workers(world, stage, option):
        world.acknowledged = world.in_flight = None
        for _, _ in zip(worker, range(steps), strict=False):
            if end == "end":
                world.commit()
        if end != "end" and option:
            world.commit()
        if end == "kill_late" and world.in_flight is not None:
            world.late.append(world.in_flight)
        worker.close()


def workers(world: World, stage: str, option: bool | int):
    match stage:
        case "prepare":
            batch = 2 if option else 3
            return [world.prepare(topic, p, batch) for topic in SOURCES for p in range(PARTITIONS)]
        case "dedup":
            return [world.dedup()]
        case "train":
            return [world.train(-int(option) or -1, checkpoint_every=2)]
        case _:
            return [world.each(stage, p) for p in range(PARTITIONS)]


def quiesce(world: World) -> None:
    """Everybody runs to the end, with nothing poisonous left, and what died is retried until nothing is offered."""
    tell(world, "late", [])
    world.poisonous.clear()
    for round_ in range(4):
        for stage in STAGES:
            advance(world, stage, 10_000, "end", True)
        advance(world, "train", 10_000, "end", 1)
        if round_ < 3:
            world.retry(discard=False)
    offered = retryable(decode(world.checkpoints[-1]))
    assert all(count_garbage(world, o) for o in offered), "a document that could be processed is still dead"


def count_garbage(world: World, origin: str) -> bool:
    """Whether the origin's record can never be parsed."""
    topic_id, partition, offset, _ = origin.split(":")
    topic = "files" if topic_id.startswith("f1") else "retries"
    return world.sources[topic, int(partition)][int(offset)].value in GARBAGE


def check_shadows(world: World) -> None:
    """Nothing was dropped for a copy of something that was never trained on: of every text that no rule
    drops, a copy or a near copy was trained on, unless it was discarded."""
    trained = {(e.topic_id, e.partition, e.offset, e.index) for e in world.entries()}
    wanted: set[str] = set()
    learned: set[str] = set()
    for topic, partition, offset, index in world.documents():
        texts = world.texts_of(topic, partition, offset)
        if index < len(texts) and len(texts[index]) > 60:
            wanted.add(texts[index])
            if (topic_id(topic), partition, offset, index) in trained:
                learned.add(texts[index])
    known = learned | world.discarded  # a dead letter shadows its copies until it is discarded
    shadowed = {text for text in wanted if not any(similarity(signature(text), signature(t)) >= 0.65 for t in known)}
    assert not shadowed, "dropped for a copy of something that was never trained on"
