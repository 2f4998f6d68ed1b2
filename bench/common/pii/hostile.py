"""How long the worst of many values like paths, dotted names and base64 takes, in a process that can be ended; and of
texts that repeat what redaction looks for."""

from __future__ import annotations

import subprocess
import sys
import time

from streams.redact.redaction import find

UNITS = (
    "-----BEGIN PRIVATE KEY-----", "a@a@", "x@a.b", "x@a.bc ", "a:a:", "sk-", "eyJ", "1.1.", "password:", "token=",
    "pass=", "://a:b@", "%40a.bc", "(at)", "/home/a/", "TODO(a", "kind: Secret\n", "mysql -p", "password='a1b2c3' ",
    "1.2.3.4 ",
)  # fmt: skip
UNIT_BYTES = 1_000_000
VALUES = 600
LIMIT_S = 30
_PROGRAM = """
import base64, random, time
from streams.redact.redaction import find
r, worst = random.Random({seed}), 0.0
find("x = 1")
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


def worst_s_mb() -> float:
    """CPU seconds a megabyte of the slowest of texts that say one thing again and again."""
    find("x = 1")
    worst = 0.0
    for unit in UNITS:
        text = unit * (UNIT_BYTES // len(unit))
        start = time.process_time()
        find(text)
        worst = max(worst, (time.process_time() - start) / (len(text) / 1e6))
    return round(worst, 3)
