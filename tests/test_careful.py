"""Careful mode with real child processes: a document that ends its process is one dead letter (architecture §2.7)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import msgspec
import pytest

from model.fim.fim import Mix
from model.fim.formats import STARCODER
from streams.document import Document, Part, Source
from streams.frame import Frame, Tally
from streams.pack.pack import Packer
from streams.pipeline import Pack, Prepare, Record, _each
from streams.recipe import Recipe
from streams.worker.careful import Careful, ChildDied, TookTooLong
from tests.crew import Crew, documents, files, python
from tests.tiny import tokenizer


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
    made = [Document(offset=0, index=i, kind="file", parts=[Part("text", text)]) for i, text in enumerate(texts)]
    return Frame(source=Source("files", "0" * 32, 0), start=0, upto=1, tallies=[Tally(0, len(texts))], documents=made)


def test_a_document_that_ends_the_process_is_one_dead_letter(careful):
    outcome = _each(frame("good", "exit", "after", "raise", "last"), "redact", careful, deadly)
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
    assert list(Prepare(Recipe(), careful)(source, 0, records)) == list(Prepare(Recipe())(source, 0, records))


def test_pack_in_a_child_says_what_it_says_in_the_process(careful):
    packer = Packer(tokenizer(), STARCODER, Mix(), 128)
    documents = frame(*(python(n) for n in range(3)))
    assert Pack(packer, careful)(documents) == Pack(packer)(documents)


def test_what_cannot_come_back_counts_as_a_death(careful):
    with pytest.raises(ChildDied):
        careful(open, os.devnull)  # a file cannot be sent
    assert careful(len, "goes on") == 7


@pytest.mark.broker
@pytest.mark.slow
def test_a_worker_whose_like_died_three_times_at_a_record_goes_on_carefully(connection, tmp_path):
    """The attempts file as two deaths leave it, and the record that both died at; the third process died, too."""
    with Crew(connection, tmp_path / "state") as crew:
        (crew.folder / "attempts").mkdir()
        (crew.folder / "attempts" / "redact-0").write_text(json.dumps({"record": "unique/0/0", "deaths": 2}))
        origins = crew.produce("files", [files([python(1), python(2)]), files([python(3)])])
        crew.start()
        crew.drain()
        assert set(crew.stop().values()) == {0}
        assert "unique/0/0: careful mode" in crew.log("redact") and "careful mode" not in crew.log("prepare")
        assert set(crew.train().trained) == set(documents(origins, [2, 1]))
