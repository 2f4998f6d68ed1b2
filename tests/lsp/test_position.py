"""Units and code points, in the three encodings of the protocol."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp.documents import Documents, TextChange
from lsp.position import Encoding, offset, position, units

ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32"])
TEXTS = st.text("ab\té漢😀\u0301\f\u2028\n\r", max_size=40)
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@given(TEXTS, st.integers(0, 40), ENCODINGS)
def test_there_and_back(text: str, at: int, encoding: Encoding) -> None:
    at = min(at, len(text))
    if text[at - 1 : at + 1] == "\r\n":
        return
    line, character = position(text, at, encoding)
    assert offset(text, line, character, encoding) == at
    before = re.split("\r\n|\r|\n", text[:at])
    codec, size = CODECS[encoding]
    assert (line, character * size) == (len(before) - 1, len(before[-1].encode(codec)))


@pytest.mark.parametrize(
    ("line", "character", "encoding", "at"),
    [
        (0, 99, "utf-16", 3),
        (1, 99, "utf-16", 8),
        (99, 0, "utf-16", 10),
        (2, 5, "utf-8", 9),
        (0, 1, "utf-16", 0),
        (0, 3, "utf-8", 0),
        (0, 2, "utf-16", 1),
        (0, 4, "utf-8", 1),
        (0, 1, "utf-32", 1),
    ],
)
def test_positions_outside_and_inside_of_characters(line: int, character: int, encoding: Encoding, at: int) -> None:
    assert offset("😀ab\r\ncde\n\n", line, character, encoding) == at


def test_a_length_in_units() -> None:
    assert [units("a漢😀", e) for e in ("utf-8", "utf-16", "utf-32")] == [8, 4, 3]


@given(TEXTS, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), TEXTS), max_size=4), ENCODINGS)
def test_edits_in_turn_are_those_of_the_editor(
    text: str, edits: list[tuple[int, int, str]], encoding: Encoding
) -> None:
    """Edits between line ends, told as positions, leave the text that they leave here."""
    documents, changes = Documents(encoding), []
    documents.open("u", "python", text)
    for at, length, new in edits:
        start, end = min(at, len(text)), min(at + length, len(text))
        if "\r\n" in (text[max(0, start - 1) : start + 1], text[max(0, end - 1) : end + 1]):
            continue
        changes.append(TextChange(new, position(text, start, encoding), position(text, end, encoding)))
        text = text[:start] + new + text[end:]
    documents.change("u", changes)
    assert documents.get("u").text == text


def test_a_change_without_a_range_is_everything_and_unknown_documents_are_passed_over() -> None:
    documents = Documents()
    documents.change("u", [TextChange("x")])
    assert documents.get("u") is None
    documents.open("u", "python", "old")
    documents.change("u", [TextChange("new"), TextChange("er", (0, 3), (0, 3))])
    assert documents.get("u").text == "newer"
    documents.close("u")
    assert documents.get("u") is None
