"""`midstream models list`, `promote` and `rollback`: which checkpoint is served, and why."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings
from model import choice, torn
from model.manifest import CheckpointError, Manifest, folders, read_manifest

CHECKPOINTS = click.option(
    "--checkpoints", type=click.Path(path_type=Path, file_okay=False), help="Default: [paths] checkpoints."
)


@click.command("list")
@CHECKPOINTS
@click.option("--json", "as_json", is_flag=True, help="One JSON object a checkpoint.")
@with_settings
def list_(checkpoints: Path | None, as_json: bool, settings: Settings) -> None:
    """The checkpoints, newest first: what each scored, which one is served, and why others are not."""
    root = _root(settings, checkpoints)
    for row in _rows(root):
        click.echo(json.dumps(row) if as_json else _line(row))
    if gone := choice.missing(root):
        click.echo(gone, err=True)


@click.command()
@click.argument("version", required=False)
@CHECKPOINTS
@with_settings
def promote(version: str | None, checkpoints: Path | None, settings: Settings) -> None:
    """Serve VERSION although the gate withheld it; later ones are held against it. Without VERSION: end a roll-back, so
    that the newest that passed the gate is served again."""
    root = _root(settings, checkpoints)
    if version is None:
        choice.write(root)
        click.echo(f"The newest that passed the gate is served: {_served(root)}.")
        return
    chosen = _find(root, version)
    choice.write(root, accepted=chosen.model_version)
    served = _served(root)
    if served == chosen.model_version:
        click.echo(f"{served} is served, and what comes after it is held against it.")
    else:
        click.echo(f"{chosen.model_version} may be served; {served} is newer, and is served. To go back: rollback.")


@click.command()
@click.argument("version", required=False)
@CHECKPOINTS
@with_settings
def rollback(version: str | None, checkpoints: Path | None, settings: Settings) -> None:
    """Serve VERSION, or the one before that which is served now, until `midstream models promote`. Training goes on."""
    root = _root(settings, checkpoints)
    now = _served(root)
    if version is None:
        older = (m.model_version for _, m in _all(root) if not m.withheld and m.is_worth_serving)
        versions = list(dict.fromkeys(older))
        at = versions.index(now) if now in versions else -1
        if at + 1 >= len(versions):
            raise click.ClickException(f"There is no checkpoint before {now or 'the first'} in {root}: name a VERSION.")
        version = versions[at + 1]
    chosen = _find(root, version)
    choice.write(root, pinned=chosen.model_version)
    click.echo(f"{chosen.model_version} is served until `midstream models promote`; training goes on.")


def _root(settings: Settings, checkpoints: Path | None) -> Path:
    root = checkpoints or settings.paths.checkpoints
    assert root is not None
    if not folders(root):
        raise click.ClickException(f"{root} has no checkpoint yet.")
    return root


def _all(root: Path) -> Iterator[tuple[Path, Manifest]]:
    """Newest first, those that can be read."""
    for path in reversed(folders(root)):
        try:
            yield path, read_manifest(path)
        except CheckpointError as error:
            click.echo(str(error), err=True)


def _find(root: Path, version: str) -> Manifest:
    """By its version, its folder's name, or a beginning of these that no other model has."""
    begun: dict[str, Manifest] = {}
    for path, manifest in _all(root):
        if version in (manifest.model_version, path.name):
            return manifest
        if version and (manifest.model_version.startswith(version) or path.name.startswith(version)):
            begun.setdefault(manifest.model_version, manifest)
    if len(begun) == 1:
        return begun.popitem()[1]
    what = f"several that begin with {version!r}: {', '.join(begun)}" if begun else f"no {version!r}"
    known = "" if begun else f". It has {', '.join(dict.fromkeys(m.model_version for _, m in _all(root)))}"
    raise click.ClickException(f"{root} has {what}{known}.")


def _served(root: Path) -> str:
    worth = (m.model_version for _, m in choice.served(root) if m.is_worth_serving)
    return next(worth, "")


def _rows(root: Path) -> Iterator[dict[str, Any]]:
    """One a model: of several states of the feed the newest."""
    served, chosen = _served(root), choice.read(root)
    seen: set[str] = set()
    for path, m in _all(root):
        if m.model_version in seen:
            continue
        seen.add(m.model_version)
        yield {
            "version": m.model_version, "checkpoint": path.name, "step": m.step, "tokens": m.tokens,
            "bits_per_byte": m.bits_per_byte, "frozen_bits": m.frozen_bits, "merged": m.merged,
            "served": m.model_version == served, "pinned": m.model_version == chosen.pinned,
            "accepted": m.model_version == chosen.accepted, "withheld": m.withheld, "written_ms": m.written_ms,
            "damage": torn.damage(path, m),
        }  # fmt: skip


def _line(row: dict[str, Any]) -> str:
    written = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["written_ms"] / 1000))
    bits = "".join(
        f"  {row[name]:.3f} {what}" for name, what in (("bits_per_byte", "bits/byte"), ("frozen_bits", "frozen"))
        if row[name] is not None
    )  # fmt: skip
    state = "served" if row["served"] else ""
    if row["pinned"]:
        state = "served, rolled back to"
    if row["withheld"]:
        state = f"{'accepted; ' if row['accepted'] else ''}{state + '; ' if state else ''}withheld: {row['withheld']}"
    if row["damage"]:
        state = f"damaged: {row['damage']}"
    return f"{row['version']:<32} {written}  step {row['step']:,}  {row['tokens']:,} tokens{bits}  {state}".rstrip()
