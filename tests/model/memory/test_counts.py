"""Counts of every order, and what is made of them, against a count by hand."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.memory import matching, mixing
from model.memory.part import CAP, LONGEST, ORDERS, Part, build, dtype_of, separator_of
from model.memory.suffixes import DEPTH, suffix_array
from model.memory.view import View

VOCAB = 7
token = st.integers(0, VOCAB - 1)
texts = st.lists(st.lists(token, max_size=40), max_size=6)
SEPARATOR = separator_of(np.uint16)


def ids(text: list[int]) -> np.ndarray:
    return np.array(text, np.uint16)


def part_of(given_texts: list[list[int]]) -> Part:
    return build(map(ids, given_texts), VOCAB)


def by_hand(given_texts: list[list[int]], context: list[int], n: int) -> Counter[int]:
    """What follows the context's last n tokens."""
    if len(context) < n:
        return Counter()
    wanted = context[-n:]
    return Counter(
        text[at + n] for text in given_texts for at in range(len(text) - n) if text[at : at + n] == wanted
    )  # fmt: skip


def ranges_of(parts: tuple[Part, ...], context: list[int]) -> np.ndarray:
    ranges = matching.beginning(len(parts))
    for one in context:
        matching.advance(parts, ranges, one)
    return ranges


def expected(given_texts: list[list[int]], context: list[int], model: np.ndarray) -> np.ndarray:
    """The rule, a vector a time."""
    p, weights = model.copy(), mixing.beginning()
    for at, n in enumerate(ORDERS):
        counts = {w: min(CAP, c) for w, c in by_hand(given_texts, context, n).items()}
        total = sum(counts.values())
        if not total:
            continue
        b = mixing.bucket(at, total, len(counts))
        share = weights.num_B[b] / weights.den_B[b]
        own = np.zeros(VOCAB)
        for w, c in counts.items():
            own[w] = c / total
        p = share * own + (1 - share) * p
    return p


@settings(deadline=None, max_examples=60)
@given(texts)
def test_the_suffixes_are_sorted(given_texts: list[list[int]]) -> None:
    part = part_of(given_texts)
    assert sorted(part.order_M.tolist()) == np.flatnonzero(part.ids_N != SEPARATOR).tolist()
    keys = [(*part.ids_N[at : at + DEPTH].tolist(), at) for at in part.order_M.tolist()]
    assert all(a < b for a, b in pairwise(keys))


def test_long_runs_are_sorted_by_their_positions() -> None:
    array = np.concatenate([np.zeros(5_000, np.uint16), np.full(DEPTH, SEPARATOR, np.uint16)])
    order = suffix_array(array, SEPARATOR)
    assert order[: 5_000 - DEPTH + 1].tolist() == list(range(5_000 - DEPTH + 1))
    assert not len(suffix_array(array[-DEPTH:], SEPARATOR))


