"""Hyperscan has ended the process on an expression of ours that it had compiled: all of them over any bytes, apart."""

from __future__ import annotations

import subprocess
import sys

SCANS = """
from hashlib import shake_128
from streams.redact.scan import DETECTORS, find
from streams.redact.detector import Text

examples = [text.encode() for d in DETECTORS.values() for text in (*d.fires, *d.ignores)]
letters = b"aA0-_.:=/@\\"' \\n{}[]()<>$%&+,;!?x1eyJskP"
number = 0

def noise(size):
    global number
    number += 1
    return shake_128(number.to_bytes(4, "big")).digest(size)

for size in (0, 1, 7, 64, 65, 4_096, 200_000):
    find(Text(noise(size)))
    find(Text(bytes(letters[b % len(letters)] for b in noise(size))))
for example in examples:
    for _ in range(8):
        at, length, byte, times = noise(4)
        at %= len(example) + 1
        find(Text(example[:at]))
        find(Text(example[at:]))
        find(Text(example[:at] + bytes([byte]) * (length % 5) + example[at + times % 3 :]))
        find(Text(example[at:] + example * (times % 4) + examples[byte % len(examples)]))
print(number)
"""


def test_no_bytes_end_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", SCANS], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2_000:]
    assert int(ended.stdout) > 1_000
