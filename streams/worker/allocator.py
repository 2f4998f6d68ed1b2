"""How a worker's memory is given out: the C library's limits, set for records of megabytes (architecture §2.12)."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""Names of glibc's mallopt(3)."""
LARGEST_MAPPING_BYTES = 32 << 20
"""The most that glibc takes: above the largest Frame as encoded."""
KEPT_BYTES = 64 << 20
"""Freed memory at the heap's end beyond this goes back to the system."""


def keep_freed_memory() -> bool:
    """Let buffers of megabytes come out of the heap, in one arena for all threads, and stay there when they are freed.

    As shipped, glibc maps each buffer of 128 KiB and more anew, and every page of it is cleared and faulted in when
    it is first written: a Frame is received, decompressed, encoded and compressed in six of them. Returns whether
    the C library took it; another library than glibc keeps its own ways.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    options = ((MMAP_THRESHOLD, LARGEST_MAPPING_BYTES), (TRIM_THRESHOLD, KEPT_BYTES), (ARENA_MAX, 1))
    return all(mallopt(name, value) for name, value in options)
