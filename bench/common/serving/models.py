"""The two models that are served: the demo's shape, trained here for some minutes, and one of 126 million parameters
with random weights. Each as a checkpoint, and as llama.cpp's q8_0."""

from __future__ import annotations

import sys
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from common.decode import trained
from common.decode.models import random
from common.rows import Rows, packed
from midstream.demo import corpus
from midstream.settings import cache_home
from model.config import TrainConfig
from model.families.gpt_bigcode.spec import GptBigcode
from model.fim.formats import STARCODER
from model.gguf.export import export
from model.manifest import latest
from model.tokens.tokenizer import Tokenizer
from model.training.score import bits_per_byte
from model.training.train import Trainer

ROOT = Path(__file__).parents[3]
TYPED = ("click", "flask", "requests", "jinja2", "attrs", "fastapi", "urllib3", "trio", "networkx", "pygments",
         "paramiko", "tqdm")  # fmt: skip
"""Packages that users type in: no model was trained on them."""
LEAST, MOST = 2_000, 40_000
"""Characters of a file that is typed in."""
LARGE_VOCAB = 16_384
LARGE = GptBigcode(vocab=LARGE_VOCAB, context=1024, width=768, layers=16, heads=12)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Model:
    """One that both sides serve."""

    name: str
    checkpoints: Path
    gguf: Path
    tokenizer: Tokenizer
    spec: GptBigcode
    is_trained: bool


def files(say: Say) -> list[tuple[str, str]]:
    """(path, text) of what is typed, in the order of the packages and paths."""
    wanted = [pin for pin in corpus.pins() if pin.kind == "pypi" and pin.name in TYPED]
    found: list[tuple[str, str]] = []
    for pin, folder in corpus.fetch(cache_home(), say, wanted).items():
        for path in sorted(folder.rglob("*.py")):
            text = path.read_text(encoding="utf-8", errors="replace")
            if LEAST <= len(text) <= MOST and "\t" not in text and "\r" not in text:
                found.append((f"{pin.name}/{path.relative_to(folder)}", text))
    return found


def demo(root: Path, tokens: int, threads: int) -> Model:
    """Of the demo's shape, trained on so many tokens of other packages; kept in `root`, which other settings share."""
    shape = tomllib.loads((ROOT / "midstream/demo/demo.toml").read_text())
    wanted, rate = shape["model"], shape["train"]["learning_rate"]
    spec = GptBigcode(vocab=wanted["vocab"], context=wanted["context"], width=wanted["width"], layers=wanted["layers"],
                      heads=wanted["heads"])  # fmt: skip
    folder = root / f"demo-{spec.width}x{spec.layers}-{spec.vocab}-{tokens}"
    if latest(folder) is None:
        _train(root, folder, spec, tokens, rate, threads)
    tokenizer = Tokenizer.load(root / f"tokenizer-{spec.vocab}.json")
    return Model("demo", folder, _gguf(folder), tokenizer, spec, True)


def _train(root: Path, folder: Path, spec: GptBigcode, tokens: int, rate: float, threads: int) -> None:
    with tempfile.TemporaryDirectory() as work:
        found, _ = trained.corpus(Path(work))
        tokenizer = trained.tokenizer(root, spec.vocab, found[:2_500])
        rows = packed(found, tokenizer, spec.context, tokens // spec.context * 6 // 5 + 60)
    torch.set_num_threads(threads)
    config = TrainConfig(precision="float32", threads=threads, window=1_000_000, keep=1, merge=1, learning_rate=rate,
                         warm_up_steps=100, checkpoint_every_s=1e9)  # fmt: skip
    trainer = Trainer(spec, config, Rows(rows, spec.context), folder, tokenizer, STARCODER, context=spec.context)
    while trainer.tokens < tokens and (batch := trainer.feed.next(0.0)) is not None:
        trainer._train(batch)
        if trainer.step % 100 == 0:
            last = trainer._prequential.scores[-100:]
            bits = bits_per_byte(sum(n for n, _ in last), sum(b for _, b in last))
            print(f"training: {trainer.tokens:,} tokens, {bits:.3f} bits a byte", file=sys.stderr, flush=True)
    trainer.save()


def _gguf(folder: Path) -> Path:
    path, file = latest(folder), folder / "q8_0.gguf"
    assert path is not None
    if not file.exists():
        export(path, file, "q8_0")
    return file


def large(root: Path) -> Model:
    """Random weights; its tokenizer is trained on the same packages."""
    with tempfile.TemporaryDirectory() as work:
        kept = root / f"tokenizer-{LARGE_VOCAB}.json"
        found = [] if kept.exists() else trained.corpus(Path(work))[0][:2_500]
        tokenizer = trained.tokenizer(root, LARGE_VOCAB, found)
    _, file = random(root, f"random-{LARGE.width}x{LARGE.layers}", LARGE, tokenizer, torch.float32)
    return Model("large", root / f"random-{LARGE.width}x{LARGE.layers}", file, tokenizer, LARGE, False)
