"""One card: our decode of many sequences together, by a step that is captured and replayed, beside `transformers`'
generate. Random weights of a qwen2 of .5 billion (`--quick`: a small one), the same on both sides, the same type.

For each number of sequences, medians of rounds that take turns: tokens_s of all new tokens from the prompts on, for
both; decode_tokens_s of those behind the first; of_limit, the share of what the memory allows: its rate, measured by
copies in this run, over the bytes of the weights and of the keys and values of all sequences, which a step reads once.
to_host_tokens_s: decode_tokens_s when all logits are brought to the host, as the server's engine takes them.
prefill_tokens_s: of the prompts, which are one packed call (`packed`) where the device has it. same: the share of new
tokens, counted up to the first that differs, that are those of `transformers`. captured: shapes that are replayed; 0
on a CPU, where the same steps are run again and figures say little. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import torch
from common.gpu import models
from common.gpu.sides import Ours, Round, Theirs, memory_rate
from common.machine import machine

from model.decoder.decoder import Decoder
from model.decoder.prompts import varlen_of
from model.decoder.runner import Runner


def main() -> None:
    options = arguments().parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch finds no card: --device cpu --quick shows that this bench runs")
    is_card = device.type == "cuda"
    dtype = torch.bfloat16 if is_card else torch.float32
    prompt, new = options.prompt or (32 if options.quick else 512), options.new or (8 if options.quick else 128)
    rounds = options.rounds or (1 if options.quick else 5)
    with tempfile.TemporaryDirectory() as work:
        theirs = models.peer(models.SMALL if options.quick else models.HALF_B, prompt + new, dtype)
        decoder = models.brought(theirs, Path(work)).to(device)
        theirs = theirs.to(device)
        say(f"{decoder.spec.parameters / 1e6:.0f} million weights, {dtype}, on {named(device)}")
        size = 2**32 if is_card else 2**28
        rates = [memory_rate(device, size, 10)]
        figures: dict[str, Any] = {}
        for batch in options.batches:
            runner = Runner(decoder, together=True)
            figures[str(batch)] = of_batch(runner, theirs, device, batch, prompt, new, rounds)
            say(f"{batch} sequences: {figures[str(batch)]}")
        rates.append(memory_rate(device, size, 10))
    rate = max(rates)
    for batch, row in figures.items():
        limit = int(batch) * rate / read_bytes(decoder, int(batch), prompt + new // 2)
        row |= {"limit_tokens_s": round(limit, 1), "of_limit": round(row["decode_tokens_s"] / limit, 3)}
    packed = varlen_of(decoder.like, decoder.spec.head_width) is not None
    print(json.dumps({
        "bench": "gpu", "by_batch": figures, "memory_gb_s": round(rate / 1e9, 1), "packed": packed,
        "parameters": decoder.spec.parameters, "prompt_tokens": prompt, "new_tokens": new, "rounds": rounds,
        "dtype": str(dtype).removeprefix("torch."), "device": named(device), "torch": torch.__version__,
        "machine": machine(),
    }))  # fmt: skip


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="A small shape, short prompts and answers.")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--prompt", type=int, help="Tokens of a prompt; 512, quick 32.")
    parser.add_argument("--new", type=int, help="Tokens of an answer; 128, quick 8.")
    parser.add_argument("--rounds", type=int, help="5; quick 1.")
    return parser


def of_batch(
    runner: Runner, theirs: Any, device: torch.device, batch: int, prompt: int, new: int, rounds: int
) -> dict[str, Any]:  # fmt: skip
    """The first round is not counted: steps are captured, and kernels chosen, in it."""
    ours, peer, draw = Ours(runner, device, batch, prompt + new), Theirs(theirs, device), random.Random(batch)
    own: list[Round] = []
    other: list[Round] = []
    hosted: list[Round] = []
    for number in range(rounds + 1):
        prompts = [[draw.randrange(1, 4_000) for _ in range(prompt)] for _ in range(batch)]
        own.append(ours.run(prompts, new))
        other.append(peer.run(prompts, new))
        hosted.append(ours.run(prompts, new, to_host=True))
        say(f"{batch} sequences, round {number}: ours {own[-1].decode:.3f} s, transformers {other[-1].decode:.3f} s")
    same = [
        agreed(a, b) for one, two in zip(own, other, strict=True) for a, b in zip(one.tokens, two.tokens, strict=True)
    ]
    mine, its = tokens_s(own[1:], batch, new), tokens_s(other[1:], batch, new)
    return {
        "tokens_s": mine, "transformers_tokens_s": its, "ratio": round(mine / its, 2),
        "decode_tokens_s": decode_s(own[1:], batch, new),
        "transformers_decode_tokens_s": decode_s(other[1:], batch, new),
        "to_host_tokens_s": decode_s(hosted[1:], batch, new),
        "prefill_tokens_s": round(batch * prompt / median(r.prefill for r in own[1:]), 1),
        "same": round(sum(same) / len(same), 3), "captured": runner.captured,
    }  # fmt: skip


def tokens_s(rounds: list[Round], batch: int, new: int) -> float:
    return round(batch * new / median(r.prefill + r.decode for r in rounds), 1)


def decode_s(rounds: list[Round], batch: int, new: int) -> float:
    return round(batch * (new - 1) / median(r.decode for r in rounds), 1)


def agreed(one: list[int], other: list[int]) -> float:
    """The share of tokens before the first that differs."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one)) / len(one)


def read_bytes(decoder: Decoder, batch: int, tokens: int) -> int:
    """Of a step of so many sequences, so many tokens long: the embedding's rows are not counted, but the head is."""
    spec, item = decoder.spec, decoder.like.element_size()
    table = 0 if decoder.head is None else decoder.tokens.weight.numel()
    weights = sum(p.numel() for p in decoder.parameters()) - table
    return item * (weights + 2 * batch * tokens * spec.layers * spec.kv_heads * spec.head_width)


def named(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
