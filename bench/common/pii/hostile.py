"""How long the worst of many values like paths, dotted names and base64 takes, in a process that can be ended."""

from __future__ import annotations

import subprocess
import sys

VALUES = 600
LIMIT_S = 30
_PROGRAM = """
import base64, random, time
from streams.redact.redaction import find
r, worst = random.Random({seed}), 0.0
for number in range({values}):
    letters = ("+/", "//", "._", "-_")[number % 4].encode()
    value = base64.b64encode(r.randbytes(r.randint(12, 72)), letters).decode()
    if number % 3 == 0:
        value = "".join(c if r.random() < 0.85 else "/" for c in value)
    text = f'secret_key = "{{value}}"\\n'
    start = time.process_time()
    find(text, "config.toml")
    worst = max(worst, time.process_time() - start)
print(round(worst * 1e3, 1))
"""


def slowest_ms(seed: int) -> float | None:
    """CPU time of the slowest; None where all together take more than LIMIT_S."""
    program = _PROGRAM.format(seed=seed, values=VALUES)
    try:
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    except subprocess.TimeoutExpired:
        return None
    return float(done.stdout)
