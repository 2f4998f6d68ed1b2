"""Bad lines, bad files and odd values among GitHub's events cost themselves alone."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.event import decode, encode
from streams.sources.github import lines
from streams.sources.github.shapes import moment
from tests.support.sources.github_events import ISSUE, OTHERS, PULL, archived, comment, hook, issue
from tests.support.sources.github_runs import THREAD, ingest, said, write

BAD = ["", "{", "\u2028", '"a', "[" * 100_000, "not json", '{"a": 1}', "3", '{"type": 1, "payload": []}', "\x00", "}{"]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", [0, 1, 4])
def test_a_bad_line_costs_itself_alone(tmp_path: Path, bad: str, place: int) -> None:
    rows = [json.dumps(e) for e in ISSUE]
    kafka, failures = ingest(tmp_path, write(tmp_path / "a.json", *rows[:place], bad, *rows[place:]))
    assert [said(e) for e in kafka.events] == [THREAD] and not failures
    assert sum(kafka.left_out.values()) == (1 if bad else 0)


def test_half_a_character_becomes_a_question_mark(tmp_path: Path) -> None:
    line = json.dumps(ISSUE[0]).replace("Here is how", "Here \\ud83d is \\uD83D\\uDE00")
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", line))
    assert said(kafka.events[0]) == [("opened", "ann", "Here ? is 😀")]


def test_a_line_is_bounded_before_it_is_decoded(tmp_path: Path) -> None:
    huge = b'{"a": "' + b"x" * (lines.MAX_LINE_BYTES + 5) + b'"}\n'
    rows = b"".join(json.dumps(e).encode() + b"\n" for e in ISSUE)
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(huge + rows + huge))
    kafka, failures = ingest(tmp_path, tmp_path / "a.json.gz")
    assert [said(e) for e in kafka.events] == [THREAD] and not failures
    assert kafka.left_out == {"line of more than 32 MiB": 2}


@pytest.mark.parametrize(
    "bad", [b"not json", b"3", b"\x1f\x8b broken", gzip.compress(b"{}" * 9, mtime=0)[:-9], b"\xff\xfe{\x00"]
)
def test_a_bad_file_never_ends_the_others(tmp_path: Path, bad: bytes) -> None:
    (tmp_path / "bad.json").write_bytes(bad)
    kafka, failures = ingest(tmp_path, tmp_path / "bad.json", tmp_path / "none", write(tmp_path / "good", *ISSUE))
    assert [said(e) for e in kafka.events] == [THREAD]
    assert len(failures) == 2 and "bad.json: " in failures[0] and "none: cannot be opened" in failures[1]


@pytest.mark.parametrize("between", ["", "\n", " \n\n "])
def test_values_one_behind_the_other_are_read(tmp_path: Path, between: str) -> None:
    """As `gh api --paginate` and `jq` write them."""
    pages = [[{"number": 1}], [{"number": 2}, {"number": 3}], {"number": 4}]
    (tmp_path / "a.json").write_text(between.join(json.dumps(page, indent=1) for page in pages))
    left_out: Counter[str] = Counter()
    with (tmp_path / "a.json").open("rb") as file:
        assert list(lines.values(file, "a.json", left_out)) == pages
    assert not left_out


def test_what_a_torn_archive_holds_is_kept(tmp_path: Path) -> None:
    data = gzip.compress(
        "\n".join(map(json.dumps, [*ISSUE, *(archived("WatchEvent", str(n)) for n in range(900))])).encode()
    )
    (tmp_path / "a.json.gz").write_bytes(data[: len(data) // 2])
    kafka, failures = ingest(tmp_path, tmp_path / "a.json.gz")
    assert [said(e) for e in kafka.events] == [THREAD] and "cannot be read to its end (EOFError)" in failures[0]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("behind", [b"trailing garbage", b"\x1f\x8b\x08 a broken member"])
def test_what_stands_before_bytes_that_are_no_gzip_is_kept(tmp_path: Path, end: str, behind: bytes) -> None:
    data = ("\n".join(map(json.dumps, ISSUE)) + end).encode()
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(data) + behind)
    kafka, failures = ingest(tmp_path, tmp_path / "a.json.gz")
    assert [said(e) for e in kafka.events] == [THREAD] and not kafka.left_out
    assert len(failures) == 1 and "a.json.gz: cannot be read to its end" in failures[0]


@pytest.mark.parametrize("value", [b"", gzip.compress(b"", mtime=0)])
def test_an_hour_without_events_is_no_error(tmp_path: Path, value: bytes) -> None:
    (tmp_path / "empty.json").write_bytes(value)
    kafka, failures = ingest(tmp_path, tmp_path / "empty.json")
    assert (kafka.events, failures, kafka.left_out) == ([], [], {"empty file": 1})


EVERYTHING = [
    *ISSUE,
    *PULL,
    *OTHERS,
    hook(action="created", issue=issue(), comment=comment(1, "x", "a", "2026")),
    [issue()],
]


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.floats(), st.text(max_size=9), st.just([]),
    st.just({}), st.just("x" * 5000), st.just([{"a": [1]}]), st.just("https://api.github.com/repos/o/r/issues/9"),
)  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a JSON value: what holds it, and its key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    pairs = list(pairs)
    return [(value, key) for key, _ in pairs] + [place for _, inner in pairs for place in places(inner)]


@pytest.mark.parametrize("date", [True, False, None, "", "soon", [], 1.5])
def test_what_is_no_date_is_none(date: Any) -> None:
    assert moment(date) == 0 and type(moment(date)) is int


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_whatever_stands_in_an_event_gives_events_that_decode_or_is_counted(tmp_path_factory: Any, data: Any) -> None:
    event = json.loads(json.dumps(data.draw(st.sampled_from(EVERYTHING))))
    for _ in range(data.draw(st.integers(1, 4))):
        holder, key = data.draw(st.sampled_from(places(event) or [({"": 0}, "")]))
        holder[key] = json.loads(json.dumps(data.draw(ODD)))  # no two examples share a list
    folder = tmp_path_factory.mktemp("odd")
    kafka, failures = ingest(folder, write(folder / "a.json", json.dumps(event)))
    for one in kafka.events:
        assert encode(decode(encode(one))) == encode(one)
    assert kafka.events or failures or sum(kafka.left_out.values())
