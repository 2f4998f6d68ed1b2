"""An hour's worth of keys as fast as answers come: what our server's memory does, and a swap while it is asked."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from common.serving import typing_traces
from common.serving.models import Model
from common.serving.program import Program
from common.serving.replay import as_editor
from common.serving.sides import Ours
from model import loading
from model.checkpoint import write
from model.manifest import latest
from server.client import AsyncClient

USERS = 16
"""That share the keys."""
SOON_S = 0.12
"""A key behind which the next one comes so soon is answered no further than its first piece."""
WARM_UP = 0.15
"""Keys before the hour, as a share of its."""
SWAP_S = 60.0
"""In which the new checkpoint has to be served."""


class Hour:
    """On a server of its own."""

    def __init__(self, model: Model, files: list[tuple[str, str]], threads: int, say: Callable[[str], None]) -> None:
        self._model, self._files, self._threads, self._say = model, files, threads, say

    async def run(self, keys: int = 0) -> dict[str, Any]:
        """`keys`: 0: as many as one user types in an hour."""
        keys = keys or sum(1 for _ in _within(typing_traces.keys(0, self._files, "hour"), 3600.0))
        with tempfile.TemporaryDirectory() as work:
            shutil.copytree(self._model.checkpoints, Path(work) / "checkpoints")
            with Program(Path(work), f"threads = {self._threads}") as program:
                async with AsyncClient(program.address) as client:
                    return await self._measured(program, Ours(program, client), client, keys, Path(work))

    async def _measured(
        self, program: Program, side: Ours, client: AsyncClient, keys: int, work: Path
    ) -> dict[str, Any]:  # fmt: skip
        warm = await self._type(side, int(keys * WARM_UP) // USERS, "warm")
        before, began = program.rss(), time.monotonic()
        self._say(f"memory: {before >> 20} MB after {int(keys * WARM_UP)} keys")
        failed = warm + await self._type(side, keys // USERS, "hour")
        after, spent = program.rss(), time.monotonic() - began
        self._say(f"memory: {after >> 20} MB after {keys} keys more, {spent:.0f} s")
        dropped, swap_s = await self._swap(side, client, work)
        return {
            "memory_growth": round(after / before - 1, 4), "memory_mb": after >> 20, "hour_keys": keys,
            "hour_s": round(spent, 1), "hour_failed": failed, "swap_dropped": dropped, "swap_s": swap_s,
            "memory_after_swap_mb": program.rss() >> 20,
        }  # fmt: skip

    async def _type(self, side: Ours, keys: int, seed: str) -> int:
        """Requests that failed."""
        return sum(await asyncio.gather(*(self._one(side, user, keys, seed) for user in range(USERS))))

    async def _one(self, side: Ours, user: int, keys: int, seed: str, going: Callable[[], bool] = lambda: True) -> int:
        failed, trace = 0, typing_traces.keys(user, self._files, seed)
        key = next(trace)
        for following in islice(trace, keys):
            if not going():
                break
            try:
                async with aclosing(side.ask(as_editor(user, key))) as pieces:
                    async for _ in pieces:
                        if following.at - key.at < SOON_S:
                            break
            except Exception as error:
                self._say(f"{type(error).__name__}: {error}")
                failed += 1
            key = following
        return failed

    async def _swap(self, side: Ours, client: AsyncClient, work: Path) -> tuple[int, float | None]:
        """Failed requests from before the new checkpoint is written until it answers, and seconds until then."""
        old, began, is_over = (await client.model()).version, time.monotonic(), False
        typing = asyncio.gather(*(self._one(side, user, 1 << 40, "swap", lambda: not is_over) for user in range(USERS)))
        await asyncio.to_thread(_next_checkpoint, work / "checkpoints")
        while (await client.model()).version == old and time.monotonic() - began < SWAP_S:
            await asyncio.sleep(0.05)
        swap_s = round(time.monotonic() - began, 2) if (await client.model()).version != old else None
        await asyncio.sleep(1.0)
        is_over = True
        return sum(await typing), swap_s


def _within(keys: Iterator[typing_traces.Key], seconds: float) -> Iterator[typing_traces.Key]:
    for key in keys:
        if key.at >= seconds:
            return
        yield key


def _next_checkpoint(folder: Path) -> None:
    """The same weights under the next step's name."""
    path = latest(folder)
    assert path is not None
    contents = loading.load_all(path)
    manifest = msgspec.structs.replace(contents.manifest, step=contents.manifest.step + 1)
    write(folder, replace(contents, manifest=manifest), keep=2)
