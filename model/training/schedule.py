"""The learning rate: a linear warm-up, then constant, because a stream has no end to decay towards."""

from __future__ import annotations

from model.config import TrainConfig


def learning_rate(step: int, config: TrainConfig) -> float:
    """Of the step with this number; the first is 1."""
    return config.learning_rate * min(1.0, step / max(1, config.warm_up_steps))
