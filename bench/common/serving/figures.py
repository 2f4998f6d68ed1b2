"""What is said of a replay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from common.serving.replay import SHOWN_S, Asked


def percentile(values: Sequence[float], share: float) -> float | None:
    """The least value that so large a share is at or below; None: there are none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


def figures(found: Sequence[Asked], seconds: float, can_be_right: bool) -> dict[str, Any]:
    """p50, p95, p99: milliseconds from a key to a whole first line, of requests that no newer key ended before it.

    in_time: the share of all requests whose line came within 650 ms and before the next key.
    """
    shown = [one.shown for one in found if one.shown is not None]
    asked = sum(one.asked for one in found)
    made: dict[str, Any] = {
        f"p{share}_ms": None if (p := percentile(shown, share / 100)) is None else round(1e3 * p, 1)
        for share in (50, 95, 99)
    }
    right = sum(one.is_right for one in found)
    late = percentile([one.late for one in found], 0.99)
    return made | {
        "answers_s": round(right / seconds, 3) if can_be_right else None, "keys": len(found), "requests": asked,
        "shown": len(shown), "right": right if can_be_right else None,
        "in_time": round(sum(s <= SHOWN_S for s in shown) / max(1, asked), 4),
        "failed": sum(bool(one.failed) for one in found), "keys_late_p99_ms": round(1e3 * (late or 0.0), 1),
    }  # fmt: skip