@settings(deadline=None, max_examples=60)
@given(texts, texts, st.lists(token, max_size=30))
def test_counts_are_those_by_hand(one: list[list[int]], two: list[list[int]], context: list[int]) -> None:
    parts = (part_of(one), part_of(two), part_of([]))
    work = mixing.work(VOCAB)
    for words in (context, *(text[: len(text) // 2] for text in one)):
        ranges = ranges_of(parts, words)
        for n in ORDERS:
            total, found = mixing.counted(parts, ranges, n, SEPARATOR, work)
            seen = {int(w): int(work.counts_V[w]) for w in work.seen_V[:found]}
            assert seen == by_hand([*one, *two], words, n) and total == sum(seen.values())
            work.counts_V[:] = 0


@pytest.mark.parametrize("period", [1, 2, 5])
def test_frequent_contexts_are_counted_up_to_the_cap(period: int) -> None:
    text = [n * n % period % VOCAB for n in range(3_000)] + [6, 6, 5] * 200
    part = part_of([text, text[::-1]])
    assert len(part.keys_H), "some occur more often"
    work = mixing.work(VOCAB)
    for context in ([0], text[:30], [6, 5, 6, 6], text[-40:]):
        ranges = ranges_of((part,), context)
        for n in ORDERS:
            _, found = mixing.counted((part,), ranges, n, SEPARATOR, work)
            seen = {int(w): int(work.counts_V[w]) for w in work.seen_V[:found]}
            hand = by_hand([text, text[::-1]], context, n)
            assert seen == {w: min(CAP, c) for w, c in hand.items()}
            work.counts_V[:] = 0


@settings(deadline=None, max_examples=60)
@given(texts, texts, st.lists(token, max_size=30), st.lists(st.integers(1, 50), min_size=VOCAB, max_size=VOCAB))
def test_the_mixture_is_the_rule_s_and_a_distribution(
    one: list[list[int]], two: list[list[int]], context: list[int], odds: list[int]
) -> None:
    parts = (part_of(one), part_of(two), part_of([]))
    work, weights, model = mixing.work(VOCAB), mixing.beginning(), np.array(odds) / sum(odds)
    for words in (context, *(text[: len(text) // 2] for text in one)):
        ranges = ranges_of(parts, words)
        flow, touched = mixing.mix(parts, ranges, SEPARATOR, weights, work)
        mixed = flow * model + work.added_V
        assert set(np.flatnonzero(work.added_V)) <= set(work.touched_V[:touched].tolist())
        mixing.clear(work, touched)
        assert not work.added_V.any() and not work.counts_V.any()
        assert np.allclose(mixed, expected([*one, *two], words, model), atol=1e-6)
        assert abs(mixed.sum() - 1) < 1e-5
        for w in range(VOCAB):
            said = mixing.observe(parts, ranges, SEPARATOR, weights, work, w, model[w], False)
            assert abs(said - mixed[w]) < 1e-6


def test_weights_learn_what_their_order_explains() -> None:
    """Text that repeats itself is believed; a text that has nothing to do with it loses its weight."""
    period = [0, 1, 2, 3, 4, 5, 6, 2, 1]
    parts = (part_of([period * 30]),)

    def learnt(text: list[int]) -> tuple[float, float]:
        """Bits a token of the last half, by the mixture and by the model alone."""
        work, weights, ranges = mixing.work(VOCAB), mixing.beginning(), matching.beginning(1)
        taken: list[float] = []
        for w in text:
            p = mixing.observe(parts, ranges, SEPARATOR, weights, work, w, 1 / VOCAB, True)
            taken.append(-np.log2(p))
            matching.advance(parts, ranges, w)
        return float(np.mean(taken[len(taken) // 2 :])), np.log2(VOCAB)

    same, model = learnt(period * 60)
    assert same < 0.15 * model
    foreign, model = learnt([(n * n * 7 + n // 3) % VOCAB for n in range(4_000)])
    assert foreign < 1.1 * model


def test_ids_are_as_small_as_the_vocabulary_allows() -> None:
    assert dtype_of(65_535) is np.uint16 and dtype_of(65_536) is np.uint32
    wide = build([np.arange(70_000, dtype=np.int32)], 70_000)
    assert wide.ids_N.dtype == np.uint32 and len(wide.order_M) == 70_000
    assert LONGEST < DEPTH


@settings(deadline=None, max_examples=60)
@given(texts, st.lists(token, max_size=30), st.lists(st.floats(-5, 5), min_size=VOCAB + 2, max_size=VOCAB + 2))
def test_ends_keep_the_model_s_probability(one: list[list[int]], context: list[int], logits: list[float]) -> None:
    """The last two ids are no text."""
    logits_V, ends = np.array(logits, np.float32), np.array([VOCAB, VOCAB + 1])
    view = View((build(map(ids, one), VOCAB + 2),), mixing.beginning(), context, ends)
    mixed = np.exp(view.mixed(logits_V, mixing.work(VOCAB + 2)).astype(float))
    mixed, model = mixed / mixed.sum(), np.exp(logits_V.astype(float)) / np.exp(logits_V.astype(float)).sum()
    assert np.allclose(mixed[ends], model[ends], atol=1e-5)
    text = model[:VOCAB] / model[:VOCAB].sum()
    assert np.allclose(mixed[:VOCAB] / mixed[:VOCAB].sum(), expected(one, context, text), atol=1e-4)
