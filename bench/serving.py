"""People who type, at rising numbers, on our server and on llama.cpp: how soon a line is shown, and how many are right.

Typing traces (`common/serving/typing_traces.py`: gaps are drawn, files are real) are replayed in real time: after each
key the editor waits 50 ms, as VS Code does, and asks as `midstream lsp` asks; the next key ends the request. p50_ms,
p95_ms, p99_ms: from a key to a whole first line, of requests that no newer key ended before. An answer is right when
its first line, as an editor shows it, is what was typed next up to the line's end, and it was there within 650 ms;
answers_s: right ones a second. `users`: the most, of the numbers tried, with our p99 within 650 ms and no failure; the
figures beside it are of that number of users, llama.cpp's too; llama_cpp_users: its own most.

The demo's shape is trained here (some minutes, kept in the user's cache) on releases of other packages. `large` has 127
million parameters, random weights and so nothing that is right: each answer has as many tokens as what is typed next.
Both sides have the same weights, ours as bytes with a scale a row, llama.cpp's as q8_0 through node-llama-cpp with a
sequence a user, and two threads; llama.cpp's wait for each other by spinning, so it is tried with one, too, and runs in
the way that was fastest. It gets token ids that are made beforehand, in our order, with our cuts, and with our way to
take the word at the cursor back (`--as-it-comes`: without that), over a bare socket; ours makes prompts while the clock
runs. Both stop at the same places. One side runs after the other; who types is this process.

memory_growth: of our server's resident memory over as many keys as are typed in an hour, asked as fast as answers come;
swap_dropped: requests that failed while another checkpoint was put in, all the while asked. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from common.decode.peer import Unavailable
from common.machine import machine
from common.serving import models, typing_traces
from common.serving.figures import figures
from common.serving.hour import Hour
from common.serving.models import Model
from common.serving.program import Program, cpu_s, rss
from common.serving.replay import Ask, as_editor, replay, until
from common.serving.sides import LlamaCpp, Ours, Question, Side, Way
from common.serving.typing_traces import Key

from midstream.settings import cache_home
from model.kernels.isa import choose, name_of
from server.client import AsyncClient

Files = list[tuple[str, str]]
LIMIT_MS = 650.0
TRIED, MOST_TRIED_S = 15, 8.0
"""Keys by which llama.cpp's way is chosen, and seconds that they may take."""


