"""The demo's report: a table for the eye, `demo-report.json` for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

GOALS: dict[str, tuple[str, float]] = {
    "lost": ("=", 0), "trained_twice": ("=", 0), "trained": (">", 1000), "packing_use": (">=", 0.99),
    "freshness_s": ("<=", 60), "completion_ms_p50": ("<=", 150), "broker_ready_s": ("<=", 10),
}  # fmt: skip
"""What the demo should reach on two cores."""


@dataclass
class Report:
    """All figures are measured in the run that writes them."""

    events: int = 0
    documents: int = 0
    trained: int = 0
    waiting: int = 0
    in_flight: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    lost: int = 0
    trained_twice: int = 0
    bits_per_byte_first: float = 0.0
    bits_per_byte_last: float = 0.0
    held_out_files: int = 0
    tokens: int = 0
    tokens_per_s: float = 0.0
    """Of the trainer, while the first pass over the data ran and completions were served."""
    steps: int = 0
    checkpoints_served: int = 0
    packing_use: float = 0.0
    """Of rows that were handed on full."""
    packing_use_flushed: float = 0.0
    full_rows: int = 0
    flushed_rows: int = 0
    freshness_s: float = 0.0
    """Median over the commits: commit to a served model that was trained on all of it."""
    freshness_all_s: list[float] = field(default_factory=list)
    completions: int = 0
    completion_ms_p50: float = 0.0
    completion_ms_p95: float = 0.0
    completions_empty: int = 0
    broker_ready_s: float = 0.0
    examples: list[dict[str, str]] = field(default_factory=list)
    """The same places of held-out files, completed by the first and the last checkpoint."""
    machine: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, milliseconds: list[float]) -> None:
        self.completions = len(milliseconds)
        self.completion_ms_p50 = round(median(milliseconds), 1)
        self.completion_ms_p95 = round(quantiles(milliseconds, n=20)[-1], 1)

    def fresh(self, seconds: list[float]) -> None:
        self.freshness_all_s = [round(s, 1) for s in seconds]
        self.freshness_s = round(median(seconds), 1)

    def failures(self) -> list[str]:
        """What must not be: a lost or a twice trained document."""
        return [f"{name} is {getattr(self, name)}" for name in ("lost", "trained_twice") if getattr(self, name)]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def show(self, console: Console) -> None:
        console.print(self._table())
        for e in self.examples:
            console.print(f"[dim]{e['path']}[/dim]  …{e['before']}", highlight=False)
            for who in ("wanted", "first", "last"):
                console.print(f"   {who:>6}  {e[who]!r}", highlight=False, markup=False)

    def _table(self) -> Table:
        table = Table("figure", "value", "goal", title="Midstream demo")
        for name, value in asdict(self).items():
            if name in ("examples", "seconds", "rejected"):
                continue
            sign, goal = GOALS.get(name, ("", 0.0))
            table.add_row(name, _display(value), _mark(value, sign, goal))
        for rule, count in self.rejected.items():
            table.add_row(f"rejected: {rule}", str(count), "")
        for step, seconds in self.seconds.items():
            table.add_row(f"seconds: {step}", f"{seconds:.1f}", "")
        return table


def _display(value: Any) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _mark(value: Any, sign: str, goal: float) -> str:
    if not sign:
        return ""
    reached = {"=": value == goal, ">": value > goal, ">=": value >= goal, "<=": value <= goal}[sign]
    return f"{sign} {goal:g} {'reached' if reached else 'MISSED'}"
