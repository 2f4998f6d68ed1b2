"""`midstream complete FILE:LINE:COL`: one completion from the shell."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import click

from lsp.options import OptionsError
from midstream.commands.options import with_settings
from midstream.settings import Settings
from model.lines import split as split_lines

_NUMBER = re.compile(r"0*[1-9][0-9]{0,8}")
MOST = 2**31 - 1
"""Of a number in a request."""
NEAR = 500_000
"""Characters on either side that are sent: no context holds as many."""


class CursorPlace(click.ParamType):
    """FILE:LINE:COL, both counted from 1; COL counts characters, and one past the last is the line's end."""

    name = "FILE:LINE:COL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Path, int, int]:
        file, _, rest = value.rpartition(":")
        file, _, line = file.rpartition(":")
        if not file or not _NUMBER.fullmatch(line) or not _NUMBER.fullmatch(rest):
            self.fail(f"{value!r} is not FILE:LINE:COL with numbers from 1", param, ctx)
        return Path(file), int(line), int(rest)


@click.command()
@click.argument("place", type=CursorPlace())
@click.option("--server", help="host:port of `midstream serve`.")
@click.option("--model", default="", help="Name of one of the server's models; default: its main one.")
@click.option("--max-tokens", type=click.IntRange(min=1, max=MOST), default=64, show_default=True)
@click.option("--single-line", is_flag=True, help="Stop at the end of the line.")
@click.option("--until", type=click.Choice(["text", "line", "statement", "scope"]), default="text", show_default=True)
@click.option(
    "--deadline-ms", type=click.IntRange(min=0, max=MOST), default=0, help="Return what is ready after so long."
)
@click.option("--token-file", type=click.Path(path_type=Path), help="The server's token; else MIDSTREAM_TOKEN is it.")
@click.option("--tls", is_flag=True, help="TLS, with the machine's own authorities.")
@click.option("--ca", type=click.Path(path_type=Path), help="PEM file of the authorities that vouch for the server.")
@click.option("--tls-name", help="The name in the server's certificate, if it is another than you ask by.")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file of your certificate, if it wants one.")
@click.option("--key", type=click.Path(path_type=Path), help="PEM file of its key.")
@with_settings
def complete(
    place: tuple[Path, int, int],
    server: str | None,
    model: str,
    max_tokens: int,
    single_line: bool,
    until: str,
    deadline_ms: int,
    token_file: Path | None,
    tls: bool,
    ca: Path | None,
    tls_name: str | None,
    certificate: Path | None,
    key: Path | None,
    settings: Settings,
) -> None:
    """Print what the served model would insert at FILE:LINE:COL."""
    from midstream.asking import asking
    from server.client import Client, ServerError
    from server.request import Until

    file, line, column = place
    try:
        prefix, suffix = split(file.read_bytes().decode(), line, column)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise click.ClickException(f"{file}: {error}") from error
    options = {
        "path": path_in_repository(file),
        "model": model,
        "max_tokens": max_tokens,
        "single_line": single_line,
        "until": Until[until.upper()],
    }
    words = {"server_token_file": token_file, "ca": ca, "tls_name": tls_name, "certificate": certificate, "key": key}
    given = {name: str(word) for name, word in words.items() if word}
    address = server or settings.serve.listen
    try:
        chosen = settings.lsp.with_changes({**given, **({"tls": True} if tls else {})})
        with Client(address, asking(replace(settings, lsp=chosen), address)) as client:
            for piece in client.stream(prefix[-NEAR:], suffix[:NEAR], deadline_ms=deadline_ms, **options):
                click.echo(piece.text, nl=False)
    except (ServerError, OptionsError) as error:
        raise click.ClickException(str(error)) from error
    click.echo()


def split(text: str, line: int, column: int) -> tuple[str, str]:
    """Text before and after the place. Raises ValueError when the text has no such place."""
    lines = split_lines(text) or [""]
    if text.endswith(("\n", "\r")):
        lines.append("")
    if line > len(lines):
        raise ValueError(f"there is no line {line}, the last is {len(lines)}")
    width = len(lines[line - 1].rstrip("\r\n"))
    if column > width + 1:
        raise ValueError(f"line {line} has no column {column}, its end is {width + 1}")
    at = sum(map(len, lines[: line - 1])) + column - 1
    return text[:at], text[at:]


def path_in_repository(file: Path) -> str:
    """The path as training saw it: from the repository's root, or the name alone outside of one."""
    file = file.resolve()
    root = next((folder for folder in file.parents if (folder / ".git").exists()), file.parent)
    return file.relative_to(root).as_posix()