def main() -> None:
    options = arguments().parse_args()
    root = options.keep or cache_home() / "serving"
    files, demo = models.files(say), models.demo(root, options.tokens, options.threads, say)
    measured = Bench(files, options)
    report = measured.model(demo, options.users, options.seconds)
    hour = asyncio.run(Hour(demo, files, options.threads, say).run(options.hour_keys))
    if not options.quick:
        report["large"] = measured.model(models.large(root), options.large_users, options.large_seconds)
    print(json.dumps({
        "bench": "serving", **report, **hour, "trace": trace(files), "tokens": options.tokens,
        "threads": options.threads, "isa": name_of(choose()), "machine": machine(),
    }))  # fmt: skip


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="Folder in which models are kept, or found; else the user's cache.")
    parser.add_argument("--users", type=int, nargs="+", default=[1, 8, 32, 64, 128], help="Of the demo's shape.")
    parser.add_argument("--seconds", type=float, default=15.0, help="Of each number of users.")
    parser.add_argument("--large-users", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--large-seconds", type=float, default=12.0)
    parser.add_argument("--tokens", type=int, default=250_000, help="That the demo's shape is trained on.")
    parser.add_argument("--threads", type=int, default=2, help="Of each side's model.")
    parser.add_argument("--hour-keys", type=int, default=0, help="0: as many as one user types in an hour.")
    parser.add_argument("--quick", action="store_true", help="Without the large model.")
    parser.add_argument("--as-it-comes", action="store_true", help="llama.cpp takes back no word at the cursor.")
    return parser


class Bench:
    """Rising numbers of users on one model after the other."""

    def __init__(self, files: Files, options: argparse.Namespace) -> None:
        self._files, self._options = files, options
        self._ways = dict[str, Way]()

    def model(self, model: Model, numbers: list[int], seconds: float) -> dict[str, Any]:
        """Until neither side shows its lines in time at two numbers one after the other: once may be chance."""
        question = as_editor if model.is_trained else as_long_as_typed(model)
        rows: list[dict[str, Any]] = []
        missed = {"ours": 0, "llama_cpp": 0}
        for users in numbers:
            row: dict[str, Any] = {"users": users}
            for name, run in (("ours", self._ours), ("llama_cpp", self._llama_cpp)):
                if missed[name] < 2:
                    row[name] = asyncio.run(run(model, users, seconds, question))
                    say(f"{model.name}, {users} users, {name}: {row[name]}")
                    is_good = row[name] is not None and is_in_time(row[name])
                    missed[name] = 0 if is_good else missed[name] + 1
            rows.append(row)
            if min(missed.values()) > 1:
                break
        return summary(rows) | {"parameters": model.spec.parameters, "rows": rows, "seconds": seconds}

    def _traces(self, users: int, seconds: float) -> dict[int, list[Key]]:
        return {user: until(typing_traces.keys(user, self._files), seconds) for user in range(users)}

    async def _ours(self, model: Model, users: int, seconds: float, question: Ask) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as work:
            settings = f"threads = {self._options.threads}"
            with Program(Path(work), settings, model.checkpoints) as program:
                async with AsyncClient(program.address) as client:
                    return await self._run(Ours(program, client), model, users, seconds, question)

    async def _llama_cpp(self, model: Model, users: int, seconds: float, question: Ask) -> dict[str, Any] | None:
        try:
            way = self._ways.get(model.name) or await self._fastest(model, question)
            side = LlamaCpp(model, users, way)
        except Unavailable as error:
            say(f"without llama.cpp: {error}")
            return None
        try:
            await side.open(users)
            for user, keys in self._traces(users, seconds).items():
                for key in keys:
                    side.prepare(question(user, key))
            return await self._run(side, model, users, seconds, question) | {"threads": way.threads, "flash": way.flash}
        finally:
            await side.close()

    async def _fastest(self, model: Model, question: Ask) -> Way:
        """On a machine that does other work, too, its threads wait for each other, and fewer may be faster."""
        spent: dict[Way, float] = {}
        for threads in range(1, self._options.threads + 1):
            for flash in (False, True):
                way = Way(threads, flash, not self._options.as_it_comes)
                side = LlamaCpp(model, 1, way)
                try:
                    await side.open(1)
                    spent[way] = await self._tried(side, question)
                finally:
                    await side.close()
        say(f"{model.name}, llama.cpp: " + ", ".join(f"{way}: {s:.2f} s a key" for way, s in spent.items()))
        self._ways[model.name] = min(spent, key=lambda way: spent[way])
        return self._ways[model.name]

    async def _tried(self, side: LlamaCpp, question: Ask) -> float:
        """Seconds a key, of some one after the other; the first one, which warms up, is not counted."""
        began, number = time.monotonic(), 0
        for number, key in enumerate(islice(typing_traces.keys(0, self._files), TRIED + 1)):
            side.prepare(question(0, key))
            if number == 1:
                began = time.monotonic()
            async for _ in side.ask(question(0, key)):
                pass
            if number and time.monotonic() - began > MOST_TRIED_S:
                break
        return (time.monotonic() - began) / max(1, number)

    async def _run(self, side: Side, model: Model, users: int, seconds: float, question: Ask) -> dict[str, Any]:
        traces = self._traces(users, seconds)
        for keys in list(traces.values())[:2]:
            async for _ in side.ask(question(0, keys[0])):
                pass
        before = cpu_s(side.pid)
        found = await replay(side, traces, question)
        made = figures(found, seconds, model.is_trained)
        return made | {"cpu_s": round(cpu_s(side.pid) - before, 2), "rss_mb": rss(side.pid) >> 20}


def as_long_as_typed(model: Model) -> Ask:
    """Answers of as many tokens as the rest of the line and its end have, whatever they say."""

    def question(user: int, key: Key) -> Question:
        most = min(48, len(model.tokenizer.encode(key.rest)) + 1)
        return Question(user, key.context(f"user-{user}"), most, False)

    return question


def is_in_time(found: dict[str, Any]) -> bool:
    return found["p99_ms"] is not None and found["p99_ms"] <= LIMIT_MS and not found["failed"]


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the most users that we answer in time; where there are none, of the fewest."""

    def most(side: str) -> int:
        return max((row["users"] for row in rows if row.get(side) and is_in_time(row[side])), default=0)

    users = most("ours")
    row = next((row for row in rows if row["users"] == users), rows[0])
    ours, theirs = row["ours"], row.get("llama_cpp") or {}
    made: dict[str, Any] = {"users": users, **{key: ours[key] for key in ("p50_ms", "p95_ms", "p99_ms")}}
    made |= {f"llama_cpp_{key}": theirs.get(key) for key in ("p50_ms", "p95_ms", "p99_ms")}
    own, other = ours["answers_s"], theirs.get("answers_s")
    return made | {
        "answers_s": own, "llama_cpp_answers_s": other, "ratio": round(own / other, 2) if own and other else None,
        "llama_cpp_users": most("llama_cpp"),
    }  # fmt: skip


def trace(files: Files) -> dict[str, Any]:
    """What the traces are like, by 20 users' first 1,000 keys."""
    found = [list(islice(typing_traces.keys(user, files), 1_000)) for user in range(20)]
    gaps = sorted(b.at - a.at for keys in found for a, b in pairwise(keys))
    return {
        "files": len(files), "gap_p50_ms": round(1e3 * gaps[len(gaps) // 2]),
        "gap_p90_ms": round(1e3 * gaps[len(gaps) * 9 // 10]),
        "keys_s": round(len(gaps) / sum(gaps), 2), "limit_ms": LIMIT_MS,
    }  # fmt: skip


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
