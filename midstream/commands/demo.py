"""`midstream demo`: the whole path once, with a live line and a report at the end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings


@click.command()
@click.option(
    "--checkout", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path(),
    help="A clone of git whose history is read; else the one that it is run in.",
)  # fmt: skip
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), default=Path("demo-report.json"))
@with_settings
def demo(settings: Settings, checkout: Path, report: Path) -> None:
    """Broker, ingest, stages, training, serving, completions, five commits; ends with a report."""
    from rich.console import Console

    from midstream.demo.demo import Demo, StepFailed
    from midstream.processes.lock import FolderLock
    from midstream.status.display import Display
    from streams.sources.git.objects import Git, GitError

    try:
        Git(checkout).run("rev-parse", "--git-dir")
    except GitError as error:
        raise click.UsageError(
            f"{error}: the demo reads a repository's history. Run it in a clone, or name one, --checkout DIR."
        ) from error
    console = Console()
    folder = settings.paths.state.absolute() / "demo"
    with FolderLock(folder, "`midstream demo`"), Display(console) as display:
        run = Demo(checkout.absolute(), folder, settings.paths.cache.absolute(), display.say)
        try:
            result = asyncio.run(_until_done(run.run()))
        except StepFailed as failed:
            raise click.ClickException(str(failed)) from failed
        except (KeyboardInterrupt, asyncio.CancelledError):
            sys.exit("stopped; everything that the demo had started has ended")
    result.write(report)
    result.show(console)
    console.print(f"written to {report}")
    if failures := result.failures():
        raise click.ClickException("the delivery promise was broken: " + ", ".join(failures))


async def _until_done(work):  # pyright: ignore[reportMissingParameterType]
    """The work's result; SIGTERM and SIGHUP cancel it as Ctrl-C does."""
    task = asyncio.ensure_future(work)
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task
