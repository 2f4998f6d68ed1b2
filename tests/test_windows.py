"""Windows of changes of the past: the same by characters as by lines, and what they hold."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from streams.pack.changes import MARGIN
from streams.sources.git import windows
from streams.sources.git.windows import MAX_WINDOW, by_characters, by_lines, window

LINES = st.lists(st.sampled_from(["", "a", "b", "ab", "ba", "\x0c", "\u2028x"]), max_size=12).map("\n".join)


@pytest.mark.parametrize("margin", [0, 1, 3])
@settings(max_examples=1000, deadline=None)
@given(LINES, LINES, LINES, LINES)
def test_by_characters_as_by_lines(margin, head, old, new, tail):
    before, after = head + old + tail, head + new + tail
    assume(before != after)  # else it is no change
    windows_margin, windows.MARGIN = windows.MARGIN, margin
    try:
        assert by_characters(before, after) == by_lines(before, after)
    finally:
        windows.MARGIN = windows_margin


def test_margins_and_numbers():
    lines = [f"{n}\n" for n in range(200)]
    before, after = "".join(lines), "".join([*lines[:100], "new\n", *lines[101:]])
    old, new, first = window(before, after) or ("", "", 0)
    assert (old, first) == ("".join(lines[100 - MARGIN : 101 + MARGIN]), 101 - MARGIN)
    assert new == old.replace("100\n", "new\n")


def test_added_deleted_and_too_wide():
    assert window(None, "a\n") == (None, "a\n", 1)
    assert window("a\n", None) == ("a\n", None, 1)
    assert window(None, "x" * (MAX_WINDOW + 1)) is None
    assert window("x" * MAX_WINDOW, "y") is None


def test_other_line_ends():
    assert window("a\rb\rc", "a\rB\rc") == ("a\rb\rc", "a\rB\rc", 1)
