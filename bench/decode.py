"""One sequence on a CPU: our compiled step, which multiplies bytes by bytes, beside llama.cpp's q8_0.

The same random weights, prompts and threads, in rounds that take turns; medians of all rounds. Two shapes: gpt_bigcode
of 18.9 million parameters on one thread, and (`half_b`) a qwen2 of .5 billion on two. first_ms: a prompt of 512 tokens
with its first token; tokens_s: what follows; key_ms: four more tokens behind the cached prompt with the one behind
them. bits_loss: how many more bits a byte files that were not trained on have under our step than under float32, of a
checkpoint that was trained here (`bits_tokens` tokens). of_limit: the share of tokens_s that the memory allows, which
is the rate at which the same threads add up as many bytes as are read for a token, in the same rounds. compile_s: of
the first call of all, nothing kept from before where it is cold. llama.cpp is node-llama-cpp's prebuilt binary, which
picks the library of this processor; without it, its figures are null. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import torch
from common.decode import models, trained
from common.decode.memory import Rate
from common.decode.ours import Ours, Times
from common.decode.peer import Peer, Unavailable
from common.decode.quality import bits_loss
from common.machine import machine
from common.rows import packed

from model.families import Spec
from model.kernels.isa import choose, name_of

PROMPT, TYPED = 512, 4
QUALITY_VOCAB, QUALITY_CONTEXT, QUALITY_WIDTH, QUALITY_LAYERS = 8_192, 512, 256, 4


def main() -> None:
    options = arguments().parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        root = options.keep or Path(work)
        root.mkdir(parents=True, exist_ok=True)
        found, held_out = trained.corpus(Path(work) / "histories")
        tok = trained.tokenizer(root, QUALITY_VOCAB, found[:2_500])
        figures = shape(root, "small", models.SMALL, torch.float32, 1, options.rounds, tok)
        figures |= quality(root, found, held_out, tok, options)
        if not options.quick:
            figures["half_b"] = shape(root, "half-b", models.HALF_B, torch.bfloat16, 2, options.half_rounds, tok)
    print(json.dumps({"bench": "decode", "isa": name_of(choose()), **figures, "machine": machine()}))


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="Folder in which models are kept, or found.")
    parser.add_argument("--rounds", type=int, default=15, help="Of the small shape.")
    parser.add_argument("--half-rounds", type=int, default=5, help="Of the .5 billion shape.")
    parser.add_argument("--tokens", type=int, default=1_000_000, help="That the checkpoint of bits_loss is trained on.")
    parser.add_argument("--quick", action="store_true", help="Without the .5 billion shape.")
    return parser


def shape(root: Path, name: str, spec: Spec, dtype: torch.dtype, threads: int, rounds: int, tok: Any) -> dict[str, Any]:
    """All figures of one shape."""
    folder, file = models.random(root, name, spec, tok, dtype)
    model = models.loaded(folder)
    step: Any = model.compiled(threads=threads)
    assert step is not None
    ours, draw = Ours(model, step, models.SMALL.context), random.Random(0)
    weights = step.step.weights
    rate = Rate(weights.tiles.nbytes + weights.numbers.nbytes, threads)
    began = time.perf_counter()
    ours.extend([1], 0)
    compile_s = time.perf_counter() - began
    peer = peer_or_none(file, threads)
    own: list[Times] = []
    theirs: list[Times] = []
    spent: list[float] = []
    for number in range(rounds):
        ids = [draw.randrange(1_000, 8_000) for _ in range(PROMPT + TYPED)]
        spent.append(rate.once())
        own.append(ours.run(ids[:PROMPT], ids[PROMPT:]))
        if peer is not None:
            theirs.append(peer.run(ids[:PROMPT], ids[PROMPT:]))
        spent.append(rate.once())
        say(f"{name}, round {number}: {own[-1]}, {theirs[-1:]}, {spent[-2:]}")
    if peer is not None:
        peer.close()
    return {**summary(own, theirs, spent), "compile_s": round(compile_s, 1), "threads": threads, "rounds": rounds}


def peer_or_none(file: Path, threads: int) -> Peer | None:
    try:
        return Peer(file, models.SMALL.context, threads)
    except Unavailable as error:
        say(f"without llama.cpp: {error}")
        return None


def summary(own: list[Times], theirs: list[Times], spent: list[float]) -> dict[str, Any]:
    """Medians; a ratio is above 1 where ours is faster."""
    ours = {key: median(t[key] for t in map(asdict, own)) for key in asdict(own[0])}
    peer = {key: median(t[key] for t in map(asdict, theirs)) for key in ours} if theirs else {}
    made: dict[str, Any] = {"tokens_s": round(1e3 / ours["token"], 1), "first_ms": round(ours["first"], 1),
                            "key_ms": round(ours["key"], 2)}  # fmt: skip
    made |= dict.fromkeys(("llama_cpp_tokens_s", "llama_cpp_first_ms", "llama_cpp_key_ms", "ratio", "first_ratio"))
    if peer:
        made |= {
            "llama_cpp_tokens_s": round(1e3 / peer["token"], 1), "llama_cpp_first_ms": round(peer["first"], 1),
            "llama_cpp_key_ms": round(peer["key"], 2), "ratio": round(peer["token"] / ours["token"], 3),
            "first_ratio": round(peer["first"] / ours["first"], 3),
        }  # fmt: skip
    return made | {"of_limit": round(median(spent) / ours["token"], 3), "limit_tokens_s": round(1e3 / median(spent), 1)}


def quality(root: Path, found: Any, held_out: Any, tok: Any, options: argparse.Namespace) -> dict[str, Any]:
    spec = trained.spec(tok.vocab_size, QUALITY_CONTEXT, QUALITY_WIDTH, QUALITY_LAYERS)
    count = options.tokens // QUALITY_CONTEXT * 6 // 5 + 60
    path = trained.checkpoint(root, spec, packed(found, tok, QUALITY_CONTEXT, count), tok, options.tokens)
    model = models.loaded(path)
    step = model.compiled()
    assert step is not None
    rows = packed(held_out, tok, QUALITY_CONTEXT, 4 if options.quick else 40)
    return bits_loss(model, step, rows) | {"bits_tokens": options.tokens, "bits_parameters": spec.parameters}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
