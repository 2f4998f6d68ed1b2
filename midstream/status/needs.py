"""What needs a person now: errors that come again, gaps between the stages, a sum that does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from midstream.processes.errors import INGEST, Errors
from streams.stages import SOURCES
from streams.worker.attempts import trace

SILENT_S = 60.0
"""A worker says twice in so long that it is alive, `midstream up` starts one again within 30 s, and the first record
waits for code to be compiled."""
REPAIR = "Stop the workers and run `midstream repair`."
WATCHED = "A worker that hangs is ended after two minutes."

if TYPE_CHECKING:
    from midstream.status.overview import StageStatus
    from midstream.status.trainer import TrainerStatus
    from streams.feed.state import FeedState
    from streams.kafka.connection import Offsets
    from streams.kafka.topics import Genesis


RETRIED = "Retried: "
"""What the trainer notes while it runs (model.training.publisher)."""


def failing(errors: Errors, stages: Iterable[StageStatus], trained_at: float) -> list[str]:
    """Programs whose last error came after their last progress, and repositories that cannot be read.

    A worker that runs and has nothing to do is well. `trained_at`: seconds since 1970 of the newest checkpoint.
    """
    progress = {f"worker {s.name}": s.active_at if s.lag else s.alive_at for s in stages} | {"train": trained_at}
    log = errors.state / "logs" / "ingest.log"
    where = f" The log is {log}." if log.exists() else ""
    return [
        f"{e.program.removeprefix(INGEST)} is not read, and tried again: {e.error}.{where}"
        if e.program.startswith(INGEST)
        else f"{e.program} cannot write a checkpoint, goes on and tries again: {e.error.removeprefix(RETRIED)}"
        if e.error.startswith(RETRIED)
        else f"{e.program} ended with an error{f' at {e.record}' if e.record else ''} and has done nothing since: "
        f"{e.error}"
        for e in errors.read()
        if e.time >= progress.get(e.program, 0.0)
    ]


def silent(state: Path, stages: Iterable[StageStatus], named: Iterable[str], now: float) -> list[str]:
    """Stages that records wait for and whose worker ended, or has shown no life for SILENT_S, without a word.

    One that ended well, or was never started, is its user's to start. `named`: programs whose errors are known.
    """
    needs: list[str] = []
    for s in stages:
        program, traces = f"worker {s.name}", trace(state / "attempts", s.name)
        silent_s = now - max([s.alive_at, *(t.at for t in traces if t.running)])  # what came before it, is another's
        if not s.lag or not s.alive_at or silent_s < SILENT_S or program in named:
            continue
        at = next((f" at {t.record}" for t in traces if t.record), "")
        waiting = f"and {s.lag:,} records wait for it"
        if any(t.running for t in traces):
            needs.append(
                f"{program} has shown no life for {silent_s:.0f} s{at}, {waiting}: it hangs, or dies again and "
                f"again. {WATCHED}"
            )
        elif any(t.hung for t in traces):
            needs.append(
                f"{program} hung{at} and was ended, {waiting}. Start it again: the record is worked on in a "
                "process of its own, and becomes a dead letter if it hangs there, too."
            )
        elif not all(t.ended for t in traces):
            needs.append(
                f"{program} ended without a word{at}, {waiting}: it was killed. Start it again with "
                f"`midstream worker {s.name}`."
            )
    return needs


def deleted(committed: Mapping[str, Offsets], first: Offsets) -> list[str]:
    """What retention deleted before a stage had read it, with the way on. `first`: the first offset that is still
    there, of every partition that is read."""
    from streams.worker.settle import expired

    return [
        f"{stage}: {lost} were deleted by retention before they were read. Stop the workers and run "
        "`midstream repair`: it says what can be had back, and with --accept-loss goes on without the rest."
        for stage, offsets in committed.items()
        for lost in expired(offsets, first)
    ]


def untrained(identity: Genesis, state: FeedState | None, first: Offsets) -> list[str]:
    """What was deleted from `examples` before the trainer had read it: `topic/partition offsets A to B`. It need not be
    missing: the same documents may stand again behind it, or before it."""
    from streams.worker.settle import expired

    offsets = state.offsets if state else identity.topics["examples"].starts
    return expired({("examples", p): at for p, at in enumerate(offsets)}, first)


def lost_examples(lost: list[str], missing: Sequence[str] | None) -> list[str]:
    """`lost`: as `untrained` gives it; `missing`: what lies nowhere on its way, None where that is not known."""
    if not lost or missing == []:
        return []
    said = f"train: {'; '.join(lost)} were deleted before they were trained on"
    if missing is None:
        return [f"{said}. Whether anything is missing, `midstream repair` says once the workers have been stopped."]
    return [
        f"{said}, and {gap}. Stop the workers and run `midstream repair`: it brings back what can be had, and with "
        "--accept-loss goes on without the rest."
        for gap in missing
    ]


def withheld(checkpoints: Path) -> list[str]:
    """That the newest weights are not served, and why."""
    from model import choice
    from model.manifest import CheckpointError, latest, read_manifest

    try:
        path = latest(checkpoints)
        newest, chosen = (read_manifest(path), choice.read(checkpoints)) if path else (None, choice.Choice())
    except CheckpointError as error:
        return [str(error)]
    if newest is None or chosen.pinned or choice.may_serve(newest, chosen):
        return []
    return [
        f"The newest weights, {newest.model_version}, are not served: {newest.withheld}. `midstream models list` shows "
        "what is; `midstream models promote VERSION` serves them nevertheless."
    ]


def gaps(
    identity: Genesis, stages: Mapping[str, StageStatus], committed: Offsets, dedup_marks: Mapping[str, int] | None,
    trainer: TrainerStatus | None, state: FeedState | None, missing: Sequence[str] | None = None,
) -> list[str]:  # fmt: skip
    """Offsets that one part has taken and the next one will never see. Marks of neighbours are compared when nothing
    lies between them; `dedup_marks` None: they are not known here; `missing`: as in `lost_examples`."""
    between = [_passed(identity, key, at, missing) for key, at in _above(state)]
    if dedup_marks is None:
        return between
    if not (stages["prepare"].lag or stages["dedup"].lag):
        for key, name, at in _sources(identity, committed):
            if at > dedup_marks.get(key, at):
                between.append(f"{name}: offsets {dedup_marks[key]} to {at - 1} never reached dedup. {REPAIR}")
    if state and trainer and not (trainer.lag or any(stages[name].lag for name in ("dedup", "redact", "pack"))):
        for key, name, _ in _sources(identity, committed):
            mark, reached = dedup_marks.get(key, 0), state.marks.get(key, 0)
            if mark > reached:
                between.append(f"{name}: offsets {reached} to {mark - 1} never reached the trainer. {REPAIR}")
    return sorted(set(between))


def _passed(identity: Genesis, key: str, below: int, missing: Sequence[str] | None) -> str:
    """What is said of a source of which the trainer passed over a Frame."""
    topic_id, _, partition = key.rpartition(":")
    names = {start.id: name for name, start in identity.topics.items()}
    said = f"{names.get(topic_id, topic_id)}/{partition}: not all offsets below {below} have reached the trainer"
    if missing == []:
        return f"{said}; they are on their way again: let the workers and the trainer run."
    return f"{said}. {REPAIR}"


def _above(state: FeedState | None) -> list[tuple[str, int]]:
    return sorted(state.above.items()) if state else []


def _sources(identity: Genesis, committed: Offsets) -> Iterable[tuple[str, str, int]]:
    """(`Source.key`, topic/partition, prepare's committed offset)."""
    for (topic, partition), at in sorted(committed.items()):
        if topic in SOURCES:
            yield f"{identity.topics[topic].id}:{partition}", f"{topic}/{partition}", at
