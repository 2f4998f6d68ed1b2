"""What an adapter costs and is worth beside training all weights: one base, one repository that is followed.

A model of 100 million parameters is trained here on other packages, then the later half of one repository's history is
followed three times, the same rows in the same order, each scored before it is trained on: by the base as it is, by an
adapter over it, and by the base with all its weights trained. Bits a byte are of all rows that were followed. `bytes`:
of the adapter's file at this model; bytes_half_b: of one at a qwen2 of .5 billion parameters, really written. swap_ms:
of a server that has the base, from a new folder to a model that answers, the median of all checkpoints; write_ms: of a
checkpoint, with its moments and the feed's state, fsynced. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from common.histories import histories
from common.machine import machine
from common.rows import Rows, documents, packed

from midstream.settings import cache_home
from model import importing
from model.adapters import choice, lora, peft_files
from model.config import TrainConfig
from model.example import Batch, Example
from model.families import build
from model.families.llama.spec import Llama
from model.fim.formats import STARCODER
from model.loading import load_newest
from model.manifest import ADAPTER, folders, latest
from model.tokens import tokenizer as bpe
from model.tokens.tokenizer import Tokenizer
from model.training.learner import Learner
from model.training.loss import nats_of_hidden
from model.training.score import bits_per_byte, targets
from model.training.train import Trainer
from model.weights import write
from server.served import Loader
from streams.document import Document
from streams.prepare.prepare import identity

VOCAB, SAMPLE_BYTES = 16_384, 6_000_000
HALF_B = Llama(
    variant="qwen2", vocab=151_936, context=32_768, width=896, layers=24, heads=14, kv_heads=2, head_width=64,
    inner=4864, qkv_bias=True, tied=True,
)  # fmt: skip
"""The shape of Qwen2.5-Coder-0.5B."""
BASE_ROWS = 20_000
"""More than an hour trains on; of all packages by turns, in the order of the documents' hashes."""


def main() -> None:
    options = arguments().parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as work:
        given = ("given", options.folders) if options.folders else histories(cache_home(), Path(work) / "generated")
        origin, clones = given
        root = options.keep or Path(work)
        others, own = [d for clone in clones[1:] for d in documents(clone)], list(documents(clones[0]))
        say(f"{len(others)} documents of {len(clones) - 1} packages, {len(own)} of {clones[0].name}")
        tokenizer = learned(root, others)
        base = trained_base(root, others, tokenizer, options)
        followed = Followed(base, packed(own, tokenizer, options.context)[options.skip :], options)
        figures = followed.all(Path(work))
    print(json.dumps({"bench": "adapter", "histories": origin, **figures, "machine": machine()}))


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="Clones of git: the first is followed; else releases.")
    parser.add_argument("--keep", type=Path, help="Folder in which the base is kept, or found.")
    parser.add_argument("--base-minutes", type=float, default=10.0, help="Of training the base.")
    parser.add_argument("--follow-minutes", type=float, default=5.0, help="Of the adapter; the others take its rows.")
    parser.add_argument("--kind", choices=("lora", "dora"), default="lora")
    parser.add_argument("--base", choices=("float32", "bf16", "int8"), default="float32")
    parser.add_argument("--rank", type=int, default=TrainConfig().rank)
    parser.add_argument("--rate", type=float, default=2e-3, help="Learning rate of the adapter.")
    parser.add_argument("--full-rate", type=float, default=3e-4, help="Of all weights.")
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--skip", type=int, default=0, help="Rows of the history that are left out at its beginning.")
    return parser


def learned(root: Path, others: list[Document]) -> Tokenizer:
    """A tokenizer of the other packages' texts, kept beside the base."""
    path = root / "tokenizer.json"
    if path.exists():
        return Tokenizer.load(path)
    sample: list[str] = []
    size = 0
    for document in others:
        for part in document.parts:
            if size < SAMPLE_BYTES:
                sample.append(part.text)
                size += len(part.text)
    made = bpe.train(sample, VOCAB)
    root.mkdir(parents=True, exist_ok=True)
    made.save(path)
    return made


