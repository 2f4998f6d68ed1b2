"""How much memory this machine has left for a program, as the kernel and the control group say."""

from __future__ import annotations

from pathlib import Path

GROUPS = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Limit and use of this program's group, versions 2 and 1."""
STATS = ("sys/fs/cgroup/memory.stat", "sys/fs/cgroup/memory/memory.stat")


def available(root: Path = Path("/")) -> int | None:
    """Bytes that can be had without swapping; None where nobody says."""
    figures = [b for b in (_of_machine(root), *(_of_group(root, *files) for files in zip(GROUPS, STATS, strict=True)))
               if b is not None]  # fmt: skip
    return min(figures, default=None)


def _of_machine(root: Path) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    figures = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(figures[0]) * 1024 if figures else None


def _of_group(root: Path, files: tuple[str, str], stat: str) -> int | None:
    """What the group may still have; pages of files count as free, since they can be read again."""
    try:
        limit, used = ((root / file).read_text().strip() for file in files)
        lines = (root / stat).read_text().splitlines()
    except OSError:
        return None
    if not limit.isdigit() or not used.isdigit():
        return None
    fields = dict(line.split(maxsplit=1) for line in lines if " " in line)
    pages = int(fields.get("inactive_file") or 0)
    return max(0, int(limit) - int(used) + pages)
