"""`midstream audit`: every document of every source record, looked for by its id at the other end."""

from __future__ import annotations

import sys

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@with_settings
def audit(settings: Settings, as_json: bool) -> None:
    """Hold the ids of the source topics against those trained on, waiting, rejected and dead.

    Reads the source topics from what retention has left of them. Exits 1 when a document is nowhere or was trained on
    twice.
    """
    import msgspec

    from midstream.audit import audit as account
    from model.manifest import newest
    from streams.feed.state import decode
    from streams.kafka.topics import check

    connection, folder = settings.connection(), settings.paths.checkpoints
    assert folder is not None
    check(connection)  # what is missing first is said first: a broker, then topics, then a checkpoint
    checkpoint = newest(folder)
    if checkpoint is None or not checkpoint[1]:  # of imported weights the first has no state of the feed
        raise click.ClickException(f"There is no checkpoint in {folder} yet: nothing was trained on.")
    result = account(connection, folder, decode(checkpoint[1]))
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        for name, value in msgspec.to_builtins(result).items():
            shown = (
                ", ".join(f"{rule} {count:,}" for rule, count in value.items())
                if isinstance(value, dict)
                else f"{value:,}"
            )
            click.echo(f"{name.replace('_', ' '):<14} {shown or 'none'}")
    sys.exit(bool(result.lost or result.trained_twice))
