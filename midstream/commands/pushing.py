"""`midstream models push`: checkpoints into an object store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from midstream.commands.choosing import CHECKPOINTS
from midstream.commands.options import with_settings
from midstream.settings import Settings

if TYPE_CHECKING:
    from midstream.models.push import Push

AGAIN_S = 1.0
"""Between two looks at the folder."""
LATER_S = 10.0
"""After the store did not answer."""


@click.command()
@click.argument("url")
@CHECKPOINTS
@click.option("--follow", is_flag=True, help="Go on: push each new checkpoint, until Ctrl-C.")
@click.option("--whole", is_flag=True, help="With what training goes on from, too.")
@with_settings
def push(url: str, checkpoints: Path | None, follow: bool, whole: bool, settings: Settings) -> None:
    """Write the checkpoint that is served into the folder URL of an object store, as fsspec names it
    (s3://bucket/folder), for servers whose [serve] follow names it."""
    from midstream.models.push import Push
    from model.manifest import CheckpointError
    from server.settings import is_url
    from server.store import StoreError, shown

    if not is_url(url):
        raise click.UsageError(f"URL is a folder in a store, as s3://bucket/folder, not {url!r}.")
    root = checkpoints or settings.paths.checkpoints
    assert root is not None
    try:
        pushing = Push(root, url, click.echo, whole)
        if follow:
            _follow(pushing)
        else:
            pushing.push()
    except (StoreError, CheckpointError) as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:  # of any store's library
        raise click.ClickException(f"{shown(url)}: {type(error).__name__}: {shown(str(error))}") from error


def _follow(pushing: Push) -> None:
    """Until SIGTERM, SIGINT or SIGHUP. A store that is away for a while is tried again."""
    import signal
    import threading

    from model.manifest import CheckpointError
    from server.store import shown

    ending, said = threading.Event(), ""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())
    while not ending.is_set():
        try:
            pushing.push()
            said, wait = "", AGAIN_S
        except Exception as error:
            what = str(error) if isinstance(error, CheckpointError) else f"{type(error).__name__}: {error}"
            reason, wait = shown(what), LATER_S
            if reason != said:
                click.echo(reason, err=True)
            said = reason
        ending.wait(wait)
