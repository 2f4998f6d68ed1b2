"""Golden cases: the text with `|` at the cursor, what the model wrote, what is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp.trim import end_of_block, trim

CASES = {
    "as it is": ("x = |\n", "1 + y", "1 + y"),
    "blanks at the end": ("x = |\n", "1  \n   \n", "1"),
    "only blanks": ("x = |\n", "  \n\n", ""),
    "nothing": ("x = |\n", "", ""),
    "a second blank": ("return |\n", " x", "x"),
    "indentation is not a second blank": ("def f():\n|\n", "    return 1", "    return 1"),
    "deeper indentation": ("if x:\n    |\n", "    y()", "    y()"),
    "carriage returns": ("|\n", "a\r\nb", "a\nb"),
    "closing bracket is there": ("print(|)\n", "x)", "x"),
    "closing bracket and more are there": ("if f(|):\n", "x):", "x"),
    "closing bracket is there, the model goes on": ("f(|)\n", "x):\n    y", "x"),
    "its own brackets stay": ("f(|)\n", "g(x)", "g(x)"),
    "its own brackets stay before the rest": ("f(|)\n", "g(x))", "g(x)"),
    "nested ones": ("a[f(|)]\n", "b[1])]", "b[1]"),
    "quote is there": ('x = "|"\n', 'abc"', "abc"),
    "pairs of quotes stay": ('f(|"k")\n', '"a", ', '"a", '),
    "words after the cursor are there": ("for | in xs:\n", "x in xs:", "x"),
    "blank before what follows": ("x = |+ 1\n", "y ", "y "),
    "the next line again": ("a = 1\n|\nb = 2\n", "b = 2", ""),
    "the next lines again": ("def f():\n    |\n    return y\n", "y = 1\n    return y", "y = 1"),
    "two next lines, a blank one between": ("|\n\nb\nc\n", "a\nb\nc", "a"),
    "the closing line again": ("f({\n    |\n})\n", "a: 1,\n})", "a: 1,"),
    "the rest of a line that is next": ("x = |\nx = 1\n", "1", ""),
    "a like line stays": ("|\nb = 20\n", "b = 2", "b = 2"),
    "characters beyond the BMP": ("'😀|'\n", "é'", "é"),
}


@pytest.mark.parametrize(("marked", "written", "shown"), CASES.values(), ids=CASES)
def test_only_what_is_not_there_is_shown(marked: str, written: str, shown: str) -> None:
    prefix, suffix = marked.split("|")
    assert trim(prefix, written, suffix) == shown


@given(st.text("ab()[]\"' \n", max_size=12), st.text("ab()[]\"' \n", max_size=12), st.text("ab)]\"' \n", max_size=12))
def test_trimming_makes_only_shorter(prefix: str, text: str, suffix: str) -> None:
    shown = trim(prefix, text, suffix)
    assert shown in text and (not shown or shown.strip())


BLOCKS = {
    "body of a head": ("def f():", "\n    a\n    b\nc = 1\n", "\n    a\n    b"),
    "else belongs to it": ("if x:", "\n    a\nelse:\n    b\nc\n", "\n    a\nelse:\n    b"),
    "so does a closing brace": ("if (x) {", "\n\ta;\n}\nb;\n", "\n\ta;\n}"),
    "inside a body": ("    ", "a\n    b\nc\n", "a\n    b"),
    "a blank line ends it only before the same indentation": ("    ", "a\n\n        b\n\n    c\n", "a\n\n        b\n"),
    "top level": ("", "a = 1\nb = 2\n\nc\n", "a = 1\nb = 2\n"),
    "tabs": ("\t", "a\n\tb\nc\n", "a\n\tb"),
}


@pytest.mark.parametrize(("line", "written", "block"), BLOCKS.values(), ids=BLOCKS)
def test_a_block_ends_where_its_indentation_does(line: str, written: str, block: str) -> None:
    assert written[: end_of_block(line, written)] == block
    for end in range(len(block)):
        assert end_of_block(line, written[:end]) is None, "not before its end"


def test_the_last_line_is_judged_only_when_nothing_can_follow() -> None:
    assert end_of_block("if x:", "\n    a\nel") is None
    assert end_of_block("if x:", "\n    a\nel", final=True) == 6
