"""The page of `midstream up`: what needs a person first, how fresh, each source, each program."""

from __future__ import annotations

import time

import msgspec
import pytest

from midstream.commands.status import tables
from midstream.models import shortfall
from midstream.status.overview import StageStatus, Status
from midstream.status.page import duration, page
from midstream.status.trainer import Conservation, TrainerStatus
from midstream.status.watch import line
from streams.pace import Pace
from streams.sources.report import RepositoryReport, SourcesReport, read, write


def stage(name: str, **facts: int) -> StageStatus:
    zero = dict.fromkeys(("lag", "workers", "frames", "documents_in", "documents_out", "examples_out"), 0)
    zero |= dict.fromkeys(("rejected", "dead", "licence_unknown"), 0)
    rates = dict.fromkeys(("cpu_s", "documents_per_s", "documents_per_cpu_s"), 0.0)
    return StageStatus(**{"name": name, "partitions": [], "rules": {}, **zero, **rates, **facts})  # type: ignore[arg-type]


TOTAL = Conservation(source="all", documents=900, waiting=20, trained=800, rejected=75, dead=5)
STATUS = Status(
    [stage("prepare", lag=3, documents_in=900, rejected=75, dead=5), stage("dedup", lag=1)],
    TrainerStatus(
        step=120, model_version="step-00000120", bits_per_byte=2.5, lag=7, partitions=[], sources=[], total=TOTAL,
        held=20, conserved=True, replaced=0, retryable=5, packing_use=0.99,
    ),
    ["worker dedup ended with an error at candidates/0/7: see logs/dedup.log"],
)  # fmt: skip
SOURCES = SourcesReport(
    time.time(),
    [
        RepositoryReport("/src/flask", 3, True, 200, 800, False, left_out={"binary": 12}, still_s=240.0),
        RepositoryReport("/src/new", 0, False, 0, None, False, still_s=90.0, waits_for_room=True),
        RepositoryReport("/src/torn", 0, True, 5, 0, True, left_out={"larger than 1 MiB": 1}, damage="contents lack"),
        RepositoryReport("/src/broken", 0, False, 0, None, False, "/src/broken: it lacks objects"),
    ],
    {"binary": 12, "larger than 1 MiB": 1, "of another repository": 7},
    behind_s=12.0, live_lag_s=4.0, past_lag_s=22.0, eta_s=7260.0, tree_tokens=90_000, past_tokens=4_000_000,
)  # fmt: skip
STATES = {"broker": ("runs", 0), "prepare": ("runs", 2), "dedup": ("waits", 5), "train": ("runs", 0)}


def test_what_needs_a_person_stands_first_and_everything_is_told():
    now = msgspec.structs.replace(SOURCES, time=time.time())
    lines = page(STATUS, now, Pace(time.time(), 1100.0), STATES, "/state/logs", 160).splitlines()
    assert lines[0] == "NEEDS A PERSON  worker dedup ended with an error at candidates/0/7: see logs/dedup.log"
    shown = "\n".join(lines)
    assert "1,100 tokens/s  2.500 bits/byte  model step-00000120" in shown
    assert "new commits 4 s; trees and past 22 s; 12 s of training under way" in shown
    assert "/src/flask: 3 new commits sent, tree read, past 200 of 1,000 commits, 12 left out" in shown
    assert "/src/new: 0 new commits sent, reading the tree, past waits" in shown
    assert "/src/torn: 0 new commits sent, tree read, past read, 1 left out\nnote            contents lack" in shown
    assert "/src/broken: it lacks objects" in shown
    assert "left            about 90,000 of the trees and 4.0 million of the past, in tokens: 2.0 h as it goes" in lines
    assert "of another repository" not in shown
    assert "       12 binary\n" in shown and "        1 larger than 1 MiB\n" in shown
    assert "new commits sent, and what was left out, by all runs from this state folder" in shown
    row = next(line.split() for line in lines if line.startswith("prepare"))
    assert row == ["prepare", "runs", "3", "900", "0", "75", "5", "2"]
    assert lines[-1] == "logs: /state/logs"


def test_why_a_repository_stands_still_is_said():
    now = msgspec.structs.replace(SOURCES, time=time.time())
    lines = page(STATUS, now, None, STATES, "", 200).splitlines()
    after = {line.split(":")[0].split("/")[-1]: lines[n + 1].strip() for n, line in enumerate(lines) if "/src/" in line}
    assert after["flask"] == "nothing of it was sent for 4 min: others have their turn"
    assert after["new"] == "nothing of it was sent for 90 s: it waits until the trainer has room for its next part"
    assert "nothing of it" not in after["torn"]
    old = msgspec.structs.replace(SOURCES, ended=True)
    assert "nothing of it" not in "".join(page(STATUS, old, None, STATES, "", 200))


def test_a_tokenizer_with_few_ids_is_a_note():
    lines = page(STATUS, None, None, STATES, "/logs", 40, [shortfall.sentence(16_804, 49_152)]).splitlines()
    assert lines[1].startswith("note            the tokenizer has 16,804 ids of 49,152 asked for: there is too little")
    assert lines[1].endswith("the model is that much smaller"), "not cut"
    assert shortfall.sentence(49_152, 49_152) == ""


def test_before_anything_is_known():
    shown = page(None, None, None, {}, "/state/logs")
    assert "no broker answers" in shown and "no checkpoint yet" in shown and "nothing was read yet" in shown


def test_imported_weights_are_served_before_the_first_step():
    status = msgspec.structs.replace(STATUS, trainer=None, imported="hf:org/model@v1")
    shown = page(status, None, None, STATES, "/state/logs")
    assert "no step yet, hf:org/model@v1 is served" in shown and "no checkpoint yet" not in shown
    assert "no step yet, hf:org/model@v1 is served" in line(status, None, None, {})
    assert "No step yet: hf:org/model@v1 is served." in [str(part) for part in tables(status)]


def test_a_report_that_is_old_tells_no_lag():
    old = msgspec.structs.replace(SOURCES, time=time.time() - 100)
    assert "no source is followed now" in page(STATUS, old, None, STATES, "")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (99, "99 s"), (600, "10 min"), (9000, "2.5 h"), (864_000, "10 days")]
)
def test_durations(seconds: float, said: str):
    assert duration(seconds) == said


def test_the_report_is_its_owners(tmp_path):
    assert read(tmp_path) is None
    write(tmp_path, SOURCES)
    assert read(tmp_path) == SOURCES
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]
