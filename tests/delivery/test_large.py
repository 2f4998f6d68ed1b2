"""Nothing legal stops a stream: what is too large is cut, or dies alone (architecture §2, Large events)."""

from __future__ import annotations

import pytest

from model.fim.fim import Mix
from model.fim.formats import STARCODER
from streams import frame as frames
from streams.document import Source
from streams.event import (
    MAX_RECORD_BYTES,
    ChangedFile,
    Commit,
    Files,
    Issue,
    Repository,
    SourceFile,
    encode,
)
from streams.frame import Frame, Tally, ranges
from streams.marks import tallied
from streams.pack.pack import Packer
from streams.pipeline import Pack, Prepare, Record, count_documents
from streams.prepare.expand import MAX_EVENT_BYTES
from streams.recipe import Shares
from streams.redact.stage import Redact
from streams.stages import FRAME_BYTES
from tests.support.documents.large import ALL, REPOSITORY, SOURCE, commit, file, frame_of, prepare
from tests.support.documents.recipes import default
from tests.support.models.tiny import tokenizer
from tests.tree import ROOT

HEAD = b'{"kind":"files","repository":{"name":"r","licence":"MIT"},"files":['
GOOD = b'{"path":"a.py","text":"x = 1  # \\ud83d\\ude00 \\\\ud800"}'
MESSAGE = "Make the parser read what it wrote: see issue 12 by ann@corp.net.\n"


SILENT = default(too_small={"chars": 0}, alphanumeric={"least": 0.0}, trivial_message={"words": 0})
"""Keeps commits without a word."""


def empty_files(count: int) -> bytes:
    return encode(Files(repository=REPOSITORY, files=[SourceFile(path="", text="")] * count))


# Weighed as encoded.


@pytest.mark.parametrize(
    "value",
    [
        empty_files(150_000),
        encode(Files(repository=REPOSITORY, files=[SourceFile(path=f"{n}", text="x = 1\n") for n in range(200_000)])),
        commit(20_000, MESSAGE * 100),
        encode(Files(repository=Repository(name="n" * 100_000), files=[SourceFile(path="", text="")] * 256)),
    ],
    ids=["empty files", "files of a line", "a message in every file", "a long name in every file"],
)
def test_an_event_that_becomes_too_large_dies_whole(value):
    assert len(value) < MAX_RECORD_BYTES
    (before, after) = file("before = 1\n"), file("after = 1\n")
    documents = [d for o in prepare(before, value, after) for d in o.frame.documents]
    (letter,) = (d for o in prepare(before, value, after) for d in o.dead)
    assert [d.offset for d in documents] == [0, 2]
    assert (letter.error, letter.form, letter.whole) == ("TooLargeWhenExpanded", "event", True)
    assert letter.value == value and letter.origin.index == 0
    assert count_documents(SOURCE, Record(1, None, value, {})) == 1


@pytest.mark.parametrize(("files", "bytes_"), [(256, 3_900), (4_000, 3_500)])
def test_a_commits_message_stands_in_a_frame_once(files, bytes_):
    message = (MESSAGE * 2000)[:bytes_]
    (outcome,) = prepare(commit(files, message))
    assert outcome.frame.tallies == [Tally(0, files)]
    data = frames.encode(outcome.frame)
    assert data.count(MESSAGE.encode()) == message.count(MESSAGE)
    frame = frames.decode(data)
    assert {d.parts[0].text for d in frame.documents} == {message}
    assert len({id(d.parts[0].text) for d in frame.documents}) == 1
    assert frames.encode(frame) == data


def test_redaction_redacts_the_shared_message_for_all():
    (prepared,) = prepare(commit(5, MESSAGE * 3))
    redacted = frames.decode(frames.encode(Redact()(prepared.frame).frame))
    (message,) = {d.parts[0].text for d in redacted.documents}
    assert "ann@corp.net" not in message and "<EMAIL>" in message
    assert all(d.redactions == {"email": 3} for d in redacted.documents)
    assert b"ann@corp.net" not in frames.encode(redacted)


def test_pack_sees_the_message_in_every_file():
    packer = Packer(tokenizer(), STARCODER, Mix(), 512, Shares(both=0.0, hunk=0.0, commit_tokens=0))
    (prepared,) = prepare(commit(3, MESSAGE))
    packed = Pack(packer)(frames.decode(frames.encode(prepared.frame))).frame
    texts = [packer.tokenizer.decode(e.array().tolist()) for e in packed.examples]
    assert all("read what it wrote" in text for text in texts)
    assert {e.index for e in packed.examples} == {0, 1, 2}


def test_frames_close_at_their_bytes_and_an_event_is_never_split():
    event = encode(Files(repository=REPOSITORY, files=[SourceFile(path=f"{n}", text=f"{n}" * 200) for n in range(90)]))
    outcomes = prepare(*[event] * 30)
    assert all(len(frames.encode(o.frame)) <= frames.MAX_BYTES for o in outcomes)
    assert [(o.frame.start, o.frame.upto) for o in outcomes] == [
        (t[0].offset, t[-1].offset + 1) for t in (o.frame.tallies for o in outcomes)
    ]
    wide = prepare(*[file(("ä" * 40 + "\n") * 2_000)] * 9)
    assert sum(len(o.frame.documents) for o in wide) == 9
    assert max(len(frames.encode(o.frame)) for o in wide) <= frames.MAX_BYTES


