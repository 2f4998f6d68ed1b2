"""The demo's step `training`: train on all of it while it flows and is served; an editor asks all the time."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from midstream.demo.probe import CompletionPlace, Editor, places
from midstream.demo.programs import Programs
from midstream.demo.report import Report
from midstream.settings import Settings
from midstream.status.overview import caught_up
from model.manifest import age, folders

PLACES, EVERY_S = 400, 1.5
LEAST = 50
"""Completions that are asked for at least, so that a percentile says something."""


class Training:
    def __init__(self, programs: Programs, settings: Settings, report: Report, say: Callable[[str], None]) -> None:
        self._programs, self._settings, self._report, self._say = programs, settings, report, say
        self._state = settings.paths.state
        self.first: Path | None = None
        """Copy of the first checkpoint, which the trainer prunes."""
        self._times: list[float] = []
        self._speeds: list[float] = []
        self._models: set[str] = set()

    async def run(self, held_out: list[tuple[str, str]]) -> None:
        """Until everything that was ingested is trained on."""
        await self._programs.start(self._programs.program("trainer", "train", "--json"))
        await self._programs.start(self._programs.program("server", "serve"))
        root = self._state / "editor"
        root.mkdir()
        editor = Editor(root, self._settings.serve.listen)
        await editor.start()
        waiting = iter(places(held_out, PLACES))
        try:
            while not await self._trained_all() or len(self._times) < LEAST:
                if place := next(waiting, None):
                    await self._ask(editor, place)
                await asyncio.sleep(EVERY_S)
        finally:
            await editor.stop()
        self._report.timed(self._times)
        self._report.tokens_per_s = round(median(self._speeds), 1)
        self._report.checkpoints_served = len(self._models)

    async def _ask(self, editor: Editor, place: CompletionPlace) -> None:
        self._keep_first()
        if not self.first:
            return
        answer = await editor.complete(place)
        if answer.model:
            self._models.add(answer.model)
        self._times.append(answer.milliseconds)
        self._report.completions_empty += not answer.text

    def _keep_first(self) -> None:
        if self.first is not None:
            return
        assert self._settings.paths.checkpoints is not None
        trained = [p for p in folders(self._settings.paths.checkpoints) if (at := age(p.name)) and at.step]
        if trained:
            self.first = self._state / "first" / trained[0].name
            shutil.copytree(trained[0], self.first)

    async def _trained_all(self) -> bool:
        """Nothing is under way in any stage, in a topic or in a bin."""
        progress = self._programs.progress()
        if progress.get("tokens_per_s", 0) > 0:
            self._speeds.append(progress["tokens_per_s"])
        self._say(_line(progress, len(self._times)))
        if not progress or progress["lag"] or progress["waiting"] or not progress["trained"]:
            return False
        return await asyncio.to_thread(caught_up, self._settings.connection())


def _line(progress: dict[str, Any], completions: int) -> str:
    if not progress:
        return "training: waiting for the first step"
    bits = progress["bits_per_byte"]
    score = "no step yet" if bits is None else f"{bits:.3f} bits/byte"
    return (
        f"training: step {progress['step']}, {progress['tokens_per_s']} tokens/s, "
        f"{score}, lag {progress['lag']}, trained {progress['trained']}, "
        f"waiting {progress['waiting']}, {completions} completions"
    )
