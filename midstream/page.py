"""What `midstream up` and `midstream status` show, as a page of text: what needs a person, how fresh the model is, what
each source was read to, and what each program does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midstream.status import Status
    from streams.pace import Pace
    from streams.sources.report import RepositoryReport, SourcesReport


def page(
    status: Status | None, sources: SourcesReport | None, pace: Pace | None, states: Mapping[str, tuple[str, int]],
    logs: str, width: int = 100,
) -> str:  # fmt: skip
    """`states`: of each program, what it does and how often it was started again. `status` None: no broker answers."""
    lines = [f"NEEDS A PERSON  {need}" for need in (status.needs if status else ["no broker answers"])]
    lines += [*fresh(status, sources, pace), "", *repositories(sources), ""]
    lines += [*programs(status, states), "", f"logs: {logs}"]
    return "\n".join(line[:width] if not line.startswith("NEEDS") else line for line in lines)


def fresh(status: Status | None, sources: SourcesReport | None, pace: Pace | None) -> list[str]:
    """How far training is behind."""
    return [f"training        {training(status, pace)}", f"lag             {lag(sources)}"]


def training(status: Status | None, pace: Pace | None) -> str:
    trainer = status.trainer if status else None
    if trainer is None:
        return "no checkpoint yet" if not (pace and pace.tokens_per_s) else f"{pace.tokens_per_s:,.0f} tokens/s"
    parts = [f"step {trainer.step:,}", f"{trainer.total.trained:,} documents"]
    if pace and pace.fresh and pace.tokens_per_s:
        parts.append(f"{pace.tokens_per_s:,.0f} tokens/s")
    if trainer.bits_per_byte is not None:
        parts.append(f"{trainer.bits_per_byte:.3f} bits/byte")
    return "  ".join([*parts, f"model {trainer.model_version}"])


def lag(sources: SourcesReport | None) -> str:
    """Of new commits and of the past, apart."""
    if sources is None or not sources.fresh:
        return "no source is followed now"
    live = duration(sources.live_lag_s) if sources.live_lag_s else "none under way"
    past = duration(sources.past_lag_s) if sources.past_lag_s else "none under way"
    behind = "the trainer has not told its pace" if sources.behind_s is None else (
        f"{duration(sources.behind_s)} of training under way"
    )  # fmt: skip
    return f"new commits {live}; trees and past {past}; {behind}"


def repositories(sources: SourcesReport | None) -> list[str]:
    """What each was read to, and what was left out by reason."""
    if sources is None:
        return ["sources         nothing was read yet"]
    lines = [_repository(repository) for repository in sources.repositories]
    if sources.eta_s is not None and sources.fresh:
        lines.append(f"                the past is read in about {duration(sources.eta_s)}, as it goes")
    most = sorted(sources.left_out.items(), key=lambda item: -item[1])
    if most:
        lines += [f"{'' if n else 'left out':<16}{count:>9,} {reason}" for n, (reason, count) in enumerate(most)]
    lines.append(f"{'':<16}new commits sent, and what was left out, by all runs from this state folder")
    return lines


def _repository(r: RepositoryReport) -> str:
    if r.failure:
        return f"source          {r.title}: {r.failure}"
    tree = "tree read" if r.present_done else "reading the tree"
    if r.past_done:
        past = "past read"
    elif r.past_left is None:
        past = "past waits"
    else:
        past = f"past {r.past_commits:,} of {r.past_commits + r.past_left:,} commits"
    return f"source          {r.title}: {r.commits:,} new commits sent, {tree}, {past}"


def programs(status: Status | None, states: Mapping[str, tuple[str, int]]) -> Iterable[str]:
    yield _row("program", "state", "lag", "documents", "docs/s", "rejected", "dead", "restarts")
    stages = {stage.name: stage for stage in status.stages} if status else {}
    for name, (state, restarts) in states.items():
        stage = stages.get(name)
        figures: tuple[object, ...] = ("", "", "", "", "")
        if stage is not None:
            figures = (
                f"{stage.lag:,}", f"{stage.documents_in:,}", f"{stage.documents_per_s:.0f}", f"{stage.rejected:,}",
                f"{stage.dead:,}",
            )  # fmt: skip
        elif name == "train" and status and status.trainer:
            total = status.trainer.total
            figures = (f"{status.trainer.lag:,}", f"{total.trained:,}", "", "", f"{total.dead:,}")
        yield _row(name, state, *figures, restarts or "")


def _row(name: str, state: str, *figures: object) -> str:
    return f"{name:<12}{state:<8}" + "".join(f"{figure!s:>10}" for figure in figures)


def duration(seconds: float) -> str:
    """Whole seconds, minutes, hours or days."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 100 * 3600 else f"{seconds / 86400:.0f} days"
