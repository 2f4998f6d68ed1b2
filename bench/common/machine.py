"""The machine that a figure was seen on."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> dict[str, object]:
    """Processor, cores and the load of the last minute: what stands beside every figure."""
    return {"processor": _processor(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}


def _processor() -> str:
    cpus = Path("/proc/cpuinfo")
    for line in cpus.read_text().splitlines() if cpus.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
