"""Where a document is cut: shares as set, runs of siblings, kinds of nodes, several spans."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import exp, factorial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.fim.cut import Cut, Mix, choose
from model.fim.fim import Parsed, file_head, parse, segments
from model.fim.format import Format
from model.fim.formats import INCODER, STARCODER
from model.fim.segment import Mark, encode
from model.fim.spans import spans
from model.fim.syntax import node_span
from tests.support.tokens.seeds import seed_tokenizer

CODE = "# é😀\ndef f(a):\n    x = 1\n    y = 2\n    z = 3\n    return a\n"
TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\r\n\t <|:0>")), max_size=30)
OTHERS = dict.fromkeys(("identifier", "block", "function_definition"), 0.0)
"""Kinds around the first statement of CODE that are not the statement."""


@pytest.mark.parametrize(
    ("mix", "fmt", "documents"),
    [
        (Mix(), STARCODER, 100_000),
        (Mix(fim_rate=0.9, spm_share=0.2, random=1.0, line=3.0, syntax=0.0, several=1.0, seed=7), INCODER, 25_000),
    ],
    ids=["default", "several"],
)
def test_shares_are_those_of_the_settings(mix: Mix, fmt: Format, documents: int) -> None:
    """Over 300,000 pairs of document and seed, to half a point (a quarter of them for the slower mix).

    A text without a grammar gets a line cut for a syntax cut.
    """
    counts: Counter[str] = Counter()
    for seeded in (replace(mix, seed=mix.seed + n) for n in range(3)):
        for n in range(documents):
            cut = choose("x = 1\ny = 2\n", "", n.to_bytes(4, "little"), seeded, fmt)
            counts.update((cut.span, cut.order) if cut else ("plain",))
    pairs = 3 * documents
    cuts = pairs - counts["plain"]
    weights = mix.random + mix.line + mix.syntax + mix.several
    assert counts["plain"] / pairs == pytest.approx(1 - mix.fim_rate, abs=0.005)
    assert counts["spm"] / cuts == pytest.approx(mix.spm_share if "spm" in fmt.orders else 0, abs=0.005)
    assert counts["random"] / cuts == pytest.approx(mix.random / weights, abs=0.005)
    assert counts["line"] / cuts == pytest.approx((mix.line + mix.syntax) / weights, abs=0.005)
    assert counts["several"] / cuts == pytest.approx(mix.several / weights, abs=0.005)


def test_the_number_of_spans_is_poisson_but_at_least_one() -> None:
    mix = Mix(fim_rate=1.0, random=0.0, line=0.0, syntax=0.0, several=1.0)
    cuts = [choose("some text, of some length", "", str(n).encode(), mix, INCODER) for n in range(20_000)]
    counts = Counter(1 + len(cut.more) for cut in cuts if cut)
    assert counts[1] / 20_000 == pytest.approx(2 * exp(-1), abs=0.015)
    for n in (2, 3, 4):
        assert counts[n] / 20_000 == pytest.approx(exp(-1) / factorial(n), abs=0.015)
    assert max(counts) <= INCODER.spans


@given(TEXT.filter(bool), st.binary(max_size=8))
def test_several_spans_are_a_cut_of_the_text(text: str, key: bytes) -> None:
    mix = Mix(fim_rate=1.0, random=0.0, line=0.0, syntax=0.0, several=1.0)
    cut = choose(text, "", key, mix, INCODER)
    assert cut is not None and cut.text == text and cut.span == "several"
    other = choose(text, "", key, mix, STARCODER)
    assert other is not None and other.text == text and other.span == "random" and not other.more


def test_what_several_spans_become() -> None:
    cut = Cut("a", "B", "c", "psm", (("D", "e"), ("F", "g")))
    assert "".join(segments(INCODER, file_head("m.py", fmt=INCODER), cut.text, cut)) == (
        "<|endoftext|><| file ext=.py filename=m.py |>\na<|mask:0|>c<|mask:1|>e<|mask:2|>g<|mask:3|>"
        "<|mask:0|>B<|endofmask|><|mask:1|>D<|endofmask|><|mask:2|>F<|endofmask|><|endoftext|>"
    )


def test_one_span_is_the_layout() -> None:
    """The layout is the general rule for one span."""
    cut = Cut("a", "B", "c", "psm")
    assert [Mark(INCODER.begin), *spans(INCODER, [], cut), Mark(INCODER.end)] == segments(INCODER, [], "aBc", cut)


@settings(deadline=None)
@given(TEXT, TEXT, TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=7))
def test_several_spans_parse(prefix: str, middle: str, suffix: str, more: list[tuple[str, str]]) -> None:
    tok = seed_tokenizer("incoder")
    cut = Cut(prefix, middle, suffix, "psm", tuple(more))
    ids = encode(tok, segments(INCODER, [], cut.text, cut))
    assert parse(INCODER, tok, ids) == Parsed("psm", prefix, middle, suffix, tuple(more))


@pytest.mark.parametrize("fault", ["dropped", "doubled", "swapped"])
def test_spans_that_do_not_fit_are_no_sequence(fault: str) -> None:
    tok = seed_tokenizer("incoder")
    ids = encode(tok, segments(INCODER, [], "", Cut("a", "B", "c", "psm", (("D", "e"),))))
    at = [i for i, n in enumerate(ids) if n == tok.special("<|endofmask|>")]
    if fault == "dropped":
        del ids[at[0]]
    elif fault == "doubled":
        ids.insert(at[1], ids[at[1]])
    else:
        ids[at[0]], ids[at[0] + 1] = ids[at[0] + 1], ids[at[0]]
    with pytest.raises(ValueError, match="known order"):
        parse(INCODER, tok, ids)


def test_more_spans_than_sentinels_are_refused() -> None:
    cut = Cut("a", "b", "c", "psm", (("d", "e"),) * 8)
    with pytest.raises(ValueError, match="incoder was trained on 8 spans at most, not on 9"):
        segments(INCODER, [], cut.text, cut)
    with pytest.raises(ValueError, match="starcoder was trained on 1 spans at most, not on 9"):
        segments(STARCODER, [], cut.text, cut)


def test_a_run_of_siblings() -> None:
    at = CODE.index("x = 1")

    def found(run: float) -> str:
        span = node_span(CODE, "python", at, 0.5, OTHERS, run)
        assert span is not None
        return CODE[slice(*span)]

    statements = ["x = 1", "y = 2", "z = 3", "return a"]
    runs = {found(run / 100) for run in range(100)}
    assert runs == {"\n    ".join(statements[:n]) for n in range(1, 5)}


def test_kinds_are_weighed() -> None:
    at = CODE.index("x = 1")
    spans = [node_span(CODE, "python", at, i / 400, {"identifier": 6.0, "block": 0.0}) for i in range(400)]
    texts = Counter(CODE[slice(*span)] for span in spans if span)
    assert texts["x"] == 6 * texts["x = 1"] > 0 and not any(t.startswith("x") and "\n" in t for t in texts)
    assert node_span(CODE, "python", at, 0.5, {**OTHERS, "assignment": 0.0}) is None


def test_siblings_are_a_share_of_the_syntax_cuts() -> None:
    mix = Mix(fim_rate=1.0, random=0.0, line=0.0, syntax=1.0, siblings=0.5, kinds={"module": 1.0})
    runs = [choose(CODE, "python", str(n).encode(), mix) for n in range(300)]
    alone = [choose(CODE, "python", str(n).encode(), replace(mix, siblings=0.0)) for n in range(300)]
    longer = sum(len(a.middle) > len(b.middle) for a, b in zip(runs, alone, strict=True) if a and b)
    assert 20 < longer < 150
    assert all(len(a.middle) >= len(b.middle) for a, b in zip(runs, alone, strict=True) if a and b)


def test_every_place_of_a_text_with_a_grammar_has_a_node() -> None:
    broken = CODE + "\n\n)))(\n\n\nx = 1\n\n\n"
    for text in (CODE, "\n\n" + CODE + "\n\n", broken):
        spans = [node_span(text, "python", at, 0.5) for at in range(len(text))]
        assert all(span and span[0] < span[1] <= len(text) for span in spans)
    assert node_span("\n \n", "python", 1, 0.5) is None


def test_a_text_that_is_too_deep_for_a_grammar_gets_no_node() -> None:
    assert node_span(">" * 256 + "\n\ntext\n", "markdown", 3, 0.5) is None
    assert node_span("(" * 100_000, "Python", 3, 0.5) is None
