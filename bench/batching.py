"""Requests side by side: how long the first token takes, and how many tokens a second come out.

A server of its own runs as `midstream serve` does, with a model of the demo's shape and random weights (its context
raised, so that prompt and answer fit), and is asked over gRPC from this process: so many streams at once, each with
another prompt of 500 tokens, no two of which share more than 16, and an answer of at most 64 tokens. For each number
of streams: first_p50_ms and first_max_ms from the request to its first text, tokens_s of all answers from the first
request to the last answer's end, prompts included; the median of several rounds. key_ms: four typed characters more in
a warm session, to the answer's first text; key_beside_ms: the same while 32 streams began a moment before. cpu_s: the
server's own processor time of a round, which other work on the machine disturbs less.

The last line is one JSON object; first_p50_ms and tokens_s in it are those of 32 streams.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from common.machine import machine
from common.shape import TOKENS, context_of, prompts, written

from server.client import AsyncClient

ROOT = Path(__file__).parent.parent
STREAMS = (1, 8, 32, 128)
ANSWER = 64


@dataclass(frozen=True)
class Answer:
    """Seconds from the round's beginning, and tokens."""

    first: float
    end: float
    tokens: int


def main() -> None:
    options = arguments().parse_args()
    with tempfile.TemporaryDirectory() as work:
        model = tomllib.loads((ROOT / "midstream/demo/demo.toml").read_text())["model"]
        tokenizer = written(Path(work), model, context_of(options.prompt + ANSWER))
        texts = prompts(tokenizer, options.prompt, options.rounds * sum(options.streams) + options.beside + 4)
        with Program(Path(work), options.threads, options.rows) as program:
            figures = asyncio.run(measured(program, texts, options))
    chosen = figures["by_streams"].get(32) or next(reversed(figures["by_streams"].values()))
    one = figures["by_streams"].get(1)
    print(json.dumps({
        "bench": "batching", "first_p50_ms": chosen["first_p50_ms"], "tokens_s": chosen["tokens_s"],
        "one_stream_tokens_s": one and one["tokens_s"], "ratio": one and round(chosen["tokens_s"] / one["tokens_s"], 2),
        **figures, "prompt_tokens": options.prompt, "shared_tokens_at_most": TOKENS, "answer_tokens": ANSWER,
        "threads": options.threads, "rows": options.rows, "isa": torch.backends.cpu.get_cpu_capability(),
        "machine": machine(),
    }))  # fmt: skip


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, nargs="+", default=list(STREAMS))
    parser.add_argument("--prompt", type=int, default=500, help="tokens of a prompt")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", type=int, default=32, help="streams beside which a key is typed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int, default=256, help="[serve] rows")
    return parser


class Program:
    """`midstream serve` on the checkpoint that is there."""

    def __init__(self, folder: Path, threads: int, rows: int) -> None:
        config = folder / "midstream.toml"
        config.write_text(f'[paths]\nstate = "{folder}"\n[serve]\nthreads = {threads}\nrows = {rows}\n')
        self._command = [sys.executable, "-m", "midstream", "serve", "--config", str(config)]
        self._command += ["--checkpoints", str(folder / "checkpoints"), "--listen", "127.0.0.1:0"]

    def __enter__(self) -> Program:
        self._program = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._program.stdout is not None
        self.address = self._program.stdout.readline().split(",")[0].removeprefix("listening on ")
        assert self._program.stdout.readline().startswith("ready: "), "the server has no model"
        return self

    def cpu_s(self) -> float:
        """Processor time so far, of all its threads; 0 where the system does not say."""
        stat = Path(f"/proc/{self._program.pid}/stat")
        fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else []
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def __exit__(self, *_: object) -> None:
        self._program.terminate()
        self._program.wait()


async def measured(program: Program, texts: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Every prompt is asked for once: none is found in the cache."""
    left = iter(texts)
    async with AsyncClient(program.address) as client:
        await together(client, [next(left) for _ in range(2)])
        by_streams: dict[int, dict[str, float]] = {}
        for streams in options.streams:
            began = program.cpu_s()
            rounds = [await together(client, [next(left) for _ in range(streams)]) for _ in range(options.rounds)]
            by_streams[streams] = summed(rounds) | {"cpu_s": round((program.cpu_s() - began) / options.rounds, 2)}
            print(f"{streams} streams: {by_streams[streams]}", file=sys.stderr, flush=True)
        alone = await keys(client, next(left), [])
        busy = await keys(client, next(left), [next(left) for _ in range(options.beside)])
    return {"by_streams": by_streams, "key_ms": round(alone * 1e3, 1), "key_beside_ms": round(busy * 1e3, 1)}


async def together(client: AsyncClient, texts: list[str]) -> list[Answer]:
    began = time.perf_counter()
    return list(await asyncio.gather(*(ask(client, text, began) for text in texts)))


async def ask(client: AsyncClient, text: str, began: float, session: str = "") -> Answer:
    first, tokens = 0.0, 0
    async for piece in client.stream(text, path="m.py", max_tokens=ANSWER, session=session):
        first = first or time.perf_counter() - began
        tokens = piece.tokens
    return Answer(first, time.perf_counter() - began, tokens)


async def keys(client: AsyncClient, text: str, beside: list[str]) -> float:
    """Seconds to the first text after four typed characters."""
    taken: list[float] = []
    for number in range(5):
        await ask(client, text + "\nx = 1" * number, time.perf_counter(), "s")
        others = asyncio.gather(*(ask(client, f"{number}{other}", 0.0) for other in beside))
        await asyncio.sleep(0.05 if beside else 0)
        taken.append((await ask(client, text + "\nx = 1" * number + "\nabc", time.perf_counter(), "s")).first)
        await others
    return median(taken)


def summed(rounds: list[list[Answer]]) -> dict[str, float]:
    firsts = [sorted(answer.first for answer in answers) for answers in rounds]
    rates = [sum(a.tokens for a in answers) / max(a.end for a in answers) for answers in rounds]
    return {
        "first_p50_ms": round(median(median(first) for first in firsts) * 1e3, 1),
        "first_max_ms": round(median(first[-1] for first in firsts) * 1e3, 1),
        "tokens_s": round(median(rates), 1),
        "tokens": sum(a.tokens for a in rounds[0]),
    }


if __name__ == "__main__":
    main()
