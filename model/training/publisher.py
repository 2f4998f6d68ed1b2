"""When a trainer writes checkpoints, in which form, and which of them are served; ends a trainer that a later one has
superseded. Writing goes on in a thread while training does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from torch import Tensor

from model import checkpoint, ram, reign
from model.checkpoint import Contents
from model.config import TrainConfig
from model.decoder.decoder import Decoder
from model.manifest import CheckpointError, Manifest, name
from model.training import gate, merging
from model.training.frozen import FrozenSet

logger = logging.getLogger("midstream.model")

WRITING_SHARE, SCORING_SHARE = 0.1, 0.2
"""At most these shares of the time go into writing checkpoints, and into scoring them for the gate."""
LOOK_S = 1.0
"""Seconds between looks for a later trainer."""
RETRY_S = 15.0
"""Seconds after which a checkpoint is tried again that the disk did not take."""
Assemble = Callable[[dict[str, Tensor]], Decoder]


class NotWritten(RuntimeError):
    """The last checkpoint could not be written; the message says which one is left."""


class Retried(RuntimeError):
    """A checkpoint could not be written, and the trainer goes on and tries again."""


@dataclass
class Draft:
    """What one checkpoint is made of, as of one moment between two steps."""

    manifest: Manifest
    feed: bytes
    changes: int
    contents: Contents | None
    """None: there was no step since the checkpoint before."""
    served: Callable[[], dict[str, Tensor]] | None = None
    """Makes the weights that are served; None: the mean of the last checkpoints."""


class Publisher:
    """The checkpoints of one trainer: the newest one, what it holds, and when the next is due."""

    def __init__(
        self, root: Path, config: TrainConfig, reign: int, saved: Manifest | None, assemble: Assemble | None = None
    ) -> None:  # fmt: skip
        """`saved`: the checkpoint that the trainer goes on from; `assemble`: a decoder of the weights, for the gate."""
        self.saved = saved
        self._root, self._config, self._reign, self._assemble = root, config, reign, assemble
        self._changes = 0
        self._saved_at, self._write_s, self._score_s = time.monotonic(), 0.0, 0.0
        self._looked_at = 0.0
        self._retry_at = 0.0
        self._draft: Draft | None = None
        self._thread: threading.Thread | None = None
        self._failed: Exception | None = None
        self.trouble = ""
        """Why the newest weights are not written; empty: they are, or will be."""

    def look(self) -> None:
        """Raises Superseded when a later trainer has begun, about once a second, and what ended the writing."""
        if self._thread is not None and not self._thread.is_alive():
            self._join()
        if time.monotonic() - self._looked_at >= LOOK_S:
            reign.check(self._root, self._reign)
            self._looked_at = time.monotonic()

    def due(self, step: int, changes: int, idle: bool, drained: Callable[[], bool]) -> bool:
        """An idle feed makes one due at once, so that what has just arrived is served soon.

        A state of the feed without a step is due then only when nothing is left to be trained on: else a step comes.
        """
        now = time.monotonic()
        steps, age, rest = self.steps(step), now - self._saved_at, self._rest_s
        if not self.unsaved(step, changes) or now < self._retry_at:
            return False
        if steps >= self._config.checkpoint_every_steps and (age >= rest or self._write_s < 1):
            return True
        if self._thread is not None or age < rest:
            return False
        return (idle and (steps > 0 or drained())) or age >= self._config.checkpoint_every_s

    @property
    def _rest_s(self) -> float:
        """Seconds that training has to itself after a checkpoint."""
        return (self._write_s - self._score_s) / WRITING_SHARE + self._score_s / SCORING_SHARE

    def unsaved(self, step: int, changes: int) -> bool:
        """Whether the weights or the feed's state have changed. `changes`: the feed's count of them."""
        return self.steps(step) > 0 or changes != (self._draft.changes if self._draft else self._changes)

    def steps(self, step: int) -> int:
        """Steps since the last checkpoint, or the one that is being written."""
        last = self._draft.manifest if self._draft else self.saved
        return step - (last.step if last else 0)

    def publish(
        self, manifest: Manifest, feed: bytes, changes: int, contents: Callable[[], Contents],
        served: Callable[[], Callable[[], dict[str, Tensor]] | None] | None = None, wait: bool = True,
    ) -> Manifest | None:  # fmt: skip
        """Writes a checkpoint: with the `contents`, or, when there was no step, of the feed's state alone. Returns the
        newest manifest that is written.

        `served` is called at once, and what it returns when the weights that are served are wanted. Without `wait` a
        thread writes copies, where there is memory for them. Raises Superseded, also when a later trainer takes the
        folder while it is written, and NotWritten.
        """
        self._join()
        reign.check(self._root, self._reign)
        before = self.saved
        trained = before is None or before.step != manifest.step or not (self._root / _name(before)).is_dir()
        own = contents() if trained else None
        alone = wait or own is None or not _has_room(own)
        if own is not None and not alone:
            own = _copied(own)
        self._draft = Draft(manifest, feed, changes, own, served() if served and trained else None)
        self._thread = threading.Thread(target=self._work, args=(self._draft,), name="checkpoint")
        self._thread.start()
        if alone:
            self._join()
            if self._failed:
                raise NotWritten(
                    f"no checkpoint of step {manifest.step} could be written: {self.trouble}"
                ) from self._failed
        return self.saved

    def finish(self) -> None:
        """Waits for what is being written. Raises as `look`."""
        self._join()

    def _work(self, draft: Draft) -> None:
        started = time.monotonic()
        self._failed = None
        try:
            written = self._write(draft)
        except Exception as error:
            self._failed = error
            return
        self.saved, self._changes, self.trouble = written, draft.changes, ""
        self._write_s = time.monotonic() - started
        word = f"; it is not served, since {written.withheld}" if written.withheld else ""
        frozen = "" if written.frozen_bits is None else f", {written.frozen_bits:.3f} bits a byte on the frozen set"
        logger.info("checkpoint %s written in %.2f s%s%s", written.model_version, self._write_s, frozen, word)

    def _join(self) -> None:
        """Waits for the thread. Raises what ended it, unless the disk was at fault: then it is tried again."""
        if self._thread is None:
            return
        self._thread.join()
        self._thread = self._draft = None
        self._saved_at = time.monotonic()
        error = self._failed
        if error is None:
            return
        if isinstance(error, FileNotFoundError):
            reign.check(self._root, self._reign)
        if not isinstance(error, OSError) or isinstance(error, FileNotFoundError):
            raise error
        left = f"{self.saved.model_version} is the last good one" if self.saved else "there is none yet"
        self.trouble = f"{error.strerror or error}; {left}"
        self._retry_at = time.monotonic() + RETRY_S
        logger.error("no checkpoint could be written: %s. It is tried again in %.0f s", self.trouble, RETRY_S)

    def _write(self, draft: Draft) -> Manifest:
        before, keep, manifest = self.saved, self._config.keep, draft.manifest
        contents = draft.contents
        if before and before.step == manifest.step and before.reign == manifest.reign:
            manifest = msgspec.structs.replace(manifest, revision=before.revision + 1)
        if contents is None:
            assert before is not None
            return checkpoint.write_revision(self._root, manifest, draft.feed, before, keep)
        contents, merged = self._with_mean(contents, draft)
        verdict = gate.judge(self._score(contents), gate.best_before(self._root, before), self._config.gate)
        manifest = msgspec.structs.replace(manifest, merged=merged, **vars(verdict))
        return checkpoint.write(self._root, replace(contents, manifest=manifest, feed=draft.feed), keep)

    def _with_mean(self, contents: Contents, draft: Draft) -> tuple[Contents, int]:
        """What is served beside what is trained, and of how many checkpoints it is the mean."""
        if draft.served is not None:
            return replace(contents, mean=draft.served()), 1
        paths = merging.earlier(self._root, draft.manifest, self._config.merge - 1)
        if not paths:
            return contents, 1
        try:
            own = contents.low_rank or contents.weights
            return replace(contents, mean=merging.mean(own, paths)), 1 + len(paths)
        except CheckpointError as error:
            logger.error("the newest weights are served alone: %s", error)
            return contents, 1

    def _score(self, contents: Contents) -> float:
        """Bits per byte of the frozen set; not a number before it is closed."""
        frozen = FrozenSet(self._config.frozen_tokens, contents.frozen)
        if self._assemble is None or not frozen.closed:
            return float("nan")
        started = time.monotonic()
        bits = frozen.score(self._assemble(contents.mean or contents.low_rank or contents.weights))
        self._score_s = time.monotonic() - started
        return bits


def _name(manifest: Manifest) -> str:
    return name(manifest.step, manifest.reign, manifest.revision)


def _copied(contents: Contents) -> Contents:
    """With tensors that training does not change."""
    own, low_rank, optimizer = ({n: t.clone() for n, t in tensors.items()} for tensors in _changing(contents))
    return replace(contents, weights=own, low_rank=low_rank, optimizer=optimizer)


def _changing(contents: Contents) -> tuple[dict[str, Tensor], ...]:
    return contents.weights, contents.low_rank, contents.optimizer


def _has_room(contents: Contents) -> bool:
    """Whether the copies take less than half of the memory that is free."""
    size = sum(t.nbytes for tensors in _changing(contents) for t in tensors.values())
    free = ram.available()
    return free is None or 2 * size < free
