"""The trainer's pace, in a small file of the state folder: by it the sources know how far training is behind them."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from streams import statefile

NAME = "pace.json"
FRESH_S = 60.0
"""A trainer writes once a second; a step, or a checkpoint that is being written, takes a few seconds at most."""


class Pace(msgspec.Struct, frozen=True):
    """What the trainer says of itself."""

    time: float = 0.0
    """When, seconds since 1970."""
    tokens_per_s: float = 0.0
    """While it trains, waiting left out; 0 before the first step."""
    tokens: int = 0
    """That were taken from the stream since this trainer began: trained on, or waiting in its rows."""
    ready: int = 0
    """Tokens of rows that are full and not yet trained on."""
    marks: dict[str, int] = {}
    """By source, `topic id:partition`: the offset below which everything was taken."""

    @property
    def fresh(self) -> bool:
        return time.time() - self.time < FRESH_S


def read(folder: Path) -> Pace | None:
    """None where no trainer has written one, or what stands there is none."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Pace)
    except (OSError, msgspec.DecodeError):
        return None


def write(folder: Path, pace: Pace) -> None:
    """Raises OSError."""
    statefile.write(folder / NAME, msgspec.json.encode(pace))
