"""The trainer: takes Batches from a feed, scores and trains on each once, writes checkpoints. Knows no Kafka."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor

from model import checkpoint
from model.checkpoint import Contents
from model.config import ModelConfig, TrainConfig
from model.decoder.transformer import Decoder
from model.example import Batch, Feed
from model.fim.formats import Format
from model.manifest import CheckpointError, Manifest, name
from model.tokens.tokenizer import Tokenizer
from model.training import optimizer
from model.training.schedule import learning_rate
from model.training.score import Prequential, nats, targets

logger = logging.getLogger("midstream.model")

WRITING_SHARE = 0.1
"""At most this share of the time goes into checkpoints that are written because the feed is idle."""


class Diverged(RuntimeError):
    """The loss or the gradient is not a number; nothing was written."""


@dataclass(frozen=True)
class Until:
    """When a run ends, whichever comes first; with none of them it runs until it is stopped."""

    max_steps: int | None = None
    """The number of the last step, counted from the start of the first run."""
    max_minutes: float | None = None
    drained: bool = False
    """The feed has been read to its end and nothing is left in a bin."""


@dataclass(frozen=True)
class Progress:
    """One progress line."""

    step: int
    tokens: int
    tokens_per_s: float
    """Since the last line."""
    loss: float
    """Nats a token, of the last Batch."""
    bits_per_byte: float
    """Prequential, over the last Batches."""
    checkpoint: str
    """The version written last; empty before the first."""
    feed: dict[str, int | float] = field(default_factory=dict)


class Trainer:
    """One decoder, one optimizer, one feed.

    The feed must be in the state of `resume.feed` when there is a `resume`. On a closed log, with the same number of
    threads, a run that was stopped and resumed gives the same bytes as one that was not.
    """

    def __init__(
        self,
        model_config: ModelConfig,
        config: TrainConfig,
        feed: Feed,
        checkpoints: Path,
        tokenizer: Tokenizer,
        fmt: Format,
        *,
        resume: Contents | None = None,
        device: str = "cpu",
    ) -> None:
        if tokenizer.vocab_size > model_config.vocab:
            raise ValueError(f"the tokenizer has {tokenizer.vocab_size} ids and the model {model_config.vocab}")
        self.config, self.feed, self.checkpoints = config, feed, checkpoints
        self.tokenizer, self.format = tokenizer, fmt
        self.device = torch.device(device)
        self.precision = precision(config, self.device)
        self.model = Decoder(model_config).to(self.device)
        self.optimizer = optimizer.make(self.model, config)
        self.step = self.tokens = self.text_bytes = 0
        self.saved: Manifest | None = None
        self._prequential = Prequential(config.window)
        self._loss = float("nan")
        self._saved_at, self._write_s = time.monotonic(), 0.0
        self._stopping = False
        if resume is not None:
            self._restore(resume)

    def _restore(self, contents: Contents) -> None:
        manifest = contents.manifest
        for what, mine, its in (
            ("shape", self.model.config, manifest.model),
            ("tokenizer", self.tokenizer.hash, manifest.tokenizer),
            ("FIM format", self.format, manifest.format),
        ):
            if mine != its:
                raise CheckpointError(f"{name(manifest.step, manifest.reign)} has another {what}: {its}, not {mine}")
        self.model.load_state_dict(contents.weights)
        moved = {name: tensor.to(self.device) for name, tensor in contents.optimizer.items()}
        optimizer.restore(self.model, self.optimizer, moved)
        self.step, self.tokens, self.text_bytes = manifest.step, manifest.tokens, manifest.text_bytes
        self.saved = manifest

    def stop(self) -> None:
        """Ends the run after the step that is being made; may be called from a signal handler."""
        self._stopping = True

    def run(self, until: Until | None = None, progress: Callable[[Progress], None] | None = None) -> Progress:
        """Trains until the end is reached or `stop` is called, and writes a last checkpoint."""
        until = until or Until()
        torch.set_num_threads(self.config.threads)
        started = shown_at = time.monotonic()
        shown_tokens = self.tokens
        while not self._ended(until, started):
            batch = self.feed.next(self.config.feed_timeout_s)
            if batch is not None:
                self._train(batch)
            if self._due(idle=batch is None):
                self.save()
            now = time.monotonic()
            if progress is not None and now - shown_at >= 1:
                progress(self._progress((self.tokens - shown_tokens) / (now - shown_at)))
                shown_at, shown_tokens = now, self.tokens
        self.save()
        return self._progress((self.tokens - shown_tokens) / max(1e-9, time.monotonic() - shown_at))

    def _ended(self, until: Until, started: float) -> bool:
        return (
            self._stopping
            or (until.max_steps is not None and self.step >= until.max_steps)
            or (until.max_minutes is not None and time.monotonic() - started >= 60 * until.max_minutes)
            or (until.drained and self.feed.drained)
        )

    def _train(self, batch: Batch) -> None:
        """One step. The forward pass that trains is also the prequential score, since it comes before the update."""
        self.model.train()
        ids_BT, positions_BT, documents_BT = (
            torch.from_numpy(a).to(self.device) for a in (batch.ids_BT, batch.positions_BT, batch.documents_BT)
        )
        targets_BT = targets(ids_BT, documents_BT)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            logits_BTV = self.model(ids_BT, positions_BT, documents_BT)
        total = nats(logits_BTV, targets_BT)
        loss = total / (targets_BT >= 0).sum().clamp(min=1)
        self._update(loss, batch.share)
        self.tokens += batch.tokens
        self.text_bytes += batch.text_bytes
        self._loss = loss.item()
        self._prequential.add(total.item(), batch.text_bytes)
        self.feed.trained(self.step)

    def _update(self, loss: Tensor, share: float) -> None:
        """AdamW takes a step of the same length whatever the gradient is, so a partial Batch takes a shorter one."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        if not isfinite(norm.item()):
            raise Diverged(f"step {self.step + 1}: the loss is {loss.item()}, the gradient's norm {norm.item()}")
        self.step += 1
        for group in self.optimizer.param_groups:
            group["lr"] = share * learning_rate(self.step, self.config)
        self.optimizer.step()

    def _due(self, idle: bool) -> bool:
        """An idle feed makes one due at once, so that what has just arrived is served soon."""
        if not self._unsaved:
            return False
        age = time.monotonic() - self._saved_at
        if idle:
            return age >= self._write_s / WRITING_SHARE
        return self._unsaved >= self.config.checkpoint_every_steps or age >= self.config.checkpoint_every_s

    @property
    def _unsaved(self) -> int:
        """Steps since the last checkpoint."""
        return self.step - (self.saved.step if self.saved else 0)

    def save(self) -> Manifest | None:
        """Writes a checkpoint unless this step has one; returns the newest manifest."""
        if not self._unsaved:
            return self.saved
        started = time.monotonic()
        contents = Contents(
            manifest=self._manifest(),
            weights={name: t.cpu() for name, t in self.model.state_dict().items()},
            optimizer={name: t.cpu() for name, t in optimizer.state(self.model, self.optimizer).items()},
            feed=self.feed.state(),
            tokenizer=self.tokenizer,
        )
        self.saved = checkpoint.write(self.checkpoints, contents, self.config.keep)
        self._saved_at = time.monotonic()
        self._write_s = self._saved_at - started
        logger.info("checkpoint %s written in %.2f s", self.saved.model_version, self._write_s)
        return self.saved

    def _manifest(self) -> Manifest:
        bits = self._prequential.value
        return Manifest(
            step=self.step,
            tokens=self.tokens,
            text_bytes=self.text_bytes,
            model=self.model.config,
            format=self.format,
            tokenizer=self.tokenizer.hash,
            bits_per_byte=bits if isfinite(bits) else None,
            feed=self.feed.summary(),
        )

    def _progress(self, tokens_per_s: float) -> Progress:
        return Progress(
            step=self.step,
            tokens=self.tokens,
            tokens_per_s=tokens_per_s,
            loss=self._loss,
            bits_per_byte=self._prequential.value,
            checkpoint=self.saved.model_version if self.saved else "",
            feed=self.feed.summary(),
        )


def precision(config: TrainConfig, device: torch.device) -> str:
    """What `auto` means on this device: bf16 where it is multiplied in hardware."""
    if config.precision != "auto":
        return config.precision
    if device.type == "cuda":
        return "bf16"
    has = torch.cpu.get_capabilities()
    return "bf16" if has.get("amx_bf16") or has.get("avx512_bf16") else "float32"
