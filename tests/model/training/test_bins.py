"""Packing: nothing lost, nothing cut, nearly nothing wasted, and a restart changes nothing."""

from hashlib import blake2b
from math import exp, inf
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.example import PADDING, Example
from model.training.batch import collate
from model.training.bins import Bins

SIZES = st.lists(st.integers(1, 40), max_size=120)


def filled(sizes: list[int], tokens: int = 40, limit: int = 4) -> Bins[tuple[int, int]]:
    bins: Bins[tuple[int, int]] = Bins(tokens, limit)
    for number, size in enumerate(sizes):
        bins.add(size, (number, size))
    return bins


@given(SIZES)
def test_every_item_is_in_one_row_that_holds_it(sizes: list[int]) -> None:
    bins = filled(sizes)
    assert len(bins.open_bins) <= 4
    assert bins.flush() <= 4 and bins.open_bins == []
    assert sorted(item for row in bins.rows for item in row) == list(enumerate(sizes))
    assert all(0 < sum(size for _, size in row) <= 40 for row in bins.rows)


@given(SIZES, SIZES)
def test_restored_bins_go_on_as_if_nothing_had_been(before: list[int], after: list[int]) -> None:
    straight = filled(before)
    again = Bins.restore(40, 4, straight.open_bins, straight.rows, size=lambda item: item[1])
    for bins in (straight, again):
        for number, size in enumerate(after):
            bins.add(size, (number, size))
    assert list(straight.rows) == list(again.rows) and straight.open_bins == again.open_bins
    straight.flush()
    again.flush()
    assert list(straight.rows) == list(again.rows)


def test_the_tightest_bin_takes_the_item_and_a_full_one_closes() -> None:
    bins = filled([10, 35, 5])
    assert list(bins.rows) == [[(1, 35), (2, 5)]] and bins.open_bins == [[(0, 10)]]


def test_when_nothing_fits_the_fullest_is_closed() -> None:
    bins = filled([30, 32, 31, 33, 20])
    assert list(bins.rows) == [[(3, 33)]]
    assert bins.open_bins == [[(0, 30)], [(1, 32)], [(2, 31)], [(4, 20)]]
    bins.flush()
    assert [row[0][1] for row in bins.rows] == [33, 32, 31, 30, 20]


@given(SIZES, st.integers(0, 120), st.integers(0, 9))
def test_a_flush_closes_the_rows_that_were_begun_before(sizes: list[int], before: int, least: int) -> None:
    bins: Bins[tuple[int, int]] = Bins(40, 1000)
    for number, size in enumerate(sizes):
        bins.add(size, (number, size), number)
    full, still = len(bins.rows), bins.open_bins
    assert bins.oldest == min((b[0][0] for b in still), default=inf)
    old = still[: max(least, sum(b[0][0] < before for b in still))]
    assert bins.flush(before, least) == len(old)
    assert sorted(list(bins.rows)[full:]) == old and bins.open_bins == [b for b in still if b not in old]


@pytest.mark.parametrize("size", [0, 41])
def test_what_does_not_fit_a_row_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="row of 40"):
        filled([size])


def python_like(documents: int, tokens: int) -> list[int]:
    """Log-normal sizes, median 2,000 tokens as in the standard library, cut to pieces of at most `tokens`."""
    pieces: list[int] = []
    for n in range(documents):
        unit = (int.from_bytes(blake2b(b"%d" % n, digest_size=6).digest(), "big") + 0.5) / (1 << 48)
        size = max(8, int(2000 * exp(1.3 * NormalDist().inv_cdf(unit))))
        pieces += [tokens] * (size // tokens) + [size % tokens] * (size % tokens > 0)
    return pieces


@pytest.mark.parametrize("tokens", [1024, 4096, 16384])
def test_rows_are_used_to_half_a_per_cent(tokens: int) -> None:
    bins = filled(python_like(12_000, tokens), tokens, 64)
    used = sum(size for row in bins.rows for _, size in row)
    assert used / (len(bins.rows) * tokens) >= 0.995


def example(ids: list[int], text_bytes: int) -> Example:
    return Example(offset=0, index=0, ids=np.array(ids, "<u2").tobytes(), text_bytes=text_bytes)


def test_collate_lays_out_whole_examples() -> None:
    batch = collate(
        [[example([5, 6, 7], 9), example([8], 2)], [example([1, 2], 3)]],
        6,
        replayed=[[False, True], [False]],
        flushed=True,
    )
    assert batch.ids_BT.tolist() == [[5, 6, 7, 8, 0, 0], [1, 2, 0, 0, 0, 0]]
    assert batch.positions_BT.tolist() == [[0, 1, 2, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
    assert batch.documents_BT.tolist() == [[0, 0, 0, 1, PADDING, PADDING], [0, 0] + [PADDING] * 4]
    assert (batch.tokens, batch.text_bytes, batch.examples, batch.replayed, batch.flushed) == (6, 12, 3, 1, True)
    with pytest.raises(ValueError, match="row of 3"):
        collate([[example([5, 6, 7], 9), example([8], 2)]], 3)
