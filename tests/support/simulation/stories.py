"""Stories for the simulation, drawn from a seed: what is produced, who runs and is killed where, what goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from streams.stages import STAGE
from tests.support.simulation.account import Account
from tests.support.simulation.cluster import PARTITIONS
from tests.support.simulation.simulation import FRAMES, Simulation
from tests.support.simulation.world import POISON

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
    """A story in which retention deletes the heads of logs, read or not, and disks damage Frames; repairs come in
    between."""
    return _among(story(seed), Random(f"eroded {seed}"), 4, _erosion)


def haunted(seed: int) -> list[Act]:
    """A story in which workers that were thought dead go on beside the next ones."""
    return _among(story(seed), Random(f"haunted {seed}"), 3, _undead)


def dire(seed: int) -> list[Act]:
    """Both at once."""
    return _among(eroded(seed), Random(f"haunted {seed}"), 3, _undead)


def unsettled(seed: int) -> list[Act]:
    """A story in which a user changes the context under which pack works, and puts it back, while logs erode."""
    return _among(eroded(seed) if seed % 2 else story(seed), Random(f"unsettled {seed}"), 5, _setting)


def deleted(seed: int) -> list[Act]:
    """A story in which topics between the stages are deleted and made again, while logs erode."""
    return _among(eroded(seed) if seed % 2 else story(seed), Random(f"deleted {seed}"), 3, _deletion)


def _among(acts: list[Act], rng: Random, most: int, draw: Callable[[Random], Act]) -> list[Act]:
    """The acts, none before the first, and up to `most` others among them."""
    for _ in range(rng.randint(1, most)):
        act = draw(rng)
        acts.insert(rng.randint(1, len(acts)), act)
    return acts


def _setting(rng: Random) -> Act:
    if rng.random() < 0.5:
        return "context", rng.random() < 0.6
    return rng.choice([("produce", rng.randrange(PARTITIONS), [rng.randrange(len(TEXTS))]), ("flow", "pack"),
                       ("train", 6, -1, 2), ("repair",)])  # fmt: skip


def _deletion(rng: Random) -> Act:
    return ("repair",) if rng.random() < 0.3 else ("again", rng.choice([topic for topic, _ in FRAMES]))


def _undead(rng: Random) -> Act:
    return "run", rng.choice(STAGES), rng.randint(0, 12), "zombie", rng.random() < 0.5


def _erosion(rng: Random) -> Act:
    if rng.random() < 0.25:
        return ("repair",)
    if rng.random() < 0.3:
        topic, partitions = rng.choice(FRAMES)
        return "damage", topic, rng.randrange(partitions), rng.choice([0, 0, 0, 1, 2])
    topic = rng.choices(["candidates", "unique", "clean", "examples", "files", "retries"], [1, 3, 3, 3, 3, 1])[0]
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
    sim, rng = Simulation(repositories=seed % 2 == 1), Random(seed)
    try:
        for act in acts:
            before(sim)
            _play(sim, act, rng)
        sim.quiesce(rng)
        Account(sim).check()
        return sim
    finally:
        sim.workers.close()
        logging.disable(logging.NOTSET)


def _play(sim: Simulation, act: Act, rng: Random) -> None:
    match act:
        case ("produce", partition, chosen):
            sim.produce(partition, [TEXTS[i] for i in chosen], [f"p{i % 2}.txt" for i in chosen])
        case ("garbage", number):
            sim.produce_garbage(number)
        case ("run", stage, steps, end, commits):
            sim.workers.run(stage, steps, end, commits, rng)
        case ("flow", last):
            _flow(sim, STAGES[: STAGES.index(last) + 1], rng)
        case ("train", steps, resume, every):
            sim.train(steps, resume, every)
        case ("rule", least):
            sim.workers.min_chars = least
        case ("poison", stage):
            sim.workers.poisonous.add(stage)
        case ("cure",):
            sim.workers.poisonous.clear()
        case ("retry",) | ("discard",):
            sim.retry(discard=act[0] == "discard")
        case ("sick", stage, copy):
            _sicken(sim, stage, copy, rng)
        case ("interrupted", stage, steps, rule):
            _interrupt(sim, stage, steps, rule, rng)
        case ("swapped", text, steps, rewound):
            _swap(sim, text, steps, rewound, rng)
        case _:
            _go_wrong(sim, act, rng)


def _go_wrong(sim: Simulation, act: Act, rng: Random) -> None:
    """What happens to groups and logs."""
    match act:
        case ("late",):
            sim.late()
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
        case ("again", topic):
            sim.make_again(topic)
        case ("context", shorter):
            sim.set_context(shorter)
        case ("marker", partition):
            sim.cluster.logs["files", partition].mark()


def _flow(sim: Simulation, stages: Sequence[str], rng: Random) -> None:
    for stage in stages:
        sim.workers.run(stage, 10_000, "end", True, rng)


def _sicken(sim: Simulation, stage: str, copy: bool, rng: Random) -> None:
    """A document, and maybe a copy of it, dies at the stage."""
    sim.workers.poisonous.add(stage)
    sim.produce(0, [TEXTS[6]] * (1 + copy), ["sick.txt", "copy.txt"][: 1 + copy])
    _flow(sim, STAGES, rng)
    sim.workers.poisonous.clear()


def _interrupt(sim: Simulation, stage: str, steps: int, rule: bool, rng: Random) -> None:
    """The stage is killed in the middle of a Frame that holds a document that dies and one that a rule drops."""
    sim.workers.min_chars = 60 if rule else sim.workers.min_chars
    sim.workers.poisonous.add(stage)
    sim.produce(0, [TEXTS[7], TEXTS[5]], ["half.txt", "tiny.txt"])
    _flow(sim, STAGES[: STAGES.index(stage)], rng)
    sim.workers.run(stage, steps, "kill", False, rng)
    sim.workers.poisonous.clear()
    sim.workers.min_chars = 5


def _swap(sim: Simulation, text: int, steps: int, rewound: bool, rng: Random) -> None:
    """Dedup dies uncommitted in the middle of a Frame, a power cut takes that Frame, and another gets its offset: one
    with a copy of what was in it, and maybe one that prepare cuts otherwise."""
    sim.produce(0, [TEXTS[text]], ["swapped.txt"])
    _flow(sim, STAGES[:1], rng)
    sim.workers.run("dedup", steps, "kill", False, rng)
    sim.power_cut({"candidates": 1})
    if rewound:
        sim.reset("prepare", "begin")
        sim.produce(0, [TEXTS[(text + 1) % 4]], ["more.txt"])
    sim.produce(1, [TEXTS[text], TEXTS[(text + 1) % 4]], ["copy.txt", "more.txt"])
    _flow(sim, ("prepare", "dedup", "dedup"), rng)


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
