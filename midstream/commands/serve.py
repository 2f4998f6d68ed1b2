"""`midstream serve`: completions over gRPC and HTTP, following the checkpoints."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings
from model.bounds import is_address, is_device
from model.config import MOST_THREADS
from server.settings import MAIN, is_url

if TYPE_CHECKING:
    from server.app import ServeConfig
    from server.check import Checked
    from server.imaging import Held


MOST_FILES = 65_536


@click.command()
@click.option("--checkpoints", type=click.Path(path_type=Path, file_okay=False), help="Folder of the checkpoints.")
@click.option("--listen", help="host:port; port 0 takes a free one.")
@click.option("--http", help="host:port of the HTTP service, for editors' other plug-ins; port 0 takes a free one.")
@click.option("--threads", type=click.IntRange(1, MOST_THREADS), help="CPU threads of the model.")
@click.option("--device", help="auto, cpu, cuda or cuda:N.")
@click.option("--check", is_flag=True, help="Answer a few requests, print how fast this machine is, and end.")
@with_settings
def serve(
    checkpoints: Path | None, listen: str | None, http: str | None, threads: int | None, device: str | None,
    check: bool, settings: Settings,
) -> None:  # fmt: skip
    """Serve completions over gRPC, and HTTP where it is asked for, swapping in each new checkpoint without dropping a
    request."""
    import asyncio
    import logging
    import os

    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # else gRPC's core logs bytes that anyone may send, as they are
    from midstream.models.weights import warning
    from server.access.config import Access, access_of
    from server.access.tls import TlsError
    from server.access.tokens import TokensError
    from server.app import CannotListen, ServeConfig
    from server.app import serve as run
    from server.store import StoreError

    _open_more_files()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    chosen = settings.serve
    device = _device(device or chosen.device, chosen.held)
    folders, stores = _places(settings, checkpoints)
    folder = folders.pop(MAIN)
    if MAIN not in stores:
        _begin(settings, folder)
        if word := warning(settings, folder):
            click.echo(word, err=True)
    if listen is not None and not is_address(listen, least_port=0):
        raise click.UsageError(f"--listen must be host:port, the port from 0 to 65,535, not {listen!r}.")
    if http and not is_address(http, least_port=0):
        raise click.UsageError(f"--http must be host:port, the port from 0 to 65,535, not {http!r}.")
    config = ServeConfig(
        folder, listen or chosen.listen, threads or chosen.threads, chosen.rows, chosen.cache_mb, chosen.held,
        device, models=folders, stores=stores, http=chosen.http if http is None else http, access=access_of(chosen),
        memory=chosen.memory,
    )  # fmt: skip
    try:
        if check:
            _check(replace(config, access=Access()))  # it asks itself, on a port of its own
        else:
            asyncio.run(run(config, say=click.echo))
    except (CannotListen, StoreError, TlsError, TokensError) as error:
        raise click.ClickException(str(error)) from error


def _open_more_files() -> None:
    """As many as this user may: each connection is one."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, MOST_FILES) if most >= 0 else MOST_FILES, most))


def _places(settings: Settings, checkpoints: Path | None) -> tuple[dict[str, Path], dict[str, str]]:
    """Folders of the models by name, and the URLs of those that are copied from a store."""
    own = settings.serve.follow if checkpoints is None else ""
    given = {MAIN: own or str(checkpoints or settings.paths.checkpoints), **settings.serve.models}
    stores = {name: place for name, place in given.items() if is_url(place)}
    copies = settings.paths.cache / "followed"
    folders = {
        name: copies / sha256(f"{name}\0{place}".encode()).hexdigest()[:16]
        if name in stores
        else Path(place).expanduser()
        for name, place in given.items()
    }
    return folders, stores


def _device(wanted: str, held: Held) -> str:
    """`cpu`, or a card by torch's name."""
    from server.device import NoDevice, choose

    if not is_device(wanted):
        raise click.UsageError(f"--device must be auto, cpu, cuda or cuda:N, not {wanted!r}.")
    try:
        return choose(wanted, held)
    except NoDevice as error:
        raise click.ClickException(str(error)) from error


def _begin(settings: Settings, checkpoints: Path) -> None:
    """`[model] weights` are imported in a process of its own: it needs torch, the server does not."""
    from midstream.machine import apart
    from midstream.models.weights import begin, is_to_begin
    from midstream.processes.lock import FolderInUse

    if not is_to_begin(settings, checkpoints):
        return
    try:
        with suppress(FolderInUse):  # a trainer that has the folder imports them itself
            apart.call(begin, settings, click.echo, checkpoints)
    except ChildProcessError as error:
        raise click.ClickException(f"{settings.model.weights} is not imported: {error}") from error


def _check(config: ServeConfig) -> None:
    import asyncio

    from server.check import CannotServe

    try:
        for line in asyncio.run(_checked(config)).lines():
            click.echo(line)
    except CannotServe as error:
        raise click.ClickException(str(error)) from error
    except asyncio.CancelledError:
        raise click.Abort from None


async def _checked(config: ServeConfig) -> Checked:
    """SIGTERM and SIGHUP end it as Ctrl-C does: what it has begun, it ends."""
    import asyncio
    import signal

    from server.check import check

    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await check(config)
