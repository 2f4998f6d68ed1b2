"""A bench as a program, and what it says last."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.tree import ROOT


def last_line(name: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(ROOT / f"bench/{name}.py"), *arguments], capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
