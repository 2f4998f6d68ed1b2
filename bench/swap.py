"""What a new checkpoint costs those who are typing: requests that are lost, and milliseconds that the slowest wait.

A server of its own runs as `midstream serve` does and follows a folder. Some users type: each has a prompt of 400
tokens, and for every four characters more asks for the rest of the line, in a session, 150 ms after the answer before.
Windows in which nothing happens and windows in which checkpoints come, each when the one before is served, take turns.
A checkpoint is a folder that is renamed into place, so that its writing costs the server nothing. dropped: requests
that failed, or ended without their last piece. added_p99_ms: the 99th percentile of the time to an answer's first text
in a window with checkpoints, less that of the window before it; the median of the rounds. A session's prompt is read
again by the new model, and that is in it. The same with adapters over one base, of which the server reads the low-rank
part alone: adapter_load_ms is what it takes to read one, in this process; seen_ms, from the renaming to the first
answer of the new model, has the wait of at most 250 ms to the server's next look in it.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import msgspec
import torch
from batching import Program
from common.machine import machine
from common.shape import prompts, written

from model.adapters import choice, lora
from model.checkpoint import write
from model.config import TrainConfig
from model.decoder.decoder import Decoder
from model.families import build
from model.loading import load_all
from model.low_rank import named
from model.manifest import ADAPTER, MANIFEST, WEIGHTS, folders, name, read_manifest
from server.client import AsyncClient, ServerError
from server.request import Finish
from server.served import Loader

ROOT = Path(__file__).parent.parent
PROMPT, ANSWER = 400, 24
PAUSE_S = 0.15
TYPED = "\nvalue = self.read(index) + 1\nfor name in load(item):\n    print(name)\n"
LARGE = {"width": 768, "layers": 12, "heads": 12, "vocab": 49_152}
"""125 million weights, most of them in the layers."""
BEGIN_S = 120.0
"""For a user's first answer."""


@dataclass
class Seen:
    """Of one window."""

    first_s: list[float] = field(default_factory=list)
    dropped: int = 0
    versions: set[str] = field(default_factory=set)
    is_over: bool = False


def main() -> None:
    options = arguments().parse_args()
    torch.set_num_threads(1)
    shape = LARGE if options.large else tomllib.loads((ROOT / "midstream/demo/demo.toml").read_text())["model"]
    with tempfile.TemporaryDirectory() as work:
        kinds = {kind: figures(Path(work) / kind, kind, shape, options) for kind in ("whole", "adapter")}
    whole, adapter = kinds["whole"], kinds["adapter"]
    print(json.dumps({
        "bench": "swap", "dropped": whole["dropped"] + adapter["dropped"], "added_p99_ms": whole["added_p99_ms"],
        "adapter_added_p99_ms": adapter["added_p99_ms"], "adapter_load_ms": adapter["load_ms"], **kinds,
        "users": options.users, "window_s": options.window, "rounds": options.rounds, "prompt_tokens": PROMPT,
        "answer_tokens": ANSWER, "shape": shape, "threads": options.threads,
        "isa": torch.backends.cpu.get_cpu_capability(), "machine": machine(),
    }))  # fmt: skip


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--window", type=float, default=10.0, help="seconds of a window")
    parser.add_argument("--swaps", type=int, default=3, help="checkpoints of a window")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--large", action="store_true", help="125 million weights in place of the demo's shape")
    return parser


