"""A Frame that a disk, or a fault of ours, has damaged behind its head."""

from __future__ import annotations

from typing import Any

import msgspec


def damaged(frame: bytes, **changes: Any) -> bytes:
    """The encoded Frame with tallies that nobody can decode. `changes`: of its other fields."""
    return msgspec.msgpack.encode({**msgspec.msgpack.decode(frame), "tallies": 5, **changes})
