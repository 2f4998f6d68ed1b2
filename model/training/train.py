"""The trainer: takes Batches from a feed, scores and trains on each once, writes checkpoints. Knows no Kafka."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import torch

from model import based, ram
from model.adapters.choice import settle
from model.adapters.spec import Adapter, Base
from model.checkpoint import FULL, Contents
from model.config import TrainConfig
from model.example import Batch, BatchSource
from model.families import Spec, trainable
from model.families.reading import Refused
from model.fim.format import Format
from model.manifest import CheckpointError, Manifest, name
from model.reign import Superseded
from model.tokens.tokenizer import Tokenizer
from model.training.branch import Branch
from model.training.cut import CutShort, cutting
from model.training.frozen import FrozenSet
from model.training.learner import Learner
from model.training.progress import Progress, Until
from model.training.publisher import Publisher
from model.training.rewarm import warm_from
from model.training.score import Prequential, bits_per_byte

logger = logging.getLogger("midstream.model")

SKIPS = 3
"""Batches in a row without a finite gradient that end the run: one may hold a text that is at fault; of several in a
row the fault is the model's, and they would all be lost to it."""


class Diverged(RuntimeError):
    """Several Batches in a row gave no finite gradient; the last checkpoint stands before them."""


class Trainer:
    """One decoder, one optimizer, one feed.

    The feed must be in the state of `resume.feed` when there is a `resume`. On a closed log, with the same number of
    threads, a run that was stopped and resumed gives the same bytes as one that was not.
    """

    def __init__(
        self,
        spec: Spec,
        config: TrainConfig,
        feed: BatchSource,
        checkpoints: Path,
        tokenizer: Tokenizer,
        fmt: Format,
        *,
        resume: Contents | None = None,
        reign: int = 0,
        device: str = "cpu",
        context: int = 0,
        run: dict[str, Any] | None = None,
    ) -> None:
        """`context`: tokens that an example may have; 0: as many as the model can. `run`: what the corpus is made by,
        beside `config`: differences to the run before are said. Raises Refused for a family that is not trained,
        CheckpointError for a checkpoint that was trained otherwise."""
        trainable(spec)
        if tokenizer.vocab_size > spec.vocab:
            raise ValueError(f"the tokenizer has {tokenizer.vocab_size} ids and the model {spec.vocab}")
        self.config, self.feed, self.reign, self.context = config, feed, reign, context
        self._came_from = resume.manifest.came_from if resume else {}
        self._side_files = resume.side_files if resume else {}
        self.spec, self.tokenizer, self.format = spec, tokenizer, fmt
        self.adapter, self._base = _adapter(spec, config, resume)
        self.learner = Learner(spec, config, tokenizer, fmt, device, resume, self.adapter)
        self.step = self.tokens = self.text_bytes = 0
        was = resume.manifest if resume else None
        self._prequential = Prequential(config.window, was.scores if was else (), was.groups if was else None)
        self._frozen = FrozenSet(config.frozen_tokens, resume.frozen if resume else b"")
        self._branch = Branch(config.decay_steps)
        self._run = run or {}
        self._warm_from = warm_from(was, self._run)
        self._loss = float("nan")
        self._skips = 0
        self._whole = True
        self._stopping = False
        if resume is not None:
            self._restore(resume)
        self.publisher = Publisher(checkpoints, config, reign, was, self.learner.assemble)

    def _restore(self, contents: Contents) -> None:
        manifest = contents.manifest
        for what, mine, its in (
            ("shape", self.spec, manifest.model),
            ("tokenizer", self.tokenizer.hash, manifest.tokenizer),
            ("FIM format", self.format, manifest.format),
        ):
            if mine != its:
                raise CheckpointError(f"{name(manifest.step, manifest.reign)} has another {what}: {its}, not {mine}")
        self.learner.restore(contents)
        self.step, self.tokens, self.text_bytes = manifest.step, manifest.tokens, manifest.text_bytes

    @property
    def saved(self) -> Manifest | None:
        """The newest checkpoint's."""
        return self.publisher.saved

    def stop(self) -> None:
        """Ends the run; the step that is being made is cut short, and made anew when training goes on. May be called
        from a signal handler."""
        self._stopping = True

    def run(self, until: Until | None = None, progress: Callable[[Progress], None] | None = None) -> Progress:
        """Trains until the end is reached or `stop` is called; writes a last checkpoint, also when an error ends it.

        Raises Superseded when a later trainer has the folder, and Diverged.
        """
        torch.set_num_threads(self.config.cpu_threads)
        began = self.tokens, time.monotonic()
        try:
            self._loop(until or Until(), progress or (lambda _: None))
            self.save()
        except (Superseded, Diverged):
            self._settle()
            raise
        except BaseException:
            self._rescue()
            raise
        return self._progress(*began)

    def _loop(self, until: Until, progress: Callable[[Progress], None]) -> None:
        started = shown_at = time.monotonic()
        shown_tokens = self.tokens
        while not self._ended(until, started):
            self.publisher.look()
            batch = self.feed.next(self.config.feed_timeout_s)
            if batch is not None:
                self._train(batch)
            if self.publisher.due(self.step, self.feed.changes, batch is None, lambda: self.feed.drained):
                self.save(wait=False)
            now = time.monotonic()
            if now - shown_at >= 1:
                progress(self._progress(shown_tokens, shown_at))
                shown_at, shown_tokens = now, self.tokens

    def _ended(self, until: Until, started: float) -> bool:
        return (
            self._stopping
            or (until.max_steps is not None and self.step >= until.max_steps)
            or (until.max_minutes is not None and time.monotonic() - started >= 60 * until.max_minutes)
            or (until.drained and self.feed.drained)
        )

    def _train(self, batch: Batch) -> None:
        """One step; none when the run is to end meanwhile: the Batch still belongs to the feed's rows."""
        try:
            with cutting(self.learner.model, lambda: self._stopping):
                scored = self.learner.score(batch)
        except CutShort:
            return
        if not scored.finite:
            self._skip(scored.loss)
            return
        self._skips, self._whole = 0, False
        self.step += 1
        self.learner.update(self.step - self._warm_from, batch.share)
        self.tokens += batch.tokens - batch.replayed_tokens
        self.text_bytes += batch.text_bytes
        self._loss = scored.loss
        self._prequential.add(scored.groups)
        self._frozen.see(batch)
        self._branch.see(batch)
        self._account()
        self._whole = True

    def _account(self) -> None:
        """Into the ledger; on a full disk when there is room again, or the run is to end."""
        said = False
        while True:
            try:
                return self.feed.trained(self.step)
            except OSError as error:
                if error.errno not in FULL or self._stopping:
                    raise
                if not said:
                    logger.error("the disk is full: training waits until there is room, and nothing is lost")
                said = True
                time.sleep(1)

    def _skip(self, loss: float) -> None:
        """Give the Batch up. What came before the first of a row of them is saved first: when they do not end, the run
        does, and its checkpoint stands before them."""
        if not self._skips:
            self._rescue()
        self._skips += 1
        if self._skips >= SKIPS:
            raise Diverged(
                f"step {self.step + 1}: {SKIPS} Batches in a row gave no finite gradient (the loss is {loss:g}), so "
                "the fault is the model's. Start again from an older checkpoint, or with a lower [train] learning_rate."
            )
        logger.error("a Batch after step %d gave no finite gradient (the loss is %g)", self.step, loss)
        self.feed.skipped()

    def save(self, wait: bool = True) -> Manifest | None:
        """Writes a checkpoint unless the newest one says all there is to say; returns the newest manifest. Without
        `wait` it is written while training goes on."""
        publisher = self.publisher
        if wait:
            publisher.finish()
        if not publisher.unsaved(self.step, self.feed.changes):
            return self.saved
        served = (lambda: self._branch.begin(self.learner, self.step)) if self.config.decay_steps else None
        return publisher.publish(
            self._manifest(), self.feed.state(), self.feed.changes, self._contents, served, wait=wait
        )

    def _rescue(self) -> None:
        """Save before an end that another error brings; a failure here must not hide that error."""
        self._settle()
        if not self._whole:
            logger.error("the last step was cut short: it is trained again from the checkpoint before it")
            return
        try:
            self.save()
        except Exception as error:
            logger.error("no checkpoint could be written: %s", error)

    def _settle(self) -> None:
        """What is being written is written before the end, too; an error there must not hide the one that ends."""
        try:
            self.publisher.finish()
        except Exception as error:
            logger.error("no checkpoint could be written: %s", error)

    def _contents(self) -> Contents:
        return Contents(
            manifest=self._manifest(),
            weights=self.learner.weights(),
            optimizer=self.learner.optimizer_state(),
            feed=b"",
            frozen=self._frozen.state if self.config.frozen_tokens else b"",
            tokenizer=self.tokenizer,
            side_files=self._side_files,
            low_rank=self.learner.low_rank(),
        )

    def _manifest(self) -> Manifest:
        bits = self._prequential.value
        return Manifest(
            step=self.step,
            reign=self.reign,
            tokens=self.tokens,
            text_bytes=self.text_bytes,
            model=self.spec,
            format=self.format,
            tokenizer=self.tokenizer.hash,
            context=self.context,
            adapter=self.adapter,
            base=self._base,
            bits_per_byte=bits if isfinite(bits) else None,
            scores=self._prequential.scores,
            groups=self._prequential.groups,
            frozen_best=self.saved.frozen_best if self.saved else None,
            warm_from=self._warm_from,
            run=self._run,
            feed=self.feed.summary(),
            **self._came_from,
        )

    def _progress(self, tokens: int, at: float) -> Progress:
        """Since the moment `at`, when it was `tokens`."""
        return Progress(
            step=self.step,
            tokens=self.tokens,
            tokens_per_s=(self.tokens - tokens) / max(1e-9, time.monotonic() - at),
            loss=self._loss,
            bits_per_byte=self._prequential.value,
            checkpoint=self.saved.model_version if self.saved else "",
            trouble=self.publisher.trouble,
            groups={g: bits_per_byte(n, int(b)) for g, (n, b) in self._prequential.groups.items()},
            feed=self.feed.summary(),
        )


def _adapter(spec: Spec, config: TrainConfig, resume: Contents | None) -> tuple[Adapter | None, Base | None]:
    """What is trained beside frozen weights, and beside whose. Raises CheckpointError."""
    if resume is None or resume.path is None:
        if config.adapter:
            raise CheckpointError("[train] adapter needs weights to stand beside: name them, [model] weights")
        return None, None
    manifest = resume.manifest
    try:
        adapter = settle(config, spec, manifest.adapter, began=manifest.step > 0, available=ram.available())
    except Refused as error:
        raise CheckpointError(f"{resume.path}: {error}.") from error
    if adapter is None:
        return None, None
    return adapter, manifest.base or based.named(resume.path, manifest)
