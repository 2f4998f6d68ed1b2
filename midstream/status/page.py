"""What `midstream up` and `midstream status` show, as a page of text: what needs a person, how fresh the model is, what
each source was read to, and what each program does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midstream.status.overview import Status
    from streams.pace import Pace
    from streams.sources.report import RepositoryReport, SourcesReport


WHOLE = ("NEEDS", "note")
"""Lines that are not cut at the page's width."""
STILL_S = 60.0
"""A repository of which nothing was sent for so long, though there is more, is said to stand still, with the cause."""


def page(
    status: Status | None, sources: SourcesReport | None, pace: Pace | None, states: Mapping[str, tuple[str, int]],
    logs: str, width: int = 100, notes: Sequence[str] = (),
) -> str:  # fmt: skip
    """`states`: of each program, what it does and how often it was started again. `status` None: no broker answers.
    `notes`: sentences that a person should know, and need not act on."""
    lines = [f"NEEDS A PERSON  {need}" for need in (status.needs if status else ["no broker answers"])]
    lines += [f"note            {note}" for note in notes]
    lines += [*fresh(status, sources, pace), "", *repositories(sources), ""]
    lines += [*programs(status, states), "", f"logs: {logs}"]
    return "\n".join(line if line.startswith(WHOLE) else line[:width] for line in lines)


def fresh(status: Status | None, sources: SourcesReport | None, pace: Pace | None) -> list[str]:
    """How far training is behind."""
    return [f"training        {training(status, pace)}", f"lag             {lag(sources)}"]


def training(status: Status | None, pace: Pace | None) -> str:
    trainer = status.trainer if status else None
    if trainer is None:
        before = f"no step yet, {status.imported} is served" if status and status.imported else "no checkpoint yet"
        return before if not (pace and pace.tokens_per_s) else f"{pace.tokens_per_s:,.0f} tokens/s"
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
    """What each was read to, what is left, and what was left out by reason."""
    if sources is None:
        return ["sources         nothing was read yet"]
    lines = [line for repository in sources.repositories for line in _repository(repository, sources.fresh)]
    if words := left(sources):
        lines.append(f"left            {words}")
    counts: Counter[str] = sum((Counter(r.left_out) for r in sources.repositories), Counter())
    lines += [
        f"{'' if n else 'left out':<16}{count:>9,} {reason}" for n, (reason, count) in enumerate(counts.most_common())
    ]
    lines.append(f"{'':<16}new commits sent, and what was left out, by all runs from this state folder")
    return lines


def left(sources: SourcesReport | None) -> str:
    """Tokens of the trees and the past that are still to be trained on, and how long they take; empty: not known."""
    if sources is None or not sources.fresh:
        return ""
    parts = [
        f"{_tokens(tokens)} of the {name}"
        for name, tokens in (("trees", sources.tree_tokens), ("past", sources.past_tokens)) if tokens
    ]  # fmt: skip
    if not parts:
        return ""
    eta = f": {duration(sources.eta_s)} as it goes" if sources.eta_s else ""
    return f"about {' and '.join(parts)}, in tokens{eta}"


def _tokens(count: int) -> str:
    return f"{count / 1e6:,.1f} million" if count >= 100_000 else f"{count:,}"


def _repository(r: RepositoryReport, fresh: bool) -> Iterable[str]:
    if r.failure:
        yield f"source          {r.title}: {r.failure}"
        return
    tree = "tree read" if r.present_done else "reading the tree"
    if r.past_done:
        past = "past read"
    elif r.past_left is None:
        past = "past waits"
    else:
        past = f"past {r.past_commits:,} of {r.past_commits + r.past_left:,} commits"
    counts = [f"{sum(r.left_out.values()):,} left out"] if r.left_out else []
    yield f"source          {r.title}: {', '.join([f'{r.commits:,} new commits sent', tree, past, *counts])}"
    if fresh and r.still_s > STILL_S:
        cause = (
            "it waits until the trainer has room for its next part" if r.waits_for_room else "others have their turn"
        )
        yield f"{'':<16}nothing of it was sent for {duration(r.still_s)}: {cause}"
    if r.damage:
        yield f"note            {r.damage}"


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
