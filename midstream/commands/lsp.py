"""`midstream lsp`: the language server over stdio."""

from __future__ import annotations

from importlib.resources import files

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings


@click.command()
@click.option("--server", help="host:port of `midstream serve`.")
@click.option("--editors", is_flag=True, help="Print the folder of the editors' plug-ins and end.")
@with_settings
def lsp(server: str | None, editors: bool, settings: Settings) -> None:
    """Run the language server over stdio; an editor starts this."""
    if editors:
        click.echo(files("lsp") / "editors")
        return
    import logging

    from lsp.app import serve
    from midstream.asking import options

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    serve(options(settings, server or settings.lsp.server))
