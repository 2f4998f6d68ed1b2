"""Small files of the state folder: whole or not at all, for their owner alone."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, data: bytes, synced: bool = False) -> None:
    """In place of what stands there; `synced`: on disk when it returns. Makes the folder. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)  # of a process that had this number and was killed
    with open(part, "xb", opener=_private) as file:
        file.write(data)
        if synced:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
