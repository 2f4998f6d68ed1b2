"""Pre-tokens end where the library's do: every character in several surroundings, odd text, every pattern."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model.tokens.characters import ASSIGNED, UNKNOWN, classes
from model.tokens.merges import LONGEST
from model.tokens.pretoken import DEEPSEEK, GPT2, LLAMA3, QWEN
from tests.support.tokens.patterns import NAMES, ODD, PATTERNS, boundaries, of_library

FORMS = ("x{0}y", " {0}{0} ", "\t{0} z")
MORE_FORMS = (
    *(
        ".{0}.",
        "5{0}5",
        "'{0}'s{0}t",
        "\r{0}\n{0}\r\n{0}",
        "’{0}",
        "\u3000{0}",
        "日{0}日",
        "'{0}eq",
        "'l{0}q",
        "'r{0}q",
    ),
    *("'v{0}q", "'{0}lq", " '{0}q", "\u0301{0}", "{0}\u0301{0}", "12{0}34", "\n {0}\n\n"),
)

text = st.text(st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8")), max_size=80)
pattern = st.sampled_from(list(PATTERNS))


def characters(step: int) -> Iterator[list[str]]:
    """All code points that have a class, every 61st of the rest, in runs of a thousand; with a `step`, every so many
    of those above the scripts with more than one class."""
    points = [
        *range(0x3400),
        *range(0x3400, 0xD800, step),
        *range(0xE000, ASSIGNED, step),
        *range(ASSIGNED, 0x110000, 61 * step),
    ]
    return ([chr(c) for c in points[k : k + 1000]] for k in range(0, len(points), 1000))


@pytest.mark.parametrize("pattern", PATTERNS, ids=NAMES.get)
@pytest.mark.parametrize(("form", "step"), [*((form, 1) for form in FORMS), *((form, 37) for form in MORE_FORMS)])
def test_every_character_is_cut_where_the_library_cuts(form: str, step: int, pattern: int) -> None:
    for run in characters(step):
        text = "".join(form.format(c) + "\nw\n" for c in run)
        ours, inside = boundaries(text, pattern)
        assert ours == of_library(text, pattern) - inside


def test_few_characters_have_no_class() -> None:
    """Of the Basic Multilingual Plane without surrogates and private use."""
    known = [*classes()[:0xD800], *classes()[0xF900:0x10000]]
    assert sum(kind != UNKNOWN for kind in known) / len(known) > 0.97


@settings(deadline=None, max_examples=400)
@given(text, pattern)
@example("'" + "a" * 700 + " " * 1500 + "\u0378" * 1100 + " x", LLAMA3)
@example("\r\n\r\n  \r\n\tx\n", QWEN)
@example("a  \u3000日本 日\u0378 中", DEEPSEEK)
@example("=" * (LONGEST - 1) + " " + "=" * LONGEST + " " + "=" * (LONGEST + 1), GPT2)
def test_any_text_is_cut_where_the_library_cuts(text: str, pattern: int) -> None:
    ours, inside = boundaries(text, pattern)
    assert ours == of_library(text, pattern) - inside


@pytest.mark.parametrize("pattern", PATTERNS, ids=NAMES.get)
def test_five_characters_of_each_kind_in_every_order(pattern: int) -> None:
    """All strings of up to five, each between two letters that end the last one's say."""
    for length in range(1, 6):
        kinds = "a5 \n'.\u3000日" if length < 5 else "a5 \n.\u3000"
        text = "".join("".join(letters) + "w\n0\n" for letters in product(kinds, repeat=length))
        assert boundaries(text, pattern)[0] == of_library(text, pattern)
