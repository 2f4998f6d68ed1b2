"""The disk of the state folder: when it is full, the broker ends, and only that it does not answer is seen."""

from __future__ import annotations

import shutil
from pathlib import Path

LEAST_BYTES = 64 * 1024 * 1024
"""Kafka ends when it cannot write a segment, some megabytes before nothing at all can be written."""


def warning(folder: Path) -> str:
    """What to say when the folder's disk is as good as full; else empty."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    return f"The disk of {folder} is full: {free / 1e6:.0f} MB are left." if free < LEAST_BYTES else ""
