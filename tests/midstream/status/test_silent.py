"""Workers that records wait for, and that ended or hang without a word."""

from __future__ import annotations

import json
import re
import time

import pytest

from midstream.status.needs import SILENT_S, silent
from midstream.status.overview import _stage
from midstream.status.trainer import Lag
from streams.worker.attempts import Attempts, trace
from tests.support.documents.counts import write_counts

WAITING = [Lag("clean", 0, 0, 7, 7)]


@pytest.mark.parametrize(
    ("left", "hung", "said"),
    [
        (
            {"record": "clean/0/3"},
            b"",
            "worker pack ended without a word at clean/0/3, and 7 records wait for it: it was",
        ),
        ({"record": "clean/0/3"}, b"File", "worker pack hung at clean/0/3 and was ended, and 7 records wait for it."),
        ({"record": "", "ended": True}, b"", ""),
    ],
)
def test_a_worker_that_ended_without_a_word_is_named(tmp_path, left, hung, said):
    (tmp_path / "attempts").mkdir()
    (tmp_path / "attempts/pack-0").write_text(json.dumps(left))
    (tmp_path / "attempts/pack-0.hung").write_bytes(hung)
    now = time.time()
    write_counts(tmp_path, "pack", time=now, alive=now)
    stages = [_stage("pack", WAITING, tmp_path)]
    assert silent(tmp_path, stages, [], now + SILENT_S - 1) == []
    (named,) = silent(tmp_path, stages, [], now + SILENT_S + 1) or [""]
    assert named.startswith(said) and bool(named) == bool(said)
    assert silent(tmp_path, stages, ["worker pack"], now + 99) == [], "its error is named"
    assert silent(tmp_path, [_stage("pack", [], tmp_path)], [], now + 99) == [], "nothing waits for it"


def test_a_worker_that_shows_no_life_is_named_and_one_that_ended_well_is_not(tmp_path):
    now = time.time()
    write_counts(tmp_path, "pack", time=now, alive=now)
    attempts = Attempts(tmp_path / "attempts", "pack")
    attempts.begin("clean/0/3")
    stages = [_stage("pack", WAITING, tmp_path)]
    (named,) = silent(tmp_path, stages, [], now + 90)
    said = r"worker pack has shown no life for (89|90) s at clean/0/3, and 7 records wait for it: it hangs"
    assert re.match(said, named)
    attempts.end()
    assert trace(tmp_path / "attempts", "pack")[0].ended


def test_the_time_that_nothing_ran_is_no_silence(tmp_path):
    """The counts are those of a run that ended an hour ago; a worker has just begun."""
    now = time.time()
    write_counts(tmp_path, "pack", time=now - 3600, alive=now - 3600)
    Attempts(tmp_path / "attempts", "pack")
    stages = [_stage("pack", WAITING, tmp_path)]
    assert silent(tmp_path, stages, [], now + SILENT_S - 1) == []
    assert silent(tmp_path, stages, [], now + 2 * SILENT_S)
