"""`midstream token NAME`: a token for someone who may ask the server."""

from __future__ import annotations

import os
from pathlib import Path

import click

from server.access.tokens import TokensError, new, read


@click.command()
@click.argument("name")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="File that the line is added to.")
def token(name: str, file: Path | None) -> None:
    """Print a new token, which is kept nowhere, and the line for the file of `[serve] tokens`, which holds its hash."""
    try:
        secret, line = new(name)
        if file is not None:
            _add(file, name, line)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(secret)
    click.echo(f"added to {file}" if file else line, err=file is not None)


def _add(file: Path, name: str, line: str) -> None:
    """A file that is not there is made for its owner alone. Raises TokensError and OSError."""
    if file.exists() and any(one.name == name for one in read(file)):
        raise TokensError(f"{file} has a token of the name {name}: take its line out first")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b") as out:
        data = out.read()
        out.write((b"" if not data or data.endswith(b"\n") else b"\n") + f"{line}\n".encode())
