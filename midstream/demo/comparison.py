"""The demo's step `completions`: the first and the last checkpoint on the same held-out files."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

from midstream.demo.probe import CompletionPlace, Editor, places
from midstream.demo.programs import Programs
from midstream.demo.report import Report
from midstream.demo.training import PLACES
from midstream.settings import Settings
from model.manifest import folders
from server.client import AsyncClient, ServerError

SHOWN = 4


class Comparison:
    def __init__(self, programs: Programs, settings: Settings, report: Report) -> None:
        self._programs, self._settings, self._report = programs, settings, report

    async def run(self, held_out: list[tuple[str, str]], first: Path) -> None:
        """Bits per byte of the held-out files, and the same completions, by the checkpoint `first` and the last one."""
        assert self._settings.paths.checkpoints is not None
        last, r = folders(self._settings.paths.checkpoints)[-1], self._report
        r.held_out_files = len(held_out)
        r.bits_per_byte_first = await asyncio.to_thread(score, first, held_out)
        r.bits_per_byte_last = await asyncio.to_thread(score, last, held_out)
        beside = f"127.0.0.1:{free_port()}"
        serve = self._programs.program("first", "serve", "--checkpoints", str(first.parent), "--listen", beside)
        await self._programs.start(serve)
        chosen = places(held_out, PLACES)[-SHOWN:]
        r.examples = [
            {"path": p.path, "before": p.before.rsplit("\n", 1)[-1].strip(), "wanted": p.wanted} for p in chosen
        ]
        for name, address in (("first", beside), ("last", self._settings.serve.listen)):
            for example, text in zip(r.examples, await self._answers(address, chosen), strict=True):
                example[name] = text

    async def _answers(self, address: str, chosen: list[CompletionPlace]) -> list[str]:
        await _ready(address)
        editor = Editor(self._settings.paths.state / "editor", address)
        await editor.start()
        try:
            return [(await editor.complete(place)).text for place in chosen]
        finally:
            await editor.stop()


def score(checkpoint: Path, held_out: list[tuple[str, str]]) -> float:
    """Bits per byte of the files, left to right."""
    from model.fim.fim import file_head
    from model.loading import load_model
    from model.training.score import evaluate

    model, _, tokenizer = load_model(checkpoint)
    return round(evaluate(model, tokenizer, [(file_head(path), text) for path, text in held_out]), 4)


async def _ready(address: str) -> None:
    async with AsyncClient(address) as client:
        for _ in range(120):
            with suppress(ServerError):
                await client.model()
                return
            await asyncio.sleep(0.5)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
