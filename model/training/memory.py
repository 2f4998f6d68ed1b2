"""How much memory is free, as the kernel and the process's control group say."""

from __future__ import annotations

from pathlib import Path

GROUP = Path("/sys/fs/cgroup")


def free_bytes() -> int | None:
    """The lesser of both; None where neither is known."""
    found = [n for n in (_machine(), _group()) if n is not None]
    return min(found, default=None)


def _machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _group() -> int | None:
    """Version 2 of control groups; what the kernel could give back counts as free."""
    try:
        limit = (GROUP / "memory.max").read_text().strip()
        used = int((GROUP / "memory.current").read_text())
        stat = dict(line.split() for line in (GROUP / "memory.stat").read_text().splitlines())
        return None if limit == "max" else int(limit) - used + int(stat.get("inactive_file", 0))
    except (OSError, ValueError):
        return None
