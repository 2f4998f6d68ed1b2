"""`midstream status`: lag, counts, drop reasons, rates, and the conservation sum."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

    from midstream.status.overview import StageStatus, Status
    from midstream.status.trainer import Conservation, TrainerStatus


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.option("--partitions", is_flag=True, help="Also the lag of every partition.")
@with_settings
def status(settings: Settings, as_json: bool, partitions: bool) -> None:
    """Print what needs a person, and what every stage and the trainer have done and have before them.

    Exits 1 when something needs a person.
    """
    import msgspec
    from msgspec.structs import replace

    from midstream.asking import answers
    from midstream.status.overview import collect

    state = replace(collect(settings, once=True), server=answers(settings))
    if as_json:
        click.echo(msgspec.json.encode(state))
    else:
        from rich.console import Console

        console = Console()
        for table in tables(state, partitions):
            console.print(table)
        for line in [*sources(settings), f"server          {state.server}"]:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    sys.exit(bool(state.needs))


def sources(settings: Settings) -> list[str]:
    """How far training is behind, and what each repository was read to; nothing where none was."""
    from midstream.status.page import lag, repositories
    from streams.sources import report

    latest = report.read(settings.paths.state)
    return [f"lag             {lag(latest)}", *repositories(latest)] if latest else []


def tables(state: Status, partitions: bool = False) -> list[Table | str]:
    from rich.markup import escape

    shown: list[Table | str] = [*(f"[bold red]{escape(need)}[/]" for need in state.needs), _stages(state.stages)]
    if partitions:
        shown.append(_partitions(state))
    if any(stage.rules or stage.cut for stage in state.stages):
        shown.append(_rules(state.stages))
    if any(stage.redacted for stage in state.stages):
        shown.append(_redacted(state.stages))
    shown += [
        f"{s.name}: {s.foreign:,} records that are no Frames were passed over: `midstream deadletters list`"
        for s in state.stages if s.foreign
    ]  # fmt: skip
    if state.trainer and state.trainer.foreign:
        count = state.trainer.foreign
        shown.append(f"train: {count:,} records of examples that are no Frames were passed over; its log names them")
    if state.trainer and state.trainer.misfits:
        count = state.trainer.misfits
        shown.append(f"train: {count:,} Frames were passed over that had been packed under another setting")
    shown += [f"{source}: an open transaction holds back what is behind it." for source in state.open_transactions]
    if state.trainer:
        return [*shown, *_trainer(state.trainer, not state.needs)]
    return [*shown, f"No step yet: {state.imported} is served." if state.imported else "No checkpoint yet."]


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in ("stage", "source", "rule", "topic", "kind") else "right")
    return table


def _stages(stages: list[StageStatus]) -> Table:
    table = _table("Stages", "stage", "lag", "in", "out", "rejected", "dead", "docs/s", "docs/CPU s", "CPU s")
    for s in stages:
        rates = (f"{s.documents_per_s:,.0f}", f"{s.documents_per_cpu_s:,.0f}", f"{s.cpu_s:,.1f}")
        table.add_row(s.name, *_counts(s.lag, s.documents_in, s.documents_out, s.rejected, s.dead), *rates)
    return table


def _partitions(state: Status) -> Table:
    table = _table("Partitions", "stage", "topic", "committed", "end", "lag")
    rows = [(s.name, p) for s in state.stages for p in s.partitions]
    rows += [("train", p) for p in (state.trainer.partitions if state.trainer else [])]
    for name, p in rows:
        table.add_row(name, f"{p.topic}/{p.partition}", *_counts(p.committed, p.end, p.lag))
    return table


def _rules(stages: list[StageStatus]) -> Table:
    table = _table("Dropped by rule", "stage", "rule", "documents")
    for stage in stages:
        if stage.cut and stage.name == "prepare":
            table.add_row(stage.name, "too long: cut, and kept", f"{stage.cut:,}")
        for rule, count in stage.rules.items():
            table.add_row(stage.name, rule, f"{count:,}")
    return table


def _redacted(stages: list[StageStatus]) -> Table:
    table = _table("Redacted", "kind", "replacements")
    for kind, count in (item for stage in stages for item in stage.redacted.items()):
        table.add_row(kind, f"{count:,}")
    return table


def _trainer(t: TrainerStatus, whole: bool) -> list[Table | str]:
    """`whole`: nothing is missing before the trainer either, so the sum says something."""
    bits = "none" if t.bits_per_byte is None else f"{t.bits_per_byte:.3f}"
    title = f"Checkpoint {t.model_version}: lag {t.lag:,}, bits per byte {bits}, packing use {t.packing_use:.3f}"
    table = _table(title, "source", "documents", "= waiting", "+ trained", "+ rejected", "+ dead", "+ skipped")
    for c in (*t.sources, t.total):
        table.add_row(c.source, *_counts(c.documents, c.waiting, c.trained, c.rejected, c.dead, c.skipped))
    given_up = [f"{c.source}: {_given_up(c)}" for c in t.sources if c.lost]
    verdict = f"THE SUM DOES NOT HOLD: {t.held:,} documents are in the bins"
    if t.conserved:
        verdict = "the sum holds" if whole else "the sum holds for what arrived"
    said = f"{verdict}; {t.replaced:,} replaced, {t.retryable:,} may be retried; {t.replayed:,} examples replayed"
    capped = [f"{t.capped_bytes:,} bytes of long commits left out by \\[pack] commit_tokens"] if t.capped_bytes else []
    kinds = "  ".join(f"{kind} {value:.3f}" for kind, value in t.groups.items() if "/" not in kind)
    return [table, said, *capped, *([f"bits per byte by kind: {kinds}"] if kinds else []), *given_up]


def _given_up(c: Conservation) -> str:
    from streams.feed.state import ranges

    named = f", {ranges(c.given_up)}" if c.given_up else ""
    return f"{c.lost:,} offsets were given up by `midstream repair --accept-loss`{named}"


def _counts(*values: int) -> list[str]:
    return [f"{value:,}" for value in values]
