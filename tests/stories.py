"""Stories for the simulation, drawn from a seed: what is produced, who runs and is killed where, what goes wrong."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from cluster import PARTITIONS
from msgspec.structs import astuple
from simulation import FRAMES, Simulation, Violation
from world import POISON

from streams.document import Origin
from streams.feed.state import decode
from streams.index.minhash import signature, similarity
from streams.stages import STAGE

WORDS = [f"alpha{i} beta{i} gamma{i} delta{i} epsilon{i} zeta{i} eta{i} theta{i} iota{i} kappa{i}" for i in range(4)]
TEXTS = [
    *WORDS,
    WORDS[0] + " one more",
    "tiny",
    f"{POISON} {WORDS[1]}",
    f"{POISON} {WORDS[3]}",
    "\n".join(f"line{i} of a long file = {i}" for i in range(9)),
]
STAGES = tuple(STAGE)
Act = tuple[Any, ...]


def story(seed: int) -> list[Act]:
    """Three to fourteen acts; the same seed gives the same story."""
    rng = Random(seed)
    return [_act(rng) for _ in range(rng.randint(3, 14))]


def eroded(seed: int) -> list[Act]:
    """A story in which retention deletes the heads of logs, also before they were read, disks damage Frames, and repairs
    come in between."""
    rng, acts = Random(f"eroded {seed}"), story(seed)
    for _ in range(rng.randint(1, 4)):
        acts.insert(rng.randint(1, len(acts)), _erosion(rng))
    return acts


def _erosion(rng: Random) -> Act:
    if rng.random() < 0.25:
        return ("repair",)
    if rng.random() < 0.3:
        topic, partitions = rng.choice(FRAMES)
        return "damage", topic, rng.randrange(partitions), rng.choice([0, 0, 0, 1, 2])
    topic = rng.choices(["candidates", "unique", "clean", "files", "retries"], [1, 3, 3, 3, 1])[0]
    partition = 0 if topic == "candidates" else rng.randrange(PARTITIONS)
    return "expire", topic, partition, rng.choice([0, 0, 1, 2, 3])


def _act(rng: Random) -> Act:
    kind = rng.choices(
        ["produce", "run", "flow", "train", "garbage", "rule", "poison", "cure", "retry", "discard", "late", "sick",
         "reset", "forget", "cut", "marker", "roll_back", "interrupted",
         "swapped"],
        [20, 20, 8, 6, 2, 2, 3, 2, 3, 2, 3, 4, 5, 2, 6, 2, 3, 3, 4],
    )[0]  # fmt: skip
    match kind:
        case "produce":
            chosen = [rng.randrange(len(TEXTS)) for _ in range(rng.randint(1, 3))]
            return kind, rng.randrange(PARTITIONS), chosen
        case "run":
            return kind, rng.choice(STAGES), rng.randint(1, 30), rng.choice(["kill", "late", "end"]), rng.random() < 0.5
        case "flow":
            return kind, rng.choice(STAGES)
        case "train":
            return kind, rng.randint(1, 12), rng.choice([-1, -1, -2]), rng.randint(1, 3)
        case "garbage":
            return kind, rng.randrange(2)
        case "rule":
            return kind, rng.choice([5, 60])
        case "poison":
            return kind, rng.choice(["prepare", "redact", "pack"])
        case "sick":
            return kind, rng.choice(["prepare", "redact", "pack"]), rng.random() < 0.5
        case "swapped":
            return kind, rng.randrange(4), rng.randint(1, 3), rng.random() < 0.5
        case "interrupted":
            return kind, rng.choice(["prepare", "redact", "pack"]), rng.randint(1, 3), rng.random() < 0.5
        case "reset":
            return kind, rng.choice(STAGES), rng.choice(["end", "end", "begin"])
        case "forget" | "roll_back":
            return kind, rng.choice(STAGES)
        case "cut":
            topics = rng.sample(["candidates", "unique", "clean", "examples"], rng.choice([1, 1, 2, 4]))
            return kind, {topic: rng.randint(1, 4) for topic in topics}
        case "marker":
            return kind, rng.randrange(PARTITIONS)
    return (kind,)


def tell(acts: Sequence[Act], seed: int, before: Callable[[Simulation], None] = lambda _: None) -> Simulation:
    """Play the story to its end. Raises Violation when the promise did not hold. `before`: done before every act."""
    logging.disable(logging.CRITICAL)
    try:
        sim, rng = Simulation(repositories=seed % 2 == 1), Random(seed)
        for act in acts:
            before(sim)
            _play(sim, act, rng)
        sim.quiesce(rng)
        sim.check()
        _check_shadows(sim)
        _check_copies(sim)
        _check_reasons(sim)
        return sim
    finally:
        logging.disable(logging.NOTSET)


def _play(sim: Simulation, act: Act, rng: Random) -> None:
    match act:
        case ("produce", partition, chosen):
            sim.produce(partition, [TEXTS[i] for i in chosen], [f"p{i % 2}.txt" for i in chosen])
        case ("run", stage, steps, end, commits):
            sim.work(stage, steps, end, commits, rng)
        case ("flow", last):
            for stage in STAGES[: STAGES.index(last) + 1]:
                sim.work(stage, 10_000, "end", True, rng)
        case ("train", steps, resume, every):
            sim.train(steps, resume, every)
        case ("garbage", number):
            sim.produce_garbage(number)
        case ("rule", least):
            sim.min_chars = least
        case ("poison", stage):
            sim.poisonous.add(stage)
        case ("cure",):
            sim.poisonous.clear()
        case ("retry",) | ("discard",):
            sim.retry(discard=act[0] == "discard")
        case ("late",):
            while sim.late:
                sim.late.pop(0)()
        case ("sick", stage, copy):
            sim.poisonous.add(stage)
            sim.produce(0, [TEXTS[6]] * (1 + copy), ["sick.txt", "copy.txt"][: 1 + copy])
            _play(sim, ("flow", "pack"), rng)
            sim.poisonous.clear()
        case ("interrupted", stage, steps, rule):
            sim.min_chars = 60 if rule else sim.min_chars
            sim.poisonous.add(stage)
            sim.produce(0, [TEXTS[7], TEXTS[5]], ["half.txt", "tiny.txt"])
            for before in STAGES[: STAGES.index(stage)]:
                sim.work(before, 10_000, "end", True, rng)
            sim.work(stage, steps, "kill", False, rng)
            sim.poisonous.clear()
            sim.min_chars = 5
        case ("swapped", text, steps, rewound):
            _swap(sim, text, steps, rewound, rng)
        case ("reset", stage, where):
            sim.reset(stage, where)
        case ("forget", stage):
            sim.forget(stage)
        case ("roll_back", stage):
            sim.roll_back(stage, rng)
        case ("cut", counts):
            sim.power_cut(counts)
        case ("expire", topic, partition, remaining):
            sim.expire(topic, partition, remaining)
        case ("damage", topic, partition, back):
            sim.damage(topic, partition, back)
        case ("repair",):
            sim.repair()
        case ("marker", partition):
            sim.cluster.logs["files", partition].mark()


def _swap(sim: Simulation, text: int, steps: int, rewound: bool, rng: Random) -> None:
    """Dedup dies uncommitted in the middle of a Frame, a power cut takes that Frame, and another gets its offset: one
    with a copy of what was in it, and maybe one that prepare cuts otherwise."""
    sim.produce(0, [TEXTS[text]], ["swapped.txt"])
    _play(sim, ("flow", "prepare"), rng)
    sim.work("dedup", steps, "kill", False, rng)
    sim.power_cut({"candidates": 1})
    if rewound:
        sim.reset("prepare", "begin")
        sim.produce(0, [TEXTS[(text + 1) % 4]], ["more.txt"])
    sim.produce(1, [TEXTS[text], TEXTS[(text + 1) % 4]], ["copy.txt", "more.txt"])
    _play(sim, ("flow", "dedup"), rng)
    sim.work("dedup", 10_000, "end", True, rng)


def _check_shadows(sim: Simulation) -> None:
    """Nothing was dropped for a copy of something that was never trained on: of every text that no rule drops, a copy
    or a near copy was trained on, unless it was discarded."""
    trained = {(e.topic_id, e.partition, e.offset, e.index) for e in sim.entries()}
    dead = {Origin.parse(o) for o in decode(sim.checkpoints[-1]).dead}
    expected: set[str] = set()
    learned: set[str] = set()
    lost: set[str] = set()
    for topic_id, partition, offset, index in sim.documents():
        texts = sim.texts_of(topic_id, partition, offset)
        if index < len(texts) and len(texts[index]) > 60 and Origin(topic_id, partition, offset, index) not in dead:
            if (topic_id, partition, offset, index) in sim.lost:
                lost.add(texts[index])
            else:
                expected.add(texts[index])
            if (topic_id, partition, offset, index) in trained:
                learned.add(texts[index])
    # A dead letter shadows its copies until it is discarded; what was lost was judged before.
    known = learned | sim.discarded | lost
    shadowed = {t for t in expected if not any(similarity(signature(t), signature(k)) >= 0.65 for k in known)}
    if shadowed:
        raise Violation(f"dropped for a copy of something that was never trained on: {len(shadowed)}")


def _check_copies(sim: Simulation) -> None:
    """First seen wins: of one text, one document is trained on."""
    trained = {(e.topic_id, e.partition, e.offset, e.index) for e in sim.entries()}
    times = Counter(sim.texts_of(t, p, o)[i] for t, p, o, i in trained)
    copies = {text: n for text, n in times.items() if n > 1}
    if copies:
        raise Violation(f"copies of one text were trained on: {sorted(copies.values())}")


def _check_reasons(sim: Simulation) -> None:
    """What is neither trained on nor dead stands in `rejected` with its reason, and what is dead in `deadletters`."""
    trained = {(e.topic_id, e.partition, e.offset, e.index) for e in sim.entries()}
    dead = {astuple(Origin.parse(o)) for o in decode(sim.checkpoints[-1]).dead}
    letters = {(row.key or b"").decode() for row in sim.cluster.logs["deadletters", 0].rows}
    if set(sim.documents()) - trained - dead - sim.rejected() - sim.lost:
        raise Violation("dropped without a reason")
    if decode(sim.checkpoints[-1]).dead - letters:
        raise Violation("dead without a letter")


def shortest(acts: list[Act], seed: int) -> list[Act]:
    """The story without every act that is not needed to break the promise."""
    at = 0
    while at < len(acts):
        fewer = acts[:at] + acts[at + 1 :]
        if breaks(fewer, seed):
            acts = fewer
        else:
            at += 1
    return acts


def breaks(acts: list[Act], seed: int) -> Exception | None:
    """What the story breaks; None: nothing."""
    try:
        tell(acts, seed)
    except Exception as error:
        return error
    return None
