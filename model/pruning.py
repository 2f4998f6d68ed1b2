"""Which checkpoints of a folder are removed once a newer one is there."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from pathlib import Path

from model import based, choice
from model.manifest import CheckpointError, age, folders, read_manifest

logger = logging.getLogger("midstream.model")

REVISIONS = 2
"""Checkpoints of the same weights that are left after pruning."""


def prune(root: Path, reign: int, keep: int) -> None:
    """Leaves the newest `keep` models of this reign and those before it, of each the newest two states of the feed, all
    of later reigns, what is served, and what an adapter that is left stands beside.

    Revisions share the files of one model: counted alone, they would leave no other one to go back to.
    """
    left, served = folders(root), _served(root)
    own = [path for path in left if (at := age(path.name)) and at.reign <= reign]
    states: Counter[str] = Counter()
    old: list[Path] = []
    for path in reversed(own):
        version = _version(path)
        states[version] += 1
        if (len(states) > max(1, keep) or states[version] > REVISIONS) and path != served:
            old.append(path)
    bases = {based.base_name(path) for path in left if path not in old}
    for path in old:
        if path.name not in bases:
            shutil.rmtree(path)


def _served(root: Path) -> Path | None:
    try:
        return next((path for path, _ in choice.served(root)), None)
    except CheckpointError as error:
        logger.error("%s", error)
        return None


def _version(path: Path) -> str:
    """The model's version; a damaged checkpoint counts as a model of its own."""
    try:
        return read_manifest(path).model_version
    except CheckpointError:
        return path.name
