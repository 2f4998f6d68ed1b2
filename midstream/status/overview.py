"""What Midstream is doing: lag and counts of the stages, and the conservation sum of the newest checkpoint.

It only looks: nothing here joins a group, commits or writes. Kafka gives the lag, the workers' own
files the counts, the checkpoint the sum (architecture §2.6).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from midstream.processes.errors import Errors
from midstream.settings import Settings
from midstream.status.needs import deleted, failing, gaps, lost_examples, silent, untrained, withheld
from midstream.status.trainer import Lag, TrainerStatus, lags, of_checkpoint
from streams.kafka.connection import Connection, Offsets
from streams.kafka.topics import Genesis, TopicsError, check, genesis
from streams.stages import SOURCES, STAGES

FRESH_S = 5.0
"""A worker at work writes its counters once a second."""


class StageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All workers of a stage together. Counts are cumulative, and repeats count again."""

    name: str
    lag: int
    partitions: list[Lag]
    workers: int
    """Counter files: the most workers that ever ran at once on this machine."""
    frames: int
    documents_in: int
    documents_out: int
    examples_out: int
    rejected: int
    dead: int
    rules: dict[str, int]
    """Documents dropped, by rule, most first."""
    licence_unknown: int
    cpu_s: float
    documents_per_s: float
    """In the last second, of workers that are at work now."""
    documents_per_cpu_s: float
    passed: int = 0
    """Records that brought nothing that could be taken: what should have come before them is missing."""
    redacted: dict[str, int] = {}
    """Secrets and personal data that were replaced, by kind, most first."""
    cut: int = 0
    """Documents that were too long, and were cut in the middle."""
    foreign: int = 0
    """Records that somebody else wrote into the topic that the stage reads: dead letters by length and hash."""
    active_at: float = 0.0
    """When a worker did something last, seconds since 1970; 0: never."""
    alive_at: float = 0.0
    """When a worker was last seen running, also with nothing to do; seconds since 1970, 0: never."""


class Status(msgspec.Struct, frozen=True):
    stages: list[StageStatus]
    trainer: TrainerStatus | None
    """None before the first checkpoint."""
    needs: list[str] = []
    """What needs a person now, a sentence each."""
    open_transactions: list[str] = []
    """Source partitions whose end an open transaction holds back: no lag, but nothing behind it is read yet."""
    imported: str = ""
    """Where the weights come from that are served until the first step; empty: none were imported, or there was one."""
    server: str = ""
    """What the completion server serves, or why it does not say so; empty: it was not asked."""


def collect(settings: Settings, once: bool = False) -> Status:
    """A look at everything. `once`: also what is too dear to ask every few seconds: open transactions, and dedup's
    marks from the index's log where no worker of this machine says them.

    Raises Unreachable, TopicsError and CheckpointError.
    """
    from midstream.repair import unreached
    from model.manifest import newest
    from streams.feed.state import decode, offsets_in

    connection, folder = settings.connection(), settings.paths.state
    identity, needs = _identity(connection)
    committed, ends = positions(connection)
    stages = [_stage(s.name, lags(s.reads, committed[s.name], ends), folder) for s in STAGES]
    assert settings.paths.checkpoints is not None
    checkpoint = newest(settings.paths.checkpoints)
    state = decode(checkpoint[1]) if checkpoint and checkpoint[1] else None
    if state:
        state.offsets = offsets_in(state, identity.topics["examples"].id, identity.topics["examples"].starts)
    first = connection.beginning_offsets({topic for topic, _ in ends})
    trained = of_checkpoint(checkpoint[0], state, ends, first) if checkpoint and state else None
    marks = _dedup_marks(folder, committed["dedup"]) or (_marks_of_log(connection) if once else None)
    by_name = {stage.name: stage for stage in stages}
    errors = Errors(folder, settings.kafka.prefix)
    lost = untrained(identity, state, first)
    missing = None
    if once and not needs and (lost or (state and state.above)):
        missing = unreached(settings, connection, checkpoint[0] if checkpoint else None, state)
    needs += failing(errors, stages, checkpoint[0].written_ms / 1000 if checkpoint else 0.0)
    needs += silent(folder, stages, {error.program for error in errors.read()}, time.time())
    needs += [*deleted(committed, first), *lost_examples(lost, missing)]
    needs += gaps(identity, by_name, committed["prepare"], marks, trained, state, missing)
    if trained and not trained.conserved:
        needs.append("The sum does not hold: documents of the newest checkpoint are not accounted for.")
    needs += withheld(settings.paths.checkpoints)
    imported = checkpoint[0].imported if checkpoint and not trained else ""
    return Status(stages, trained, needs, _open_transactions(connection) if once else [], imported)


