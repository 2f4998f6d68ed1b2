"""Which checkpoint of a folder is served: the newest that passed the gate, unless a person has chosen another.

The choice is a file in the folder, which trainer, server and command line read. Loads no torch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from model.manifest import CheckpointError, Manifest, folders, read_manifest

FILE = "served.json"


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person has chosen."""

    pinned: str = ""
    """The model version that is served until another is promoted; empty: the newest that passed."""
    accepted: str = ""
    """The model version that is served although the gate withheld it; what comes after it is held against it."""
    at_ms: int = 0
    """Milliseconds since 1970."""


def read(root: Path) -> Choice:
    """Nothing chosen where there is no file. Raises CheckpointError for one that cannot be read."""
    path = root / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Choice)
    except FileNotFoundError:
        return Choice()
    except (OSError, msgspec.MsgspecError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}): remove it to serve the newest checkpoint") from error


def write(root: Path, pinned: str = "", accepted: str = "") -> None:
    unfinished = root / f".{FILE}.unfinished"
    chosen = Choice(pinned=pinned, accepted=accepted, at_ms=time.time_ns() // 1_000_000)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(chosen))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(root / FILE)


def may_serve(manifest: Manifest, chosen: Choice) -> bool:
    """Whether the checkpoint may be served; the newest of those is."""
    if chosen.pinned:
        return manifest.model_version == chosen.pinned
    return not manifest.withheld or manifest.model_version == chosen.accepted


def served(root: Path) -> Iterator[tuple[Path, Manifest]]:
    """The checkpoints that may be served, newest first; damaged ones are passed over."""
    chosen = read(root)
    for path in reversed(folders(root)):
        try:
            manifest = read_manifest(path)
        except CheckpointError:
            continue
        if may_serve(manifest, chosen):
            yield path, manifest


def missing(root: Path) -> str:
    """What is said where the checkpoint that a person has chosen is gone; empty: none was chosen, or it is there."""
    chosen = read(root).pinned
    if not chosen or any(manifest.model_version == chosen for _, manifest in served(root)):
        return ""
    return (
        f"{chosen} is to be served ({root / FILE} says so), and no checkpoint in {root} is it: put it back, or "
        "serve the newest, `midstream models promote`"
    )
