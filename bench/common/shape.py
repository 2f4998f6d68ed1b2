"""A checkpoint of some shape with random weights, and prompts for it that have next to nothing in common."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch

from model import families
from model.checkpoint import Contents, write
from model.families import build
from model.fim import fim
from model.fim.formats import STARCODER
from model.manifest import Manifest
from model.tokens.tokenizer import Tokenizer, train
from server.prompt import build as build_prompt

TOKENS = 16
"""That two prompts share at most."""
ROOT = Path(__file__).parent.parent.parent


def context_of(tokens: int) -> int:
    """The next power of two, with room for what is put around a prompt."""
    return 1 << (tokens + 32).bit_length()


def written(folder: Path, shape: dict[str, Any], context: int) -> Tokenizer:
    """A checkpoint in `folder`/checkpoints; `shape`: width, layers, heads and vocab. Its tokenizer is trained on this
    repository, and its weights make no sentinel likely: answers are as long as they may be."""
    sources = [path.read_text() for part in ("midstream", "streams", "model", "tests") for path in files(part)]
    tokenizer = train(sources, vocab_size=shape["vocab"])
    sizes = {key: shape[key] for key in ("width", "layers", "heads")}
    spec = families.new(vocab=tokenizer.vocab_size, context=context, **sizes)
    decoder = build.decoder(spec)
    with torch.no_grad():
        decoder.tokens.weight[list(tokenizer.specials.values())] *= 0.01
    manifest = Manifest(
        step=1, tokens=1, text_bytes=1, model=spec, format=STARCODER, tokenizer=tokenizer.hash, bits_per_byte=None
    )  # fmt: skip
    write(folder / "checkpoints", Contents(manifest, dict(decoder.state_dict()), {}, b"", tokenizer), keep=1)
    return tokenizer


def files(part: str) -> list[Path]:
    return sorted((ROOT / part).rglob("*.py"))


def prompts(tokenizer: Tokenizer, tokens: int, count: int) -> list[str]:
    """A number and lines of this repository in another order each, cut so that the whole prompt has `tokens` tokens."""
    lines = [line for path in files("model") for line in path.read_text().splitlines(keepends=True) if line.strip()]
    draw = random.Random(5)
    made = [_prompt(tokenizer, [f"{number} = ", *draw.sample(lines, 200)], tokens) for number in range(count)]
    heads = [tuple(build_prompt(STARCODER, tokenizer, "m.py", text, "", 1 << 20).ids[: TOKENS + 1]) for text in made]
    assert len(set(heads)) == len(heads), "two prompts begin with the same tokens"
    return made


def _prompt(tokenizer: Tokenizer, lines: list[str], tokens: int) -> str:
    around = len(fim.encode(tokenizer, fim.prompt(STARCODER, "spm", fim.file_head("m.py"), "", "")))
    ids = tokenizer.encode("".join(lines))[: tokens - around]
    return tokenizer.decode(ids)