def test_the_largest_event_that_is_taken_leaves_room_in_the_topic():
    fields = {"repository": REPOSITORY, "sha": "a" * 40, "message": "x"}
    changed = [ChangedFile(path=f"{n}", before="b" * 700, after="a" * 700) for n in range(5_500)]
    (outcome,) = prepare(
        encode(Commit(files=changed, **fields)),
        recipe=default(too_small={"chars": 0}, alphanumeric={"least": 0.0}, trivial_message={"words": 0}),
    )
    size = len(frames.encode(outcome.frame))
    assert 0 < size <= MAX_EVENT_BYTES <= FRAME_BYTES * 2 / 3


# What cannot be read.


def test_a_value_above_the_limit_is_not_decoded():
    values = (b"{not json" + b" " * 30_000_000, empty_files(1) + b" " * MAX_RECORD_BYTES)
    outcomes = prepare(*values)
    dead = [d for o in outcomes for d in o.dead]
    assert [d.error for d in dead] == ["TooLarge", "TooLarge"]
    assert [(d.value, d.length, len(d.sha256), d.complete) for d in dead] == [(b"", len(v), 64, False) for v in values]
    assert [t.dead for o in outcomes for t in o.frame.tallies] == [[0], [0]]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"path":"b.py","text":"x = \\ud800"}',
        b'{"path":"b.py","text":"x = \\uDFFF\\ud800"}',
        b'{"path":"b.py","text":"x = \xed\xa0\x80"}',
        b'{"path":"b\xff.py","text":"x"}',
        b'{"path":"b.py"}',
        b'{"path":"b.py","text":7}',
        b"null",
    ],
)
def test_one_file_that_cannot_be_read_dies_alone(bad):
    value = HEAD + b" , ".join([GOOD] * 5 + [bad] + [GOOD] * 10) + b'],"revision":"1"}'
    (outcome,) = prepare(value)
    assert outcome.frame.tallies == [Tally(0, 16, dead=[5])]
    assert [d.index for d in outcome.frame.documents] == [n for n in range(16) if n != 5]
    assert {d.parts[0].text for d in outcome.frame.documents} == {"x = 1  # \U0001f600 \\ud800"}
    (letter,) = outcome.dead
    assert (letter.origin.index, letter.form, letter.whole) == (5, "event", False)
    assert bad in letter.value and GOOD not in letter.value
    (again,) = prepare(letter.value)
    assert again.frame.tallies == [Tally(0, 1, dead=[0])] and again.dead[0].value == letter.value


@pytest.mark.parametrize(
    "value",
    [
        HEAD + GOOD + b'],"revision":"\\ud800"}',
        HEAD + GOOD + b'],"revision":"\xff"}',
        HEAD + GOOD + b"]",
        HEAD + GOOD + b'],"unknown":' + b"[" * 5_000_000,
        b"[" * 5_000_000,
        b'{"kind":"issue","repository":{"name":"r"},"number":' + b"9" * 30 + b',"title":"t","comments":[]}',
        b'{"kind":"files","repository":{"name":"r","stars":' + b"9" * 30 + b'},"files":[' + GOOD + b"]}",
        b"\xff",
    ],
)
def test_what_else_cannot_be_read_dies_whole(value):
    (outcome,) = prepare(value)
    assert outcome.frame.tallies == [Tally(0, 1, dead=[0])]
    assert (outcome.dead[0].value, outcome.dead[0].whole) == (value, True)
    assert frames.decode(frames.encode(outcome.frame)) == outcome.frame


@pytest.mark.parametrize("key", [b"x" * 5_000_000 + b":0:0:0", b"0" * 32 + b":0:" + b"9" * 30 + b":0", b"\xff", b""])
def test_a_retry_that_names_no_origin_dies(key):
    source = replace_topic("retries")
    (outcome,) = Prepare(ALL)(source, 0, [Record(0, key, None, {})])
    assert outcome.frame.tallies == [Tally(0, 1, dead=[0])]


def replace_topic(topic: str) -> Source:
    return Source(topic, SOURCE.topic_id, 0)


# Behind prepare.


# Tallies and old Frames.


def test_rejected_indexes_are_written_as_ranges():
    assert ranges([7, 1, 2, 9, 3, 4, 4]) == [(1, 5), 7, 9]
    tally = Tally(0, 300, rejected=[1, 2]).with_rejected(range(3, 250)).with_rejected([299])
    assert tally.rejected == [(1, 250), 299]
    assert (tally.rejected_count, tally.rejected_indexes) == (250, [*range(1, 250), 299])
    frame = Frame(source=SOURCE, start=0, upto=1, tallies=[tally])
    assert len(frames.encode(frame)) < 150
    assert frames.decode(frames.encode(frame)).tallies == [tally]
    assert tallied(frame, 0).rejected == 250


def test_a_frame_is_written_as_version_2_only_where_an_old_reader_would_be_wrong():
    plain, ranged = frame_of([9]), frame_of([9])
    ranged.tallies[0].rejected = [(0, 9)]
    (shared,) = prepare(commit(2, MESSAGE))
    assert [frames.decode(frames.encode(f)).v for f in (plain, ranged, shared.frame)] == [1, 2, 2]


def test_a_frame_of_the_last_version_but_one_and_of_this_stay_readable():
    folder = ROOT / "tests/data"
    old = frames.decode((folder / "frame-v1.msgpack").read_bytes())
    assert old.tallies[0].rejected_count == len(old.tallies[0].rejected)
    new = frames.decode((folder / "frame-v2.msgpack").read_bytes())
    assert [d.parts[0].text for d in new.documents] == [MESSAGE, MESSAGE]
    assert (new.tallies[0].rejected_indexes, new.texts, new.v) == ([2, 3, 4], [], 2)


def test_an_issue_is_one_document_whatever_it_holds():
    (outcome,) = prepare(encode(Issue(repository=REPOSITORY, number=1, title="It fails", comments=[])))
    assert outcome.frame.tallies[0].seen == 1