def config(options: argparse.Namespace, **more: Any) -> TrainConfig:
    return TrainConfig(precision="float32", threads=options.threads, window=1_000_000, keep=1_000, **more)


def trained_base(root: Path, others: list[Document], tokenizer: Tokenizer, options: argparse.Namespace) -> Path:
    """The checkpoint of a model that was trained on the other packages."""
    spec = Llama(
        vocab=tokenizer.vocab_size, context=options.context, width=options.width, layers=options.layers,
        heads=options.width // 64, kv_heads=max(1, options.width // 192), head_width=64, inner=options.width * 10 // 3,
        tied=True,
    )  # fmt: skip
    checkpoints = root / f"base-{spec.width}x{spec.layers}"
    if (path := latest(checkpoints)) is not None:
        say(f"the base is {path}")
        return path
    rows = packed(sorted(others, key=lambda d: d.id or identity(d)), tokenizer, options.context, BASE_ROWS)
    trainer = Trainer(spec, config(options), Rows(rows, options.context), checkpoints, tokenizer, STARCODER,
                      context=options.context)  # fmt: skip
    say(f"a base of {spec.parameters / 1e6:.0f} million parameters, {len(rows)} rows")
    ends = time.monotonic() + 60 * options.base_minutes
    while time.monotonic() < ends and (batch := trainer.feed.next(0.0)) is not None:
        trainer._train(batch)
        if trainer.step % 50 == 0:
            last = trainer._prequential.scores[-50:]
            say(f"step {trainer.step}, {trainer.tokens:,} tokens, {bits(last):.3f} bits a byte")
    trainer.save()
    path = latest(checkpoints)
    assert path is not None
    return path


def bits(scores: list[tuple[float, int]]) -> float:
    return bits_per_byte(sum(n for n, _ in scores), sum(b for _, b in scores))