def figures(work: Path, kind: str, shape: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Of whole checkpoints, or of adapters."""
    work.mkdir()
    tokenizer = written(work, shape, 1024)
    root = work / "checkpoints"
    templates = [made(work / f"next{n}", root, kind, n) for n in range(2)]
    arrive(root, templates[0], 2)
    texts = prompts(tokenizer, PROMPT, options.users)
    with Program(work, options.threads, 256) as program:
        seen = asyncio.run(measured(program.address, root, templates, texts, options))
    loads = [1e3 * s for s in loaded(root, options.threads)] if kind == "adapter" else []
    added = [p99(busy) - p99(quiet) for quiet, busy, _ in seen]
    row = {
        "dropped": sum(quiet.dropped + busy.dropped for quiet, busy, _ in seen),
        "added_p99_ms": round(median(added), 1), "added_p99_ms_of_rounds": [round(one, 1) for one in added],
        "quiet_p99_ms": round(median(p99(quiet) for quiet, _, _ in seen), 1),
        "requests": sum(len(quiet.first_s) + len(busy.first_s) for quiet, busy, _ in seen),
        "swaps": sum(len(waited) for _, _, waited in seen),
        "versions_seen": sum(len(busy.versions) - 1 for _, busy, _ in seen),
        "seen_ms": round(1e3 * median(s for _, _, waited in seen for s in waited), 1),
        "bytes": sum(f.stat().st_size for f in templates[0].iterdir() if f.name in (WEIGHTS, ADAPTER)),
        **({"load_ms": round(median(loads), 1), "load_ms_most": round(max(loads), 1)} if loads else {}),
    }  # fmt: skip
    print(f"{kind}: {row}", file=sys.stderr, flush=True)
    return row


def made(work: Path, root: Path, kind: str, number: int) -> Path:
    """A checkpoint that is not followed, other than those of other numbers: its folder."""
    first = folders(root)[0]
    contents = load_all(first)
    step = contents.manifest.step + 1
    generator = torch.Generator().manual_seed(number)

    def moved(tensor: torch.Tensor, by: float) -> torch.Tensor:
        return tensor + by * torch.randn(tensor.shape, generator=generator)

    if kind == "whole":
        weights = {key: moved(value, 1e-4) for key, value in contents.weights.items()}
        contents = replace(contents, weights=weights, manifest=msgspec.structs.replace(contents.manifest, step=step))
    else:
        work.mkdir()
        (work / first.name).symlink_to(first)
        manifest = contents.manifest
        adapter = choice.wanted(TrainConfig(adapter="lora"), manifest.model)
        assert adapter is not None
        decoder = build.decoder(manifest.model)
        assert isinstance(decoder, Decoder)
        decoder.load_state_dict(contents.weights)
        parts = {key: moved(value, 1e-2) for key, value in lora.first(decoder, adapter).items()}
        manifest = msgspec.structs.replace(manifest, step=step, adapter=adapter, base=named(first, manifest))
        contents = replace(contents, manifest=manifest, weights={}, low_rank=parts)
    write(work, contents, keep=10)
    return work / name(step)


def arrive(root: Path, template: Path, step: int) -> None:
    """The checkpoint comes as that of `step`."""
    manifest = read_manifest(template)
    version = f"{name(step)}-{manifest.model_version.rpartition('-')[2]}"
    unfinished = root / f".unfinished-{name(step)}"
    unfinished.mkdir()
    for file in manifest.sha256:
        os.link(template / file, unfinished / file)
    said = msgspec.structs.replace(manifest, step=step, model_version=version)
    (unfinished / MANIFEST).write_bytes(msgspec.json.encode(said))
    unfinished.rename(root / name(step))


async def measured(
    address: str, root: Path, templates: list[Path], texts: list[str], options: argparse.Namespace
) -> list[tuple[Seen, Seen, list[float]]]:
    """Of each round the quiet window, the other, and the seconds until each checkpoint's model answered."""
    rounds: list[tuple[Seen, Seen, list[float]]] = []
    step = 2
    async with AsyncClient(address) as client:
        await typing(client, texts, Seen(), time.perf_counter() + 3.0)
        for number in range(options.rounds):
            quiet, busy, waited = Seen(), Seen(), list[float]()
            await typing(client, texts, quiet, time.perf_counter() + options.window)
            users = asyncio.create_task(typing(client, texts, busy, time.perf_counter() + 600.0))
            for _ in range(options.swaps):
                step += 1
                began = time.perf_counter()
                arrive(root, templates[step % 2], step)
                while not any(version.startswith(f"{name(step)}-") for version in busy.versions):
                    await asyncio.sleep(0.002)
                waited.append(time.perf_counter() - began)
                await asyncio.sleep(options.window / options.swaps - waited[-1] % (options.window / options.swaps))
            busy.is_over = True
            await users
            rounds.append((quiet, busy, waited))
            print(f"round {number + 1}: p99 {p99(quiet):.0f} and {p99(busy):.0f} ms", file=sys.stderr, flush=True)
    return rounds


async def typing(client: AsyncClient, texts: list[str], seen: Seen, until: float) -> None:
    await asyncio.gather(*(one(client, f"u{n}", text, seen, until) for n, text in enumerate(texts)))


async def one(client: AsyncClient, session: str, text: str, seen: Seen, until: float) -> None:
    """A user who types what TYPED says again and again, four characters at a time."""
    at = 0
    while time.perf_counter() < until and not seen.is_over:
        at = (at + 4) % len(TYPED)
        began, first, finish = time.perf_counter(), 0.0, Finish.NONE
        try:
            async with asyncio.timeout(BEGIN_S):
                async for piece in client.stream(
                    text + TYPED[:at], path="m.py", max_tokens=ANSWER, single_line=True, session=session
                ):
                    first = first or time.perf_counter() - began
                    finish = piece.finish
                    seen.versions.add(piece.model_version)
        except (ServerError, TimeoutError) as error:
            print(f"dropped: {error}", file=sys.stderr, flush=True)
        seen.first_s.append(first)
        seen.dropped += finish in (Finish.NONE, Finish.CANCELLED)
        await asyncio.sleep(PAUSE_S)


def p99(seen: Seen) -> float:
    """Milliseconds."""
    return 1e3 * quantiles(seen.first_s, n=100, method="inclusive")[-1]


def loaded(root: Path, threads: int) -> list[float]:
    """Seconds to read each of the last checkpoints where the base is in memory."""
    loader, taken = Loader(threads=threads), list[float]()
    for path in folders(root)[-8:]:
        began = time.perf_counter()
        loader.load(path)
        taken.append(time.perf_counter() - began)
    return taken[1:]


if __name__ == "__main__":
    main()
