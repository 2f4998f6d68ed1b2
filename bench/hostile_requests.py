"""Thousands of malformed and hostile requests against a real server, and what of it is left then.

`midstream serve` runs as a program, over gRPC and HTTP, with tokens and a metrics page, and a small model. Requests of
the kinds in `common/hostile/` come many at once, in an order that a keyed hash decides, each with a canary in its text;
good ones are asked all the while. by_kind: what came back, by kind. crashes: the server ended, or another process has
its place. stuck: requests that still run or wait when all is over, and good ones that were not answered then.
leaked_texts: lines of the log, and of the metrics page, that hold a canary, or a traceback. good_wrong: good requests
beside them that were not answered; good_p50_ms, good_p99_ms: their times. descriptors, threads: more than before.
rss_growth: of the server's resident memory. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import xxhash
from common.hostile import bodies, calls, heads, ports
from common.hostile.beside import Good
from common.hostile.world import CANARY, PLACE, Draw, Kind, World
from common.machine import machine
from common.serving.figures import percentile
from common.serving.program import Program
from common.shape import written

from server.access.tokens import new

SHAPE = {"width": 64, "layers": 2, "heads": 2, "vocab": 512}
CONTEXT = 1_024
KINDS: tuple[Kind, ...] = (*bodies.KINDS, *heads.KINDS, *ports.KINDS, *calls.KINDS)
CALM_S = 40.0
"""In which nothing of the hostile requests may be left: a body is waited for 30 s."""
CLOSING_S = 2.0
"""In which connections that a client has closed are closed by the server, too."""
SETTLING = 40
"""Good requests before the first look at memory and descriptors."""


def main() -> None:
    options = arguments().parse_args()
    with tempfile.TemporaryDirectory() as work:
        written(Path(work), SHAPE, CONTEXT)
        tokens = [new(name) for name in ("known", "limited")]
        file = Path(work) / "tokens"
        file.write_text(f"{tokens[0][1]}\n{tokens[1][1]} rate=5/s concurrent=1\n")
        file.chmod(0o600)
        settings = [f'tokens = "{file}"', *(f'{name} = "{PLACE}:{_free()}"' for name in ("http", "metrics"))]
        with Program(Path(work), "\n".join(settings)) as program:
            report = asyncio.run(Siege(program, tokens[0][0], tokens[1][0], options).run())
            if options.log:
                shutil.copyfile(program.log, options.log)
    print(json.dumps({"bench": "hostile_requests", **report, "machine": machine()}))


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--log", type=Path, help="File to which the server's log is copied.")
    parser.add_argument("--only", default="", help="Kinds whose names begin so.")
    return parser


def chosen(number: int, kinds: Sequence[Kind]) -> Kind:
    """Each kind once, then by weight."""
    if number < len(kinds):
        return kinds[number]
    at = xxhash.xxh3_64_intdigest(f"kind/{number}".encode()) % sum(kind.weight for kind in kinds)
    for kind in kinds:
        at -= kind.weight
        if at < 0:
            return kind
    raise AssertionError


def _free() -> int:
    """A port that nobody has now."""
    import socket

    with socket.socket() as tried:
        tried.bind((PLACE, 0))
        return tried.getsockname()[1]


class Siege:
    """All requests against one server."""

    def __init__(self, program: Program, token: str, limited: str, options: argparse.Namespace) -> None:
        self._program, self._options = program, options
        self._tokens = token, limited
        self._kinds = [kind for kind in KINDS if kind.name.startswith(options.only)]
        self._outcomes = defaultdict[str, Counter[str]](Counter)
        self._slowest = dict[str, float]()

    async def run(self) -> dict[str, Any]:
        program, began = self._program, time.monotonic()
        places = [int(place.rpartition(":")[2].partition("/")[0]) for place in (program.http, program.address)]
        page = int(program.metrics.removeprefix("http://").partition("/")[0].rpartition(":")[2])
        channel = grpc.aio.insecure_channel(f"{PLACE}:{places[1]}", options=[("grpc.max_send_message_length", -1)])
        async with channel:
            world = World(places[0], places[1], page, *self._tokens, channel)
            settled = await self._round(world, SETTLING)
            assert not settled.wrong, f"the server does not answer: {settled.wrong}"
            await channel.channel_ready()
            await asyncio.sleep(CLOSING_S)
            before = self._numbers()
            good = Good(world)
            beside = asyncio.create_task(good.run())
            await self._storm(world)
            good.is_over = True
            await beside
            return await self._report(world, good, before) | {"seconds": round(time.monotonic() - began, 1)}

    async def _round(self, world: World, count: int) -> Good:
        """So many good ones, at least."""
        good = Good(world)
        task = asyncio.create_task(good.run())
        while len(good.seconds) < count and self._program.is_running:
            await asyncio.sleep(0.05)
        good.is_over = True
        await task
        return good

    async def _storm(self, world: World) -> None:
        numbers = iter(range(self._options.requests))

        async def worker() -> None:
            for number in numbers:
                if not self._program.is_running:
                    return
                await self._one(world, number)

        await asyncio.gather(*(worker() for _ in range(self._options.at_once)))

    async def _one(self, world: World, number: int) -> None:
        kind, began = chosen(number, self._kinds), time.monotonic()
        try:
            async with asyncio.timeout(60.0):
                outcome = await kind.act(world, Draw(number))
        except TimeoutError:
            outcome = "no end"
        self._outcomes[kind.name][outcome] += 1
        self._slowest[kind.name] = max(self._slowest.get(kind.name, 0.0), time.monotonic() - began)
        if number % 500 == 499:
            say(f"{number + 1} requests, {self._program.rss() >> 20 if self._program.is_running else 0} MB")

    def _numbers(self) -> dict[str, int]:
        program = self._program
        return {"rss": program.rss(), "descriptors": program.descriptors(), "threads": program.threads()}

    async def _report(self, world: World, good: Good, before: dict[str, int]) -> dict[str, Any]:
        program = self._program
        made: dict[str, Any] = {"requests": self._options.requests, "crashes": int(not program.is_running)}
        if program.is_running:
            running = await self._calm(before)
            last = await self._round(world, 2 * self._options.at_once)
            running += await self._calm(before)
            after = self._numbers()
            for line in last.wrong[:5]:
                say(f"after it: {line}")
            made |= {"stuck": running + len(last.wrong), "rss_growth": round(after["rss"] / before["rss"] - 1, 3),
                     "rss_mb": after["rss"] >> 20}  # fmt: skip
            made |= {name: after[name] - before[name] for name in ("descriptors", "threads")}
        for line in good.wrong[:5]:
            say(f"beside it: {line}")
        p50, p99 = (round(1e3 * (percentile(good.seconds, share) or 0.0), 1) for share in (0.5, 0.99))
        return made | {
            "leaked_texts": self._leaks(), "good": len(good.seconds), "good_wrong": len(good.wrong), "good_p50_ms": p50,
            "good_p99_ms": p99, "kinds": len(self._kinds), "log_lines": len(self._log()),
            "by_kind": {name: dict(found.most_common()) for name, found in sorted(self._outcomes.items())},
            "slowest_s": {name: round(s, 1) for name, s in sorted(self._slowest.items(), key=lambda x: -x[1])[:8]},
        }  # fmt: skip

    async def _calm(self, before: dict[str, int]) -> int:
        """Requests that run or wait, when nothing more ends."""
        until = time.monotonic() + CALM_S
        while True:
            running = sum(self._page(name) for name in ("running", "waiting"))
            if (not running and self._program.descriptors() <= before["descriptors"]) or time.monotonic() > until:
                return running
            await asyncio.sleep(0.5)

    def _page(self, name: str) -> int:
        found = [line for line in self._metrics() if line.startswith(f"midstream_num_requests_{name} ")]
        return int(float(found[0].split()[1]))

    def _metrics(self) -> list[str]:
        with urllib.request.urlopen(self._program.metrics, timeout=10) as page:
            return page.read().decode().splitlines()

    def _log(self) -> list[str]:
        return self._program.log.read_text(errors="replace").splitlines()

    def _leaks(self) -> int:
        lines = self._log() + (self._metrics() if self._program.is_running else [])
        found = [line for line in lines if CANARY in line.lower() or "Traceback" in line]
        for line in found[:5]:
            say(f"leaked: {line[:300]}")
        return len(found)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
