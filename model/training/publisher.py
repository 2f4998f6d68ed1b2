"""When a trainer writes checkpoints, and in which form; ends a trainer that a later one has superseded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from model import checkpoint, reign
from model.checkpoint import Contents
from model.config import TrainConfig
from model.manifest import Manifest

logger = logging.getLogger("midstream.model")

WRITING_SHARE = 0.1
"""At most this share of the time goes into checkpoints that are written because the feed is idle."""
LOOK_S = 1.0
"""Seconds between looks for a later trainer."""


class Publisher:
    """The checkpoints of one trainer: the newest one, what it holds, and when the next is due."""

    def __init__(self, root: Path, config: TrainConfig, reign: int, saved: Manifest | None) -> None:
        """`saved`: the checkpoint that the trainer goes on from."""
        self.saved = saved
        self._root, self._config, self._reign = root, config, reign
        self._changes = 0
        self._saved_at, self._write_s = time.monotonic(), 0.0
        self._looked_at = 0.0

    def look(self) -> None:
        """Raises Superseded when a later trainer has begun; looks about once a second."""
        if time.monotonic() - self._looked_at >= LOOK_S:
            reign.check(self._root, self._reign)
            self._looked_at = time.monotonic()

    def due(self, step: int, changes: int, idle: bool, drained: Callable[[], bool]) -> bool:
        """An idle feed makes one due at once, so that what has just arrived is served soon.

        A state of the feed without a step is due then only when nothing is left to be trained on: else a step comes.
        """
        steps, age = self.steps(step), time.monotonic() - self._saved_at
        if not self.unsaved(step, changes):
            return False
        if idle and age >= self._write_s / WRITING_SHARE and (steps or drained()):
            return True
        return steps >= self._config.checkpoint_every_steps or age >= self._config.checkpoint_every_s

    def unsaved(self, step: int, changes: int) -> bool:
        """Whether the weights or the feed's state have changed. `changes`: the feed's count of them."""
        return self.steps(step) > 0 or changes != self._changes

    def steps(self, step: int) -> int:
        """Steps since the last checkpoint."""
        return step - (self.saved.step if self.saved else 0)

    def publish(self, manifest: Manifest, feed: bytes, changes: int, contents: Callable[[], Contents]) -> Manifest:
        """Writes a checkpoint: with the `contents`, or, when there was no step, of the feed's state alone.

        Raises Superseded, also when a later trainer takes the folder while it is written.
        """
        reign.check(self._root, self._reign)
        started = time.monotonic()
        try:
            self.saved = self._write(manifest, feed, contents)
        except FileNotFoundError:
            reign.check(self._root, self._reign)
            raise
        self._changes, self._saved_at = changes, time.monotonic()
        self._write_s = self._saved_at - started
        logger.info("checkpoint %s written in %.2f s", self.saved.model_version, self._write_s)
        return self.saved

    def _write(self, manifest: Manifest, feed: bytes, contents: Callable[[], Contents]) -> Manifest:
        before, keep = self.saved, self._config.keep
        if before is not None and before.step == manifest.step:
            if before.reign == manifest.reign:
                manifest = msgspec.structs.replace(manifest, revision=before.revision + 1)
            try:
                return checkpoint.write_revision(self._root, manifest, feed, before, keep)
            except OSError as error:
                logger.warning("the files of the checkpoint before could not be linked (%s): all are written", error)
        return checkpoint.write(self._root, replace(contents(), manifest=manifest, feed=feed), keep)
