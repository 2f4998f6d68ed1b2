"""`midstream export`: the clean stream as files for other trainers."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings

if TYPE_CHECKING:
    from model.tokens.tokenizer import Tokenizer
    from streams.export.export import Export
    from streams.export.folder import Folder
    from streams.export.layout import Layout
    from streams.export.state import ExportOrigin, ExportState
    from streams.kafka.topics import Genesis

LAYOUTS = ("parquet", "jsonl", "megatron", "mds")
SHARD_MB = 64
SHOWN_EVERY_S = 0.5


@dataclass(frozen=True)
class ExportRequest:
    """The command line. What is None was not given: the folder decides, or the default."""

    layout: str
    shard_mb: int | None
    compression: str | None
    pass_gaps: bool
    tokenizer: Tokenizer | None


@click.command()
@click.option("--to", "layout", required=True, type=click.Choice(LAYOUTS))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The export's folder.")
@click.option(
    "--shard-mb",
    type=click.IntRange(1, 256),
    help=f"Millions of characters of text in a shard; {SHARD_MB}, or what the folder was begun with.",
)
@click.option("--compress", type=click.Choice(["none", "gzip", "zstd"]), help="Of jsonl; none by default.")
@click.option("--pass-gaps", is_flag=True, help="Go on over what retention deleted, and name it in the data card.")
@with_settings
def export(
    settings: Settings, layout: str, out: Path, shard_mb: int | None, compress: str | None, pass_gaps: bool
) -> None:
    """Write the documents of `clean`, from where the last export into the folder ended to the present end."""
    from streams.export.folder import Folder
    from streams.export.state import ExportError
    from streams.kafka.topics import check

    if compress and layout != "jsonl":
        raise click.UsageError("--compress is for --to jsonl: parquet is compressed anyway, megatron and mds are not.")
    tokenizer = _tokenizer(settings) if layout == "megatron" else None
    genesis = check(settings.connection())
    try:
        with Folder(out).held() as folder:
            _export(settings, folder, genesis, ExportRequest(layout, shard_mb, compress, pass_gaps, tokenizer))
    except ExportError as error:
        raise click.ClickException(f"{out}: {error}.") from error
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written to: {error.strerror or type(error).__name__}.") from error


def _export(settings: Settings, folder: Folder, genesis: Genesis, request: ExportRequest) -> None:
    from streams.export import card
    from streams.export.export import Export
    from streams.export.run import begin, renew, run
    from streams.export.state import refuse_other
    from streams.kafka.topics import first_genesis

    state = folder.read()
    origin = _origin(settings, genesis, request, state)
    if state:
        renew(state, genesis, first_genesis(settings.connection()))
        refuse_other(state.origin, origin)
    layout = _layout(origin, settings, request.tokenizer)

    def beside(state: ExportState) -> dict[str, bytes]:
        return card.beside(state, layout)

    folder.settle(state, beside)
    opened = Export(folder, layout, state or begin(origin, genesis), beside, request.pass_gaps)
    before = _exported(opened)
    with closing(opened), _stopping() as stop, _progress(opened) as progress:
        run(settings.connection(), opened, request.pass_gaps, stop.is_set, progress)
    _summary(opened, folder.path, before, stop.is_set())


def _origin(settings: Settings, genesis: Genesis, request: ExportRequest, state: ExportState | None) -> ExportOrigin:
    import msgspec

    from model.tokens.ends import format_of
    from streams.export.run import fingerprint
    from streams.export.state import ExportOrigin
    from streams.prepare.recipes.reading import resolve

    was = state.origin if state else None
    chars = request.shard_mb * 1_000_000 if request.shard_mb else was.shard_chars if was else SHARD_MB * 1_000_000
    compression = request.compression or (was.compression if was else "none") if request.layout == "jsonl" else ""
    return ExportOrigin(
        layout=request.layout,
        compression=compression,
        shard_chars=chars,
        genesis=fingerprint(genesis),
        recipe=msgspec.json.decode(msgspec.json.encode(resolve(settings.recipe).settings())),
        index=asdict(settings.index),
        tokenizer=request.tokenizer.hash if request.tokenizer else "",
        format=format_of(settings.model.format, request.tokenizer, _beside(settings)).name if request.tokenizer else "",
    )


def _layout(origin: ExportOrigin, settings: Settings, tokenizer: Tokenizer | None) -> Layout:
    if tokenizer:
        from model.tokens.ends import format_of
        from streams.export.megatron import Megatron

        try:
            return Megatron(tokenizer, format_of(origin.format, tokenizer, _beside(settings)))
        except ValueError as error:
            raise click.ClickException(f"{settings.paths.tokenizer} does not fit {origin.format}: {error}.") from error
    if origin.layout == "parquet":
        from streams.export.parquet import Parquet

        return Parquet()
    if origin.layout == "mds":
        from streams.export.mds import Mds

        return Mds()
    from streams.export.jsonl import Jsonl

    return Jsonl(origin.compression)  # type: ignore[arg-type]


def _beside(settings: Settings) -> Path:
    """The folder of the tokenizer's file."""
    assert settings.paths.tokenizer is not None
    return settings.paths.tokenizer.parent


def _tokenizer(settings: Settings) -> Tokenizer:
    from model.tokens.tokenizer import Tokenizer

    path = settings.paths.tokenizer
    assert path is not None
    try:
        return Tokenizer.load(path)
    except OSError as error:
        raise click.ClickException(
            f"{path}: {error.strerror}. Token ids need a tokenizer: make one with "
            "`midstream tokenizer train --from-topic`, or name one in [paths] tokenizer."
        ) from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or SIGTERM; the second one ends the program at once, which loses nothing either."""
    stop = threading.Event()

    def asked(number: int, frame: object) -> None:
        if stop.is_set():
            sys.exit(128 + number)
        stop.set()

    former = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _progress(opened: Export) -> Iterator[Callable[[], None]]:
    from rich.console import Console

    from midstream.status.display import Display

    before, shown = _exported(opened), time.monotonic()
    with Display(Console(stderr=True)) as display:

        def show() -> None:
            nonlocal shown
            if time.monotonic() - shown > SHOWN_EVERY_S:
                shown = time.monotonic()
                display.say(f"exporting: {_exported(opened) - before:,} documents, {len(opened.state.shards):,} shards")

        yield show


def _exported(opened: Export) -> int:
    return sum(shard.documents for shard in opened.state.shards)


def _summary(opened: Export, path: Path, before: int, stopped: bool) -> None:
    state = opened.state
    size = sum(sum(shard.files.values()) for shard in state.shards)
    counts = state.counts.values()
    click.echo(f"{'stopped; ' if stopped else ''}{path}: {_exported(opened) - before:+,} documents in this run")
    click.echo(
        f"{sum(c.documents for c in counts):,} documents = {_exported(opened):,} exported "
        f"({sum(1 for s in state.shards if s.documents):,} shards, {size / 1e6:,.1f} MB) "
        f"+ {sum(c.rejected for c in counts):,} rejected + {sum(c.dead for c in counts):,} dead "
        f"+ {sum(c.removed for c in counts):,} removed"
    )
    for gap in state.gaps:
        click.echo(f"missing: {gap}", err=True)
