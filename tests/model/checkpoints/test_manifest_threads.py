"""Several models of a server read their manifests at the same moment, each in a thread of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.models.tiny import write_checkpoint

AT_ONCE = """
import sys, threading
from pathlib import Path
from model.manifest import read_manifest
sys.setswitchinterval(1e-6)
together = threading.Barrier(4)
def read():
    together.wait()
    read_manifest(Path(sys.argv[1]))
threads = [threading.Thread(target=read) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_the_first_ones_are_read_at_once(tmp_path: Path) -> None:
    """While msgspec learns a type another thread may not use it: half of such processes died."""
    write_checkpoint(tmp_path, 1)
    command = [sys.executable, "-c", AT_ONCE, str(tmp_path / "step-00000001")]
    assert [subprocess.run(command).returncode for _ in range(8)] == [0] * 8
