"""Frames, rejections and letters that have grown too large for their topics are cut, and say so."""

from __future__ import annotations

import pytest

from model.example import Example
from model.fim.fim import Mix
from model.fim.formats import STARCODER
from streams import frame as frames
from streams.fit import TooLargeToDeliver, fit, fit_rejections, shorten
from streams.frame import DeadLetter, Outcome, Rejection, Rejections, Tally
from streams.marks import tallied
from streams.pack.pack import Packer
from streams.pipeline import Pack
from streams.redact.stage import Redact
from tests.support.documents.large import SOURCE, document, file, frame_of, prepare
from tests.support.models.tiny import tokenizer


def test_a_frame_is_cut_between_offsets():
    frame = frame_of([500, 500], [800], [10], [700, 200])
    rejection = Rejection(origin=document(0, 0, 0).origin(SOURCE), stage="s", rule="r", reason="")
    parts = fit(Outcome(frame, (rejection,)), 1500)
    assert [(p.frame.start, p.frame.upto) for p in parts] == [(0, 1), (1, 2), (2, 4)]
    assert [d for p in parts for d in p.frame.documents] == frame.documents
    assert [t for p in parts for t in p.frame.tallies] == frame.tallies
    assert all(len(frames.encode(p.frame)) <= 1500 for p in parts)
    assert [p.rejections for p in parts] == [(rejection,), (), ()] and not any(p.dead for p in parts)


def test_ranges_of_a_cut_frame_meet_also_over_offsets_without_a_record():
    frame = frame_of([900], [900])
    frame.start, frame.upto, frame.tallies[1].offset, frame.documents[1].offset = 0, 9, 5, 5
    assert [(p.frame.start, p.frame.upto) for p in fit(Outcome(frame), 1200)] == [(0, 1), (1, 9)]


def test_one_offset_loses_its_largest_documents_until_it_fits():
    documents = [document(0, i, 10) for i in range(4)]
    (part,) = fit(Outcome(frame_of([300, 900, 200, 800])), 1000, documents, "redact")
    assert [d.index for d in part.frame.documents] == [0, 2]
    assert part.frame.tallies == [Tally(0, 4, dead=[1, 3])]
    assert [(d.origin.index, d.error, d.stage) for d in part.dead] == [
        (1, "TooLargeToDeliver", "redact"), (3, "TooLargeToDeliver", "redact"),
    ]  # fmt: skip
    assert part.dead[0].value == frames.encode(documents[1])
    assert tallied(part.frame, 0).alive == 2


def test_files_that_stand_in_one_example_die_together():
    frame = frame_of([10, 10, 10, 10])
    sizes = {0: (300, []), 1: (900, [3]), 2: (300, [])}
    examples = [Example(offset=0, index=i, ids=bytes(n), text_bytes=n, also=a) for i, (n, a) in sizes.items()]
    originals, frame.documents, frame.examples = frame.documents, [], examples
    (part,) = fit(Outcome(frame), 1000, originals)
    assert [e.index for e in part.frame.examples] == [0, 2]
    assert part.frame.tallies[0].dead == [1, 3] == [d.origin.index for d in part.dead]


def test_an_offset_that_cannot_fit_is_our_own_bug():
    with pytest.raises(TooLargeToDeliver):
        fit(Outcome(frame_of([])), 10)


def test_a_growing_redaction_is_cut_and_pack_too():
    text = "write to a@b.co\n" * 400
    (prepared,) = prepare(*[file(text, f"{n}.py") for n in range(20)])
    redacted = Redact()(prepared.frame)
    limit = len(frames.encode(prepared.frame))
    assert len(frames.encode(redacted.frame)) > limit
    parts = fit(redacted, limit, prepared.frame.documents, "redact")
    assert len(parts) > 1 and sum(len(p.frame.documents) for p in parts) == 20
    packed = Pack(Packer(tokenizer(), STARCODER, Mix(), 256))(redacted.frame)
    small = fit(packed, 2_000, redacted.frame.documents, "pack")
    assert sum(len(t.dead) for p in small for t in p.frame.tallies) == sum(len(p.dead) for p in small) > 0
    assert [(a.frame.upto) for a in small[:-1]] == [b.frame.start for b in small[1:]]


def test_rejections_go_in_several_records():
    items = [
        Rejection(origin=document(0, i, 0).origin(SOURCE), stage="s", rule="r", reason="x" * 90) for i in range(99)
    ]
    values = fit_rejections(Rejections(source=SOURCE, items=items), 2_000)
    assert all(len(v) <= 2_000 for v in values)
    assert [item for v in values for item in frames.decode_rejections(v).items] == items


def test_a_letter_that_no_topic_holds_keeps_length_and_hash():
    letter = DeadLetter(origin=document(0, 0, 0).origin(SOURCE), stage="s", error="E", form="event", value=b"x" * 99)
    whole, short = shorten([letter], 99)[0], shorten([letter], 98)[0]
    assert whole is letter and whole.complete
    assert (short.value, short.length, short.complete) == (b"", 99, False)
    assert short.without_value() is short