def _identity(connection: Connection) -> tuple[Genesis, list[str]]:
    """The stream's topics as they were made, and what is wrong with those that are there now.

    Raises TopicsError where one is gone: nothing more can be asked then.
    """
    try:
        return check(connection), []
    except TopicsError as error:
        known = genesis(connection)
        if known.topics.keys() - connection.topics().keys():
            raise
        return known, [str(error)]


def caught_up(connection: Connection) -> bool:
    """Whether the four stages have taken every record there is and committed it."""
    committed, ends = positions(connection)
    return not any(lag.lag for s in STAGES for lag in lags(s.reads, committed[s.name], ends))


def positions(connection: Connection) -> tuple[dict[str, Offsets], Offsets]:
    """What each stage committed, then every topic's end.

    In this order: a stage delivers before it commits, so ends that are asked for afterwards hold
    whatever the committed offsets led to, and lag 0 everywhere means that nothing is under way.
    """
    committed = {s.name: connection.group_offsets(connection.group(s.name)) for s in STAGES}
    read = [topic for s in STAGES for topic in s.reads]
    return committed, connection.end_offsets([*read, "examples"])


def _stage(name: str, partitions: list[Lag], state: Path) -> StageStatus:
    files = [_counters(path) for path in sorted((state / "counts").glob(f"{name}-*.json"))]
    total: Counter[str] = Counter()
    for counters in files:
        total.update({key: value for key, value in counters.items() if isinstance(value, int)})
    rules = {key.removeprefix("rule."): n for key, n in total.most_common() if key.startswith("rule.")}
    redacted = {key.removeprefix("redacted."): n for key, n in total.most_common() if key.startswith("redacted.")}
    documents = total["documents_out"] + total["rejected"] + total["dead"]
    cpu_s = total["cpu_us"] / 1e6
    return StageStatus(
        name=name, lag=sum(p.lag for p in partitions), partitions=partitions, workers=len(files),
        frames=total["frames"], documents_in=documents, documents_out=total["documents_out"],
        examples_out=total["examples_out"], rejected=total["rejected"], dead=total["dead"], rules=rules,
        redacted=redacted if name == "redact" else {},
        licence_unknown=total["licence_unknown"], cpu_s=cpu_s, passed=total["passed"],
        foreign=total["foreign"], cut=total["cut"],
        documents_per_s=round(sum(float(c.get("documents_per_s", 0.0)) for c in files if _fresh(c)), 1),
        active_at=max((float(c.get("time", 0.0)) for c in files), default=0.0),
        alive_at=max((float(c.get("alive", c.get("time", 0.0))) for c in files), default=0.0),
        documents_per_cpu_s=round(documents / cpu_s, 1) if cpu_s else 0.0,
    )  # fmt: skip


def _fresh(counters: dict[str, Any]) -> bool:
    """A rate has a time: what a worker wrote and never took back is no rate of now."""
    return time.time() - float(counters.get("time", 0.0)) < FRESH_S


def _counters(path: Path) -> dict[str, Any]:
    try:
        counters = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return counters if isinstance(counters, dict) else {}


def _dedup_marks(folder: Path, committed: Offsets) -> dict[str, int] | None:
    """Dedup's marks as a worker here wrote them, when it has taken all that is committed."""
    for path in sorted((folder / "counts").glob("dedup-*.json")):
        counters = _counters(path)
        if counters.get("candidates") == committed.get(("candidates", 0)) and isinstance(counters.get("marks"), dict):
            return counters["marks"]
    return None


def _marks_of_log(connection: Connection) -> dict[str, int]:
    from streams.worker.settle import marks_below

    return marks_below(connection)


def _open_transactions(connection: Connection) -> list[str]:
    stable, all_ = connection.end_offsets(SOURCES), connection.end_offsets(SOURCES, committed=False)
    return [
        f"{topic}/{partition}" for (topic, partition), end in sorted(all_.items()) if end > stable[topic, partition]
    ]
