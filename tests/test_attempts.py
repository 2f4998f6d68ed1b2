"""How often a worker died at a record, by processes that really die (architecture §2.7)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from streams.worker.attempts import DEATHS, Attempts

DIES = """
import os, signal, sys
from pathlib import Path
from streams.worker.attempts import Attempts
attempts = Attempts(Path(sys.argv[1]), "redact")
print(attempts.careful, attempts.slot, flush=True)
attempts.begin(sys.argv[2])
if sys.argv[3] == "done":
    attempts.done()
else:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run(folder: Path, record: str, end: str = "die") -> str:
    """A worker's life at one record; what it said when it began."""
    told = subprocess.run([sys.executable, "-c", DIES, str(folder), record, end], capture_output=True, text=True)
    assert told.returncode == (0 if end == "done" else -9), told.stderr
    return told.stdout.strip()


def test_three_deaths_at_a_record_make_the_next_one_careful(tmp_path):
    assert [run(tmp_path, "unique/0/5") for _ in range(DEATHS)] == ["False 0"] * DEATHS
    assert run(tmp_path, "unique/0/5", "done") == "True 0"
    assert run(tmp_path, "unique/0/6") == "False 0"


def test_deaths_at_different_records_do_not_add_up(tmp_path):
    for record in ("unique/0/5", "unique/0/6", "unique/1/5", "unique/0/5"):
        assert run(tmp_path, record) == "False 0"


def test_a_good_end_in_between_begins_anew(tmp_path):
    for end in ("die", "die", "done", "die", "die"):
        assert run(tmp_path, "unique/0/5", end) == "False 0"


def test_the_record_is_known_to_the_next_process(tmp_path):
    run(tmp_path, "clean/1/42")
    attempts = Attempts(tmp_path, "redact")
    assert (attempts.record, attempts.careful) == ("clean/1/42", False)


def test_two_living_workers_have_a_slot_each(tmp_path):
    mine = Attempts(tmp_path, "redact")
    mine.begin("unique/0/1")
    assert run(tmp_path, "unique/0/1") == "False 1"
    assert mine.slot == 0


def test_a_torn_file_counts_as_none(tmp_path):
    (tmp_path / "redact-0").write_bytes(b'{"record": "unique/0')
    attempts = Attempts(tmp_path, "redact")
    assert (attempts.record, attempts.careful) == ("", False)
