"""Small files of the state folder, and how a worker's memory is given out."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from streams import statefile


def test_a_file_is_whole_and_its_owners(tmp_path):
    path = tmp_path / "folder/a.json"
    for value in (b"first", b"second"):
        statefile.write(path, value, synced=True)
        assert path.read_bytes() == value
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a"
    statefile.write(path, b"kept")
    with pytest.raises(TypeError):
        statefile.write(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"kept"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries keep their own ways")
def test_a_workers_freed_buffers_are_not_faulted_in_again():
    program = """
import resource
from streams.worker.allocator import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        bytearray(b"x") * (8 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults())
assert keep_freed_memory()
faults()
print(faults())
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before, after = map(int, result.stdout.split())
    assert after < before / 10
