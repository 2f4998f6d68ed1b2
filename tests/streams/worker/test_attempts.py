"""How often a worker died at a record, by processes that really die (architecture §2.7)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from streams.worker.attempts import DEATHS, RECORDS, Attempts

DIES = """
import os, signal, sys
from pathlib import Path
from streams.worker.attempts import Attempts
attempts = Attempts(Path(sys.argv[1]), "redact")
attempts.begin(sys.argv[2])
print(attempts.careful, attempts.slot, flush=True)
topic, partition, offset = sys.argv[2].split("/")
if sys.argv[3] == "done":
    attempts.done(topic, int(partition), int(offset) + 1)
else:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run(folder: Path, record: str, end: str = "die") -> str:
    """A worker's life at one record; what it said when it began."""
    result = subprocess.run([sys.executable, "-c", DIES, str(folder), record, end], capture_output=True, text=True)
    assert result.returncode == (0 if end == "done" else -9), result.stderr
    return result.stdout.strip()


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


def test_records_of_two_partitions_that_kill_in_turn_both_become_careful(tmp_path):
    for _ in range(DEATHS):
        for record in ("files/0/5", "files/1/5"):
            assert run(tmp_path, record) == "False 0"
    assert run(tmp_path, "files/0/5", "done") == run(tmp_path, "files/1/5", "done") == "True 0"


def test_a_record_below_the_deadly_one_changes_nothing_and_one_beyond_it_ends_it(tmp_path):
    for _ in range(DEATHS):
        assert run(tmp_path, "files/0/5") == "False 0"
        assert run(tmp_path, "files/0/4", "done") == "False 0"
        assert run(tmp_path, "files/1/9", "done") == "False 0"
    assert run(tmp_path, "files/0/5") == "True 0"
    assert run(tmp_path, "files/0/7", "done") == "False 0"
    assert run(tmp_path, "files/0/5") == "False 0"


def test_careful_is_the_deadly_record_alone(tmp_path):
    for _ in range(DEATHS):
        run(tmp_path, "clean/1/42")
    attempts = Attempts(tmp_path, "redact")
    assert (attempts.deaths, attempts.careful) == ({"clean/1/42": DEATHS}, False)
    for offset, careful in ((41, False), (42, True), (43, False)):
        attempts.begin(f"clean/1/{offset}")
        assert attempts.careful is careful
        attempts.done("clean", 1, offset + 1)
    assert attempts.deaths == {}


def test_what_is_begun_before_the_last_is_delivered_stays_under_work(tmp_path):
    for _ in range(DEATHS):
        run(tmp_path, "files/0/5")
    attempts = Attempts(tmp_path, "redact")
    attempts.begin("files/0/5")
    attempts.done("files", 0, 5)
    assert attempts.careful and attempts.record == "files/0/5"


def test_deaths_are_kept_of_the_newest_records_alone(tmp_path):
    for offset in range(RECORDS + 2):
        run(tmp_path, f"files/0/{offset}")
    assert list(Attempts(tmp_path, "redact").deaths) == [f"files/0/{n}" for n in range(2, RECORDS + 2)]


def test_the_file_of_an_older_worker_counts(tmp_path):
    (tmp_path / "redact-0").write_text('{"record": "unique/0/0", "deaths": 2}')
    assert Attempts(tmp_path, "redact").deaths == {"unique/0/0": 3}


def test_two_living_workers_have_a_slot_each(tmp_path):
    mine = Attempts(tmp_path, "redact")
    mine.begin("unique/0/1")
    assert run(tmp_path, "unique/0/1") == "False 1"
    assert mine.slot == 0


def test_a_torn_file_counts_as_none(tmp_path):
    (tmp_path / "redact-0").write_bytes(b'{"record": "unique/0')
    attempts = Attempts(tmp_path, "redact")
    assert (attempts.deaths, attempts.careful) == ({}, False)
