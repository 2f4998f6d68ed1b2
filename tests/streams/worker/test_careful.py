"""Careful mode with real child processes: a document that ends its process is one dead letter (architecture §2.7)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from model.fim.fim import Mix
from model.fim.formats import STARCODER
from streams.deadletters import parse
from streams.document import Document, Part, Source
from streams.each import each
from streams.frame import Frame, Tally
from streams.kafka.log import read as read_log
from streams.pack.pack import Packer
from streams.pipeline import Pack, Prepare, Record
from streams.worker.attempts import DEATHS, Attempts
from streams.worker.careful import Careful, ChildDied, Switch, TookTooLong
from streams.worker.watchdog import Watchdog
from tests.support.documents.recipes import default
from tests.support.models.tiny import tokenizer
from tests.support.programs.crew import Crew, documents, files, python
from tests.support.programs.hanging import HANG


@pytest.fixture
def careful() -> Iterator[Careful]:
    call = Careful()
    yield call
    call.close()


def deadly(document: Document) -> Document:
    """A stage's step that some documents end or hang."""
    match document.parts[0].text:
        case "exit":
            os._exit(7)
        case "raise":
            raise KeyError(document.path)
    return msgspec.structs.replace(document, language=str(os.getpid()))


def frame(*texts: str) -> Frame:
    documents = [Document(offset=0, index=i, kind="file", parts=[Part("text", text)]) for i, text in enumerate(texts)]
    return Frame(
        source=Source("files", "0" * 32, 0), start=0, upto=1, tallies=[Tally(0, len(texts))], documents=documents
    )


def test_a_document_that_ends_the_process_is_one_dead_letter(careful):
    outcome = each(frame("good", "exit", "after", "raise", "last"), "redact", careful, deadly)
    assert [d.index for d in outcome.frame.documents] == [0, 2, 4]
    assert [(letter.origin.index, letter.error) for letter in outcome.dead] == [(1, "ChildDied"), (3, "KeyError")]
    assert outcome.frame.tallies[0].dead == [1, 3]
    workers = [int(d.language) for d in outcome.frame.documents]
    assert os.getpid() not in workers
    assert workers[0] != workers[1] == workers[2]


def test_a_document_that_takes_too_long_is_given_up():
    careful = Careful(timeout_s=1)
    with pytest.raises(TookTooLong):
        careful(time.sleep, 600)
    assert careful(len, "goes on") == 7
    careful.close()


def test_prepare_in_a_child_says_what_it_says_in_the_process(careful):
    source, value = Source("files", "0" * 32, 0), files([python(1), "x"])
    records = [Record(0, b"local/r", value, {}), Record(1, b"local/r", b"{", {})]
    assert list(Prepare(default(), careful)(source, 0, records)) == list(Prepare(default())(source, 0, records))


def test_pack_in_a_child_says_what_it_says_in_the_process(careful):
    packer = Packer(tokenizer(), STARCODER, Mix(), 128)
    documents = frame(*(python(n) for n in range(3)))
    assert Pack(packer, careful)(documents) == Pack(packer)(documents)


def test_what_cannot_come_back_counts_as_a_death(careful):
    with pytest.raises(ChildDied):
        careful(open, os.devnull)  # a file cannot be sent
    assert careful(len, "goes on") == 7


def switch(folder: Path, record: str, deaths: int) -> tuple[Switch, Attempts]:
    (folder / "redact-0").write_text(json.dumps({"record": "", "deaths": {record: deaths}}))
    attempts = Attempts(folder, "redact")
    return Switch(attempts, Watchdog()), attempts


def test_careful_mode_is_the_deadly_records_alone_and_is_left_behind_it(tmp_path, caplog):
    call, attempts = switch(tmp_path, "unique/0/5", DEATHS)
    workers: list[int] = []
    for offset in (4, 5, 6):
        attempts.begin(f"unique/0/{offset}")
        workers += (int(call(deadly, d).language) for d in frame("one", "two").documents)
        attempts.done("unique", 0, offset + 1)
    Watchdog().rest()
    mine = os.getpid()
    assert [w == mine for w in workers] == [True, True, False, False, True, True]
    assert workers[2] == workers[3] and not alive(workers[2])
    assert "unique/0/5: careful mode" in caplog.text and "careful mode is left" in caplog.text


def alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def test_two_deaths_are_not_enough(tmp_path):
    call, attempts = switch(tmp_path, "unique/0/5", DEATHS - 1)
    attempts.begin("unique/0/5")
    (document,) = frame("one").documents
    assert int(call(deadly, document).language) == os.getpid()
    Watchdog().rest()


HANGS = """
import re, sys
from streams.worker.watchdog import Watchdog
watchdog = Watchdog(float(sys.argv[1]))
for _ in range(3):
    watchdog.beat()
    print("beat", flush=True)
if sys.argv[2] == "rest":
    watchdog.rest()
re.match("(a+)+$", "a" * 24 + "b")
if sys.argv[2] != "rest":
    re.match("(a+)+$", "a" * 64 + "b")
"""


def test_a_call_that_never_lets_python_run_is_ended():
    result = subprocess.run([sys.executable, "-c", HANGS, "0.5", "go"], capture_output=True, text=True)
    assert result.returncode == 1 and result.stdout == "beat\n" * 3
    assert "Timeout" in result.stderr and "aaaa" not in result.stderr


def test_who_rests_is_not_watched():
    assert subprocess.run([sys.executable, "-c", HANGS, "0.2", "rest"]).returncode == 0


@pytest.mark.broker
@pytest.mark.slow
def test_a_document_that_hangs_its_stage_is_one_dead_letter(connection, tmp_path):
    """The real shell around a step that hangs: one process is ended, and the second gives the document to a child."""
    with Crew(connection, tmp_path / "state") as crew:
        origins = crew.produce("files", [files([python(1), f"{HANG}\n{python(2)}"]), files([python(3)])])
        crew.start("prepare", "dedup", "pack")
        hanging(crew)
        assert crew.processes.pop("redact").wait() == 1
        hanging(crew)
        crew.drain()
        assert set(crew.stop().values()) == {0}
        fate = crew.train()
        one, hung, other = documents(origins, [2, 1])
        assert (set(fate.trained), fate.dead) == ({one, other}, {hung})
        (letter,) = (parse(logged) for logged in read_log(connection, "deadletters", 0))
        assert (letter.origin, letter.error) == (hung, "TookTooLong")


def hanging(crew: Crew) -> None:
    program = f"from tests.support.programs.hanging import main; main({str(crew.config)!r})"
    with (crew.folder / "redact.log").open("ab") as log:
        crew.processes["redact"] = subprocess.Popen([sys.executable, "-c", program], stdout=log, stderr=log)


@pytest.mark.broker
@pytest.mark.slow
def test_a_worker_whose_like_died_three_times_at_a_record_goes_on_carefully(connection, tmp_path):
    """The attempts file as two deaths leave it, and the record that both died at; the third process died, too."""
    with Crew(connection, tmp_path / "state") as crew:
        (crew.folder / "attempts").mkdir()
        left = json.dumps({"record": "unique/0/0", "deaths": {"unique/0/0": DEATHS - 1}})
        (crew.folder / "attempts" / "redact-0").write_text(left)
        origins = crew.produce("files", [files([python(1), python(2)]), files([python(3)])])
        crew.start()
        crew.drain()
        assert set(crew.stop().values()) == {0}
        assert "unique/0/0: careful mode" in crew.log("redact") and "careful mode" not in crew.log("prepare")
        assert set(crew.train().trained) == set(documents(origins, [2, 1]))
