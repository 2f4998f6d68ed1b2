"""The bench `adapter` at a small size: its line, and that a kept base is used again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.models.tiny import texts
from tests.tree import ROOT

PROMISED = {"bytes", "bytes_half_b", "step_s", "swap_ms", "base_bits", "adapter_bits", "full_bits", "write_ms"}


def test_the_last_line_holds_what_is_promised(git_folder, tmp_path: Path) -> None:
    for number in range(4):
        git_folder.commit(f"Change {number}", {f"m{n}.py": text for n, text in enumerate(texts()[number : number + 6])})
    small = ["--width", "64", "--layers", "1", "--context", "128", "--base-minutes", "0.02", "--follow-minutes", "0.05"]
    argv = [sys.executable, str(ROOT / "bench/adapter.py"), *small, "--keep", str(tmp_path / "kept"), "--kind", "dora",
            str(git_folder.path), str(git_folder.path)]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) >= PROMISED and {"processor", "cores", "load"} <= set(figures["machine"])
    assert figures["bytes_half_b"]["lora"] < figures["bytes_half_b"]["dora"] <= 8_000_000
    assert figures["full_bits"] > 0 and figures["adapter_bits"] > 0 and figures["rows"] > 0
    assert (tmp_path / "kept/base-64x1").is_dir()
