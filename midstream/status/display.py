"""A live line on a terminal; plain lines, the repeated ones thinned out, anywhere else."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.status import Status

EVERY_S = 10.0


class Display:
    """`say` may be called as often as wanted; lines that begin like the last one replace it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Status | None = Status("starting", console=console) if console.is_terminal else None
        self._last, self._at = "", 0.0

    def __enter__(self) -> Display:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, line: str) -> None:
        topic = line.split(":")[0]
        repeated = topic == self._last and topic in ("training", "exporting") and not line.endswith((" s", "begins"))
        if self._live and repeated:
            self._live.update(line)
            return
        if repeated and time.monotonic() - self._at < EVERY_S:
            return
        self._last, self._at = topic, time.monotonic()
        self._console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {line}", highlight=False, soft_wrap=True)
