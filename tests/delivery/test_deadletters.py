"""What may be retried is the feed's list; every other letter has a reason (architecture §2.8)."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import msgspec
import pytest
from click.testing import CliRunner

from midstream.cli import main
from midstream.commands.deadletters import NO_CHECKPOINT, NOT_OURS, NOT_YET, REPLACED, UNDER_WAY, VOID, deliver, survey
from streams.deadletters import Letter, NoEvent, RefusedLetter, SourceLog, again, fixed, parse, removal, retry
from streams.document import Document, Source
from streams.event import Files, Repository, SourceFile
from streams.event import encode as encode_event
from streams.feed.state import FeedState
from streams.frame import Tally
from streams.kafka.log import Logged
from streams.pipeline import FORM, Prepare, Record, count_documents
from streams.prepare.expand import expand
from streams.prepare.prepare import identity
from tests.support.documents.recipes import default
from tests.support.models.tiny import write_checkpoint
from tests.support.programs.crew import CONTEXT, Crew, files, python

ID = "cd" * 16


def letter(origin: str, offset: int = 0, error: str = "ValueError") -> Letter:
    value = b"secret text"
    return Letter(origin, "files", "pack", error, "document", offset, value, 1_700_000_000_000, bytes=len(value))


def state(dead: set[str], replaced: set[str] = frozenset()) -> FeedState:  # type: ignore[assignment]
    return FeedState(tokenizer="t", offsets=[0], marks={f"{ID}:0": 10}, dead=dead, replaced=set(replaced))


def test_the_list_is_dead_minus_replaced_with_the_newest_letters_facts():
    one, two = f"{ID}:0:3:0", f"{ID}:0:4:1"
    letters = survey(state({one, two}, {two}), [letter(one), letter(one, 1, "KeyError"), letter(two)])
    assert list(letters.offered) == [one]
    facts = letters.offered[one]
    assert (facts.stage, facts.error, facts.topic, facts.bytes) == ("pack", "KeyError", "files", len(b"secret text"))
    assert letters.others == {two: REPLACED}
    assert "secret" not in repr(letters)


@pytest.mark.parametrize("key", [None, b"", b"junk", b"\xff"])
def test_a_record_that_somebody_else_wrote_is_named_by_its_place(key):
    junk = parse(Logged(0, 7, key, b"secret text", {}, 1_700_000_000_000))
    letters = survey(state(set()), [junk])
    assert letters.others == {"deadletters/0/7": NOT_OURS} and not letters.offered
    assert "secret" not in repr(junk)


@pytest.mark.parametrize(
    ("known", "origin", "why"),
    [
        (None, f"{ID}:0:3:0", NO_CHECKPOINT),
        (state(set()), f"{ID}:0:10:0", NOT_YET),
        (state(set()), f"{ID}:0:9:0", VOID),
        (state(set()), f"{'00' * 16}:0:9:0", "it belongs to a topic that was deleted and made again"),
    ],
)
def test_a_letter_that_is_not_offered_has_a_reason(known, origin, why):
    assert survey(known, [letter(origin)]).others == {origin: why}


def test_a_letter_that_retention_took_is_still_offered():
    origin = f"{ID}:0:3:0"
    assert survey(state({origin}), []).offered[origin].gone


def test_a_retry_names_its_origin_and_form_in_the_origins_partition():
    record, gone = retry(f"{ID}:2:3:0", "document", b"value"), removal(f"{ID}:1:3:0")
    assert (record.key, record.value, record.headers, record.partition) == (
        f"{ID}:2:3:0".encode(), b"value", [(FORM, b"document")], 2,
    )  # fmt: skip
    assert (gone.value, gone.headers, gone.partition) == (None, [(FORM, b"removal")], 1)


EVENT = encode_event(
    Files(repository=Repository(name="r"), files=[SourceFile(path=f"{n}.py", text=f"x = {n}\n") for n in range(3)])
)
BROKEN = EVENT.replace(b"x = 1", b"x\\ud800")


def incomplete(value: bytes, form: str = "event", index: int = 0, id_: str = "") -> Letter:
    """A letter of offset 3 that holds no value."""
    digest = sha256(value).hexdigest()
    return Letter(f"{ID}:0:3:{index}", "files", "pack", "TooLarge", form, 0, b"", 0, True, len(value), digest, id_)


def source(value: bytes | None) -> SourceLog:
    """A source topic that still holds a record of this value."""
    return lambda topic, origin: Record(origin.offset, None, value, {}) if value else None


def test_a_letter_without_its_value_is_retried_from_the_source_topic():
    record = again(incomplete(EVENT), source(EVENT))
    assert (record.key, record.value, record.headers) == (f"{ID}:0:3:0".encode(), EVENT, [(FORM, b"event")])


def test_a_document_is_taken_out_of_its_event():
    (_, document, _) = expand(EVENT, 3).documents
    record = again(incomplete(b"grown", "document", 1, identity(document).hex()), source(EVENT))
    content = msgspec.msgpack.decode(record.value, type=Document)
    assert (content.parts, record.headers) == (document.parts, [(FORM, b"document")])


def test_a_file_that_could_not_be_read_is_taken_out_of_its_event():
    (broken,) = expand(BROKEN, 3).broken
    assert again(incomplete(broken.value, index=1), source(BROKEN)).value == broken.value


@pytest.mark.parametrize(
    ("letter_", "log", "why"),
    [
        (incomplete(EVENT), source(None), "files no longer does"),
        (incomplete(EVENT), source(EVENT + b" "), "not the one that died"),
        (incomplete(EVENT), source(b"{"), "not the one that died"),
        (incomplete(b"grown", "document", 1, "00" * 16), source(EVENT), "not the one that died"),
        (incomplete(b"grown", "document", 1), source(EVENT), "not the one that died"),
        (incomplete(b"{" * 9_000_000), source(b"{" * 9_000_000), "9,000,000 bytes, more than"),
        (replace(letter(f"{ID}:0:3:0"), value=b""), source(EVENT), "its value is empty"),
    ],
)
def test_what_cannot_be_had_whole_is_refused_with_the_way_out(letter_, log, why):
    with pytest.raises(RefusedLetter, match=why) as refused:
        again(letter_, log)
    assert "--fixed FILE, or discard it" in str(refused.value)


RETRIES = Source("retries", "ef" * 16, 0)


@pytest.mark.parametrize(
    ("value", "headers", "tally"),
    [
        (None, {FORM: b"removal"}, Tally(0, 0, replaces=f"{ID}:0:3:0")),
        (b"", {FORM: b"removal"}, Tally(0, 0, replaces=f"{ID}:0:3:0")),
        (None, {}, Tally(0, 0, replaces=f"{ID}:0:3:0")),
        (b"", {}, Tally(0, 1, dead=[0], replaces=f"{ID}:0:3:0")),
        (b"", {FORM: b"event"}, Tally(0, 1, dead=[0], replaces=f"{ID}:0:3:0")),
    ],
)
def test_a_removal_is_a_header_and_an_empty_value_is_no_event(value, headers, tally):
    record = Record(0, f"{ID}:0:3:0".encode(), value, headers)
    (outcome,) = Prepare(default())(RETRIES, 0, [record])
    assert outcome.frame.tallies == [tally]
    assert len(outcome.dead) == tally.seen == count_documents(RETRIES, record)


@pytest.mark.parametrize("arguments", [(), ("--all", f"{ID}:0:3:0")])
def test_origins_or_all_and_not_both(arguments):
    result = CliRunner().invoke(main, ["deadletters", "discard", *arguments])
    assert result.exit_code == 1
    assert "or give --all" in result.stderr


NO_TEXT = EVENT.replace(b'"text":"x = 1\\n"', b'"text":5')


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"no json", "JSON is malformed"),
        (b'{"kind":"unknown"}', "Invalid value 'unknown'"),
        (b'{"kind":"files"}', "missing required field"),
        (NO_TEXT, "file 1, counted from 0, cannot be read: Expected `str`, got `int`"),
        (encode_event(Files(repository=Repository(name="r"), files=[])), "it holds no document"),
    ],
)
def test_what_takes_the_place_of_a_dead_letter_must_be_an_event(value, why):
    assert fixed(f"{ID}:0:3:0", EVENT).value == EVENT
    with pytest.raises(NoEvent) as refused:
        fixed(f"{ID}:0:3:0", value)
    assert why in str(refused.value)


def test_what_is_under_way_is_not_offered_again():
    one, two = f"{ID}:0:3:0", f"{ID}:0:4:1"
    letters = survey(state({one, two}), [letter(one), letter(two)], {one})
    assert list(letters.offered) == [two]
    assert letters.others == {one: UNDER_WAY}


@pytest.mark.broker
@pytest.mark.slow
def test_a_second_retry_is_said_to_be_one_and_nothing_doubles(connection, tmp_path):
    with Crew(connection, tmp_path) as crew:
        crew.start()
        one, other = crew.produce("files", [b"no json", b"nor this"])
        crew.drain()
        crew.train()
        write_checkpoint(tmp_path / "checkpoints", 1, feed=crew.state or b"", context=CONTEXT)
        file = tmp_path / "fixed.json"

        def retry_(content: bytes) -> tuple[int, str]:
            file.write_bytes(content)
            result = crew.run("deadletters", "retry", str(one), "--fixed", str(file))
            return result.exit_code, result.output

        code, result = retry_(b"{")
        assert code == 1 and "is no event as docs/events.md has them" in result and "Nothing was sent" in result
        assert retry_(files([python(1)])) == (0, "1 retried\n")
        code, result = retry_(files([python(2)]))
        assert code == 1 and UNDER_WAY in result
        deliver(connection, [fixed(str(other), files([python(3)]))] * 2)  # two commands at the same moment
        result = crew.run("deadletters", "retry", "--all").output
        assert result == f"2 left out: {UNDER_WAY}\n0 retried\n"
        crew.drain()
        fate = crew.train()
        write_checkpoint(tmp_path / "checkpoints", 2, feed=crew.state or b"", context=CONTEXT)
        code, result = retry_(files([python(1)]))
        assert code == 1 and REPLACED in result
    assert sorted(fate.trained.values()) == [1, 1]
    assert list(fate.rejected.values()) == ["exact_duplicate"]
    assert fate.state.replaced == {str(one), str(other)}
