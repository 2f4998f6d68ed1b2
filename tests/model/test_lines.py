"""Lines end at `\\n`, `\\r\\n` and `\\r`, nowhere else: in the one function, and in all that goes by lines."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lsp.position import position
from midstream.commands.complete import split as split_at
from model.lines import bare, begin_behind, last_begin, split, unified
from streams.document import Document, Part
from streams.pack.cells import script
from streams.pack.changes import diff, hunk, window
from streams.prepare.measure import measure
from streams.prepare.texts import judged

NO_ENDS = "\f\x0b\x1c\x1d\x1e\x85\u2028\u2029"
TEXTS = st.text(st.sampled_from("a\n\r" + NO_ENDS))


@given(TEXTS)
@example("a\r\n\r\r\n\n")
def test_lines_are_the_text_again(text: str) -> None:
    lines = split(text)
    assert "".join(lines) == text
    assert all(line.endswith(("\n", "\r")) for line in lines[:-1])
    assert [line.rstrip("\r\n") for line in lines] == bare(text)
    assert not any({"\n", "\r"} & set(line) for line in bare(text))
    assert split(unified(text)) == [line + "\n" for line in bare(text)][: len(lines)] or not text.endswith(("\n", "\r"))


@given(TEXTS, st.data())
def test_a_lines_begin_is_found_from_either_side(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    ends: list[int] = []
    for line in split(text):
        ends.append((ends[-1] if ends else 0) + len(line))
    ends = [at for at in ends if text[at - 1] in "\r\n"]
    behind, last = begin_behind(text, start, end), last_begin(text, start, end)
    assert behind == next((at for at in ends if max(start, at - len(_end(text, at))) < min(at, end)), -1)
    assert last == max((at for at in ends if start < at <= end), default=-1)


def _end(text: str, at: int) -> str:
    return "\r\n" if text.endswith("\r\n", 0, at) else text[at - 1]


@given(TEXTS)
def test_the_measure_counts_these_lines(text: str) -> None:
    figures = measure(text)
    assert figures.lines == len(bare(text))
    assert figures.longest_line == max((len(line) for line in bare(text)), default=0)


@given(TEXTS)
def test_a_position_of_the_editor_is_in_these_lines(text: str) -> None:
    *above, line = split(text + "|")
    assert position(text, len(text), "utf-32") == (len(above), len(line) - 1)


def commit(before: str, after: str) -> Document:
    return Document(offset=0, index=0, kind="commit", parts=[Part("before", before), Part("after", after)])


@pytest.mark.parametrize("odd", NO_ENDS)
def test_nothing_else_ends_a_line(odd: str) -> None:
    before, after = f"a{odd}b\nc\n", f"a{odd}b\nd{odd}\n"
    assert split_at(before, 2, 1) == (f"a{odd}b\n", "c\n")
    assert judged(commit(before, after)) == f"c\nd{odd}"
    assert hunk(before, after) == (4, 6)
    assert window(before, after, 0) == ("c\n", f"d{odd}\n")
    shown = diff("p", "m", before, after, None)
    assert shown.endswith(f"@@ -1,2 +1,2 @@\n a{odd}b\n-c\n+d{odd}\n")
    document = Document(offset=0, index=0, kind="notebook", parts=[Part("markdown", f"x{odd}y")], language="python")
    assert script(document) == f"# %% [markdown]\n# x{odd}y\n"


def test_a_carriage_return_alone_ends_a_line() -> None:
    assert split_at("a\rb\rc", 3, 2) == ("a\rb\rc", "")
    assert split_at("a\r", 2, 1) == ("a\r", "")
    assert judged(commit("a\rb\r", "a\rc\r")) == "b\nc"
    assert hunk("a\rb\rd", "a\rc\rd") == (2, 3)
    assert diff("p", "m", "a\rb\r", "a\rc\r", None).endswith("@@ -1,2 +1,2 @@\n a\n-b\n+c\n")
    assert (measure("a\rbb\r").lines, measure("a\rbb\r").longest_line) == (2, 2)
    with pytest.raises(ValueError, match="no line 3, the last is 2"):
        split_at("a\r", 3, 1)
