"""`midstream recall begin|round|write`: from seeds to the pages of a crawl that speak of code, in three rounds."""

from __future__ import annotations

import re
from pathlib import Path

import click

FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
_PAGE = re.compile(r"[0-9a-f]{16}\.md")
FILES = click.Path(path_type=Path, exists=True)


@click.group()
def recall() -> None:
    """Find the pages of a crawl that speak of code."""


@recall.command()
@FOLDER
@click.option("--seeds", multiple=True, required=True, type=FILES, help="Texts of the kind to look for; several.")
@click.option(
    "--pages",
    multiple=True,
    required=True,
    type=FILES,
    help="JSON lines of url, text, perhaps licence, or .gz; several.",
)
def begin(folder: Path, seeds: tuple[Path, ...], pages: tuple[Path, ...]) -> None:
    """Make FOLDER for a recall, and do its first round.

    Learns from the seeds against a sample of the pages, scores every page, and writes FOLDER/round-1/domains.tsv: the
    domains of which at least a tenth is recalled. Write good or bad in its first column, then go on with `round`.
    """
    from streams.recall import rounds

    try:
        rounds.begin(folder, seeds, pages)
        try:
            _tell(folder, rounds.advance(folder, _say))
        except rounds.RecallError:  # so that it can be begun again
            (folder / "recall.json").unlink()
            raise
    except rounds.RecallError as error:
        raise click.ClickException(str(error)) from error


@recall.command("round")
@FOLDER
def next_round(folder: Path) -> None:
    """Do the next round of FOLDER: what you marked in the last domains.tsv teaches it."""
    from streams.recall import rounds

    try:
        _tell(folder, rounds.advance(folder, _say))
    except rounds.RecallError as error:
        raise click.ClickException(str(error)) from error


@recall.command()
@FOLDER
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@click.option("--licence", default="", help="An SPDX expression, of the pages whose crawl says none.")
def write(folder: Path, target: Path, licence: str) -> None:
    """Write what FOLDER's last round recalled under TARGET, a page a file: `midstream ingest files` reads them.

    A page whose licence is known has a file with it beside; the policy `permissive` drops the others.
    """
    from streams.prepare.licences.classes import parse
    from streams.recall import rounds

    if licence and parse(licence) is None:
        raise click.BadParameter(f"{licence!r} is no SPDX expression; write MIT, or CC-BY-4.0", param_hint="--licence")
    count = licensed = 0
    written: set[Path] = set()
    try:
        for page, _ in rounds.recalled(folder):
            place = target / (_safe(page.domain) or "unknown")
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{page.id}.md").write_text(page.text, encoding="utf-8", errors="replace")
            written.add(place / f"{page.id}.md")
            count += 1
            if stated := page.licence if page.licence and parse(page.licence) is not None else licence:
                line = f"SPDX-License-Identifier: {' '.join(stated.split())}\n"
                (place / f"{page.id}.md.license").write_text(line, encoding="utf-8", errors="replace")
                licensed += 1
        gone = _remove_others(target, written)
    except (rounds.RecallError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if gone:
        click.echo(f"{gone:,} pages of an earlier recall are no longer there")
    click.echo(
        f"{target}: {count:,} pages, {licensed:,} with a licence; read them with `midstream ingest files {target}`"
    )


def _remove_others(target: Path, written: set[Path]) -> int:
    """Pages that an earlier `write` left there, and their licences; how many."""
    stale = [path for path in target.glob("*/*.md") if _PAGE.fullmatch(path.name) and path not in written]
    for path in stale:
        path.unlink()
        path.with_name(f"{path.name}.license").unlink(missing_ok=True)
    for path in written:
        licence = path.with_name(f"{path.name}.license")
        if licence.exists() and licence.stat().st_mtime_ns < path.stat().st_mtime_ns:
            licence.unlink()  # of an earlier one
    return len(stale)


def _safe(domain: str) -> str:
    return "".join(c for c in domain if c.isalnum() or c in ".-").strip(".")[:100]


def _say(line: str) -> None:
    click.echo(line, err=True)


def _tell(folder: Path, made) -> None:  # pyright: ignore[reportMissingParameterType]
    from streams.recall.rounds import ROUNDS

    for what, count in made.left_out.most_common():
        _say(f"left out: {count:,} × {what}")
    share = made.recalled / max(1, made.pages)
    click.echo(f"round {made.number} of {ROUNDS}: {made.recalled:,} of {made.pages:,} pages recalled ({share:.3f})")
    work = folder / f"round-{made.number}"
    if made.number < ROUNDS:
        click.echo(f"{made.domains:,} domains to mark in {work}/domains.tsv, then: midstream recall round {folder}")
    else:
        click.echo(f"take the pages: midstream recall write {folder} TARGET")
