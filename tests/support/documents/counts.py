"""What a worker counted, as its file holds it."""

from __future__ import annotations

import json
from pathlib import Path


def write_counts(state: Path, stage: str, **facts: float) -> None:
    (state / "counts").mkdir(exist_ok=True)
    (state / "counts" / f"{stage}-0.json").write_text(json.dumps(facts))