class Followed:
    """The later half of one repository's rows under a base, an adapter, and all weights."""

    def __init__(self, base: Path, rows: list[list[Example]], options: argparse.Namespace) -> None:
        self._base, self._options = base, options
        self._rows = rows[len(rows) // 2 :]

    def all(self, work: Path) -> dict[str, Any]:
        options = self._options
        kind = config(options, learning_rate=options.rate, adapter=options.kind, rank=options.rank, base=options.base)
        adapter, seconds, writes = self._train(work / "adapter", kind, None)
        rows = adapter.step
        full_config = config(options, learning_rate=options.full_rate)
        frozen = self._frozen(work / "full", full_config, rows)
        full, full_seconds, full_writes = self._train(work / "full", full_config, rows)
        last = latest(work / "adapter")
        assert last is not None
        return {
            "bytes": (last / ADAPTER).stat().st_size, "bytes_half_b": half_b(work, options.rank),
            "step_s": round(median(seconds), 3), "full_step_s": round(median(full_seconds), 3),
            "swap_ms": round(swap_ms(work / "adapter"), 1), "write_ms": round(1e3 * median(writes), 1),
            "full_write_ms": round(1e3 * median(full_writes)), "base_bits": round(frozen, 4),
            "adapter_bits": round(bits(adapter._prequential.scores), 4),
            "full_bits": round(bits(full._prequential.scores), 4), "kind": options.kind, "held": options.base,
            "rank": options.rank, "rates": [options.rate, options.full_rate], "rows": rows, "context": options.context,
            "parameters": adapter.spec.parameters, "tokens": adapter.tokens, "base_tokens": self._base_tokens,
        }  # fmt: skip

    def _trainer(self, root: Path, chosen: TrainConfig) -> Trainer:
        """Over the base, whose weights are linked."""
        if latest(root) is None:
            foreign = importing.read(self._base)
            importing.import_model(foreign, root, "base", self._options.context, 1_000, linked=True)
        resume = load_newest(root, as_stored=bool(chosen.adapter))
        assert resume is not None
        feed = Rows(self._rows, self._options.context)
        return Trainer(resume.manifest.model, chosen, feed, root, resume.tokenizer, resume.manifest.format,
                       resume=resume, context=self._options.context)  # fmt: skip

    def _train(self, root: Path, chosen: TrainConfig, rows: int | None) -> tuple[Trainer, list[float], list[float]]:
        """Seconds of each step and of each checkpoint. `rows`: as many; None: as many as the minutes hold."""
        trainer = self._trainer(root, chosen)
        ends = time.monotonic() + 60 * self._options.follow_minutes
        seconds: list[float] = []
        writes: list[float] = []
        every = 20 if chosen.adapter else 100
        while trainer.step < rows if rows else time.monotonic() < ends:
            batch = trainer.feed.next(0.0)
            if batch is None:
                break
            began = time.perf_counter()
            trainer._train(batch)
            seconds.append(time.perf_counter() - began)
            if trainer.step % every == 0 or trainer.step == rows:
                began = time.perf_counter()
                trainer.save()
                writes.append(time.perf_counter() - began)
                scores = trainer._prequential.scores[-every:]
                say(f"{root.name}: row {trainer.step}, {bits(scores):.3f} bits a byte")
        began = time.perf_counter()
        if trainer.publisher.unsaved(trainer.step, trainer.feed.changes):
            trainer.save()
            writes.append(time.perf_counter() - began)
        return trainer, seconds, writes

    def _frozen(self, root: Path, chosen: TrainConfig, rows: int) -> float:
        """Bits a byte of the base as it is."""
        trainer = self._trainer(root, chosen)
        self._base_tokens = int(json.loads((self._base / "manifest.json").read_bytes())["tokens"])
        scores: list[tuple[float, int]] = []
        for _ in range(rows):
            batch = trainer.feed.next(0.0)
            assert batch is not None
            scores.append((nats(trainer.learner, batch), batch.text_bytes))
        say(f"frozen: {bits(scores):.3f} bits a byte")
        return bits(scores)


@torch.no_grad()
def nats(learner: Learner, batch: Batch) -> float:
    arrays = (torch.from_numpy(a) for a in (batch.ids_BT, batch.positions_BT, batch.documents_BT))
    ids_BT, positions_BT, documents_BT = arrays
    x_BTD = learner.model.hidden(ids_BT, positions_BT, documents_BT)
    wanted_BT = targets(ids_BT, documents_BT)
    return nats_of_hidden(x_BTD.flatten(0, 1), learner.model.head_weight, wanted_BT.flatten()).item()


def swap_ms(root: Path) -> float:
    """Of a server that has loaded the first adapter's base."""
    loader, spent = Loader(), list[float]()
    first, *rest = [path for path in folders(root) if (path / ADAPTER).exists()]
    loader.load(first)
    for path in rest or [first]:
        began = time.perf_counter()
        loader.load(path)
        spent.append(1e3 * (time.perf_counter() - began))
    return median(spent)


def half_b(work: Path, rank: int) -> dict[str, int]:
    """Bytes of the file of an adapter over every matrix of .5 billion parameters, of both kinds."""
    decoder = build.empty(HALF_B)
    adapter = choice.wanted(TrainConfig(adapter="lora", rank=rank), HALF_B)
    assert adapter is not None
    tensors = lora.first(decoder, adapter)
    sizes: dict[str, int] = {}
    for kind in ("lora", "dora"):
        if kind == "dora":
            tensors |= {name[:-1] + "magnitude": torch.ones(len(b)) for name, b in tensors.items() if name[-2:] == ".b"}
        path = work / f"{kind}.safetensors"
        write(path, peft_files.stored(HALF_B, tensors, torch.bfloat16))
        sizes[kind] = path.stat().st_size
    return sizes


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
