"""Windows of changes of the past: the same by characters as by lines, and what they hold."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from model.hunks import hunks
from model.lines import split
from streams.pack.changes import MARGIN
from streams.sources.git.change import windows
from streams.sources.git.change.windows import MAX_WINDOW, by_characters, by_lines, window
from streams.sources.git.change.windows import windows as windows_of

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


def file(size: int, **changed: str) -> str:
    """A file of so many lines of 60 characters, some of them others."""
    return "".join(changed.get(f"_{n}", f"{n:059}") + "\n" for n in range(size))


def test_far_changes_of_one_file_are_a_window_each():
    before, after = file(2000), file(2000, _100="one", _110="near", _1900="two")
    found, too_wide = windows_of(before, after)
    assert too_wide == 0 and len(found) == 2 and window(before, after) is None
    assert [one.line for one in found] == [101 - MARGIN, 1901 - MARGIN]
    assert [[line for line in split(one.after or "") if line not in (one.before or "")] for one in found] == [
        ["one\n", "near\n"], ["two\n"]
    ]  # fmt: skip
    assert applied(before, found) == after


def test_what_is_too_wide_even_alone_is_counted_and_the_rest_is_not_lost():
    wide = "\n".join(f"{n:070}" for n in range(1000))
    found, too_wide = windows_of(file(2000), file(2000, _100=wide, _1900="two"))
    assert too_wide == 1 and ["two\n" in (one.after or "") for one in found] == [True]
    assert found[0].line == 1900 + 1000 - MARGIN, "the lines that the wide one added come before it"
    assert windows_of(None, wide) == ([], 1) and windows_of("x" * MAX_WINDOW, "y") == ([], 1)


def test_changes_near_each_other_that_do_not_fit_together_are_several_windows():
    before, after = file(3000), file(3000, **{f"_{n}": f"new {n}" for n in range(0, 3000, 3)})
    found, too_wide = windows_of(before, after)
    assert too_wide == 0 and len(found) > 5
    assert applied(before, found) == after


def test_fewer_lines_stand_around_a_change_where_they_are_long():
    lines = [f"{n:0900}\n" for n in range(100)]
    before, after = "".join(lines), "".join([*lines[:50], "new\n", *lines[51:]])
    (one,), too_wide = windows_of(before, after)
    assert (too_wide, one.line, len(split(one.after or ""))) == (0, 51 - MARGIN // 4, 1 + 2 * (MARGIN // 4))


PIECE = st.lists(
    st.sampled_from(["a\n", "b\n", "\n", "}\n", "c\r\n", "d\r"]) | st.integers(0, 99).map("{}\n".format), max_size=9
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(PIECE, PIECE, st.integers(0, 90)), min_size=1, max_size=6))
def test_windows_made_one_after_the_other_are_the_change(pieces):
    """The pieces of each side with unchanged lines between them."""
    old, new = [], []
    for number, (removed, added, between) in enumerate(pieces):
        alike = [f"{number} {n}\n" for n in range(between)]
        old, new = [*old, *alike, *removed], [*new, *alike, *added]
    before, after = "".join([*old, "x" * 80 * between_all(pieces)]), "".join([*new, "x" * 80 * between_all(pieces)])
    assume(before != after and before and after)
    most, windows.MAX_WINDOW = windows.MAX_WINDOW, 600
    try:
        found, too_wide = windows_of(before, after)
    finally:
        windows.MAX_WINDOW = most
    assert all(len(one.before or "") + len(one.after or "") <= 600 for one in found)
    assert too_wide or applied(before, found) == after
    assert len(set(found)) == len(found)


def between_all(pieces) -> int:
    return sum(between for *_, between in pieces) % 3


def applied(before: str, found) -> str:
    lines = split(before)
    for one in found:
        old = split(one.before or "")
        assert lines[one.line - 1 : one.line - 1 + len(old)] == old, "the window's lines stand where it says"
        lines[one.line - 1 : one.line - 1 + len(old)] = split(one.after or "")
    return "".join(lines)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from("abcde"), max_size=30), st.lists(st.sampled_from("abcdef"), max_size=30))
def test_between_hunks_both_sides_are_alike(old, new):
    made, i, j = [], 0, 0
    for hunk in hunks(old, new):
        assert old[i : hunk.old_start] == new[j : hunk.new_start]
        made += old[i : hunk.old_start] + new[hunk.new_start : hunk.new_end]
        i, j = hunk.old_end, hunk.new_end
    assert made + old[i:] == new and old[i:] == new[j:]
