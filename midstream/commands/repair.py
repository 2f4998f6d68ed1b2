"""`midstream repair`: what is missing between the stages, and its way back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings

if TYPE_CHECKING:
    from streams.repair.plan import Missing
    from streams.repair.steps import Step


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--accept-loss", is_flag=True, help="Go on without what the source topics no longer hold.")
@with_settings
def repair(settings: Settings, dry_run: bool, accept_loss: bool) -> None:
    """Compare the marks of neighbouring parts and bring back what lies between them. Stop the workers first.

    Exits 1 when something is missing and was not repaired.
    """
    from midstream.repair import look
    from streams.repair.act import act
    from streams.repair.steps import Skip

    gaps, steps = look(settings)
    if not steps:
        click.echo("Nothing is missing.")
        return
    for line in lines(gaps, steps):
        click.echo(line)
    if any(isinstance(step, Skip) for step in steps) and not accept_loss:
        click.echo("Nothing was done: what is lost cannot be had back. With --accept-loss the rest goes on without it.")
        sys.exit(1)
    if dry_run:
        sys.exit(1)
    act(settings.connection(), steps)
    click.echo("Done. Start the workers again; the trainer takes what comes.")


def lines(gaps: list[Missing], steps: list[Step]) -> list[str]:
    return [*(f"missing: {gap}" for gap in gaps), *(f"repair:  {step}" for step in steps)]
