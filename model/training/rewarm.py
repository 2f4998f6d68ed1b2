"""When the learning rate is warmed up again: a rate that was right for one corpus may throw weights far on another."""

from __future__ import annotations

import logging
from typing import Any

from model.manifest import Manifest

logger = logging.getLogger("midstream.model")

CORPUS = "corpus."
"""What the names of settings begin with that say what is trained on: another value is another corpus."""


def warm_from(before: Manifest | None, run: dict[str, Any]) -> int:
    """The step after which the warm-up begins: the last one of the run before, where its corpus was another, or where
    its weights had not been trained here yet. Says which settings have changed."""
    if before is None or not before.run:
        return before.warm_from if before else 0
    changed = {name: (before.run.get(name), value) for name, value in run.items() if before.run.get(name) != value}
    for name, (was, value) in sorted(changed.items()):
        logger.warning("%s is %s now, and was %s until step %d", name, value, was, before.step)
    if any(name.startswith(CORPUS) for name in changed):
        logger.warning("the corpus has changed: the learning rate is warmed up again from step %d on", before.step)
        return before.step
    return before.warm_from
