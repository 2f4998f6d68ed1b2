"""What may be retried is the feed's list; every other letter has a reason (architecture §2.8)."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from midstream.cli import main
from midstream.commands.deadletters import NO_CHECKPOINT, NOT_YET, REPLACED, VOID, survey
from streams.deadletters import Letter, removal, retry
from streams.feed.state import FeedState
from streams.pipeline import FORM

ID = "cd" * 16


def letter(origin: str, offset: int = 0, error: str = "ValueError") -> Letter:
    return Letter(origin, "files", "pack", error, "document", offset, b"secret text", 1_700_000_000_000)


def state(dead: set[str], replaced: set[str] = frozenset()) -> FeedState:  # type: ignore[assignment]
    return FeedState(tokenizer="t", offsets=[0], marks={f"{ID}:0": 10}, dead=dead, replaced=set(replaced))


def test_the_list_is_dead_minus_replaced_with_the_newest_letters_facts():
    one, two = f"{ID}:0:3:0", f"{ID}:0:4:1"
    found = survey(state({one, two}, {two}), [letter(one), letter(one, 1, "KeyError"), letter(two)])
    assert list(found.offered) == [one]
    facts = found.offered[one]
    assert (facts.stage, facts.error, facts.topic, facts.bytes) == ("pack", "KeyError", "files", len(b"secret text"))
    assert found.others == {two: REPLACED}
    assert "secret" not in repr(found)


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
    made, gone = retry(f"{ID}:2:3:0", "document", b"value"), removal(f"{ID}:1:3:0")
    assert (made.key, made.value, made.headers, made.partition) == (
        f"{ID}:2:3:0".encode(), b"value", [(FORM, b"document")], 2,
    )  # fmt: skip
    assert (gone.value, gone.partition) == (None, 1)


@pytest.mark.parametrize("arguments", [(), ("--all", f"{ID}:0:3:0")])
def test_origins_or_all_and_not_both(arguments):
    told = CliRunner().invoke(main, ["deadletters", "discard", *arguments])
    assert told.exit_code == 1
    assert "or give --all" in told.stderr
