"""Products, attention and whole steps of a decoder on a CPU, compiled by numba: no torch.

What is compiled is kept in XDG_CACHE_HOME/midstream/kernels, in a folder that is named after this code: numba itself
looks at the file of a function alone, and would go on with what it was compiled with of other files. NUMBA_CACHE_DIR
names another place.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from numba.core import config


def _cache() -> str:
    code = sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))).hexdigest()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(home) / "midstream" / "kernels" / code[:16])


if not config.CACHE_DIR:  # pyright: ignore
    config.CACHE_DIR = _cache()  # pyright: ignore
