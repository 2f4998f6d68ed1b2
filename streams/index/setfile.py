"""The sets of shingles of the documents that the index holds: in a file, so that memory need not hold them.

The file has no name: its owner alone can read it, it is gone with the process, however that ends, and no two processes
ever share one. The log `signatures` holds all that is in it, and each start writes it anew.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streams.index.shingles import PADDING

FIRST_STEP, STEP = 1 << 20, 64 << 20
"""Bytes by which the file grows: as many as it has, between these bounds. Each time it is mapped anew, so no more pages
than a step's stay counted as the process's memory."""


class SetFile:
    """Bytes that grow at their end. Not thread-safe: one owner."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: on whose disk they lie; None: that of temporary files."""
        self._folder = folder
        self._descriptor = -1
        self.data: NDArray[np.uint8] = np.zeros(1, np.uint8)
        """As mapped; what lies behind `used` is room."""
        self.used = 1
        """Where the next set goes: 0 is no place of one."""

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    @property
    def mode(self) -> int:
        """The file's permissions; 0 while there is none."""
        return os.fstat(self._descriptor).st_mode & 0o777 if self._descriptor >= 0 else 0

    def reserve(self, count: int) -> None:
        """Room for so many bytes, and PADDING. Raises OSError when the disk is full, before anything is written."""
        needed, size = self.used + count + PADDING, len(self.data)
        if not count or needed <= size:
            return
        if self._descriptor < 0:
            with tempfile.TemporaryFile(dir=self._folder, buffering=0) as file:
                self._descriptor = os.dup(file.fileno())
        size = max(needed, size + min(max(size, FIRST_STEP), STEP))
        size += -size % mmap.PAGESIZE
        os.posix_fallocate(self._descriptor, 0, size)  # a hole that finds no room later would kill the process
        mapped = mmap.mmap(self._descriptor, size)
        mapped.madvise(mmap.MADV_RANDOM)
        self.data = np.frombuffer(mapped, np.uint8)
