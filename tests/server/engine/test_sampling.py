"""Draws: by the seed alone, in the shares of the probabilities, among the likeliest."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.sampling import choose, drawn, logprobs

SHARES = np.array([0.1, 0.4, 0.05, 0.25, 0.2], np.float32)
LOGITS = np.log(SHARES)


def drawn_shares(temperature: float, top_p: float, among: list[int] | None = None) -> dict[int, float]:
    count = 4000
    found = Counter(choose(LOGITS, temperature, top_p, (n + 0.5) / count, among) for n in range(count))
    return {token: found[token] / count for token in sorted(found)}


def test_tokens_come_in_the_shares_of_their_probabilities() -> None:
    assert drawn_shares(1.0, 1.0) == pytest.approx(dict(enumerate(SHARES.tolist())), abs=1e-3)
    hot = np.exp(LOGITS / 2) / np.exp(LOGITS / 2).sum()
    assert drawn_shares(2.0, 1.0) == pytest.approx(dict(enumerate(hot.tolist())), abs=1e-3)


def test_of_the_likeliest_alone() -> None:
    assert drawn_shares(1.0, 0.6) == pytest.approx({1: 0.4 / 0.65, 3: 0.25 / 0.65}, abs=1e-3)
    assert drawn_shares(1.0, 1e-6) == {1: 1.0}


def test_among_tokens_that_agree() -> None:
    assert drawn_shares(1.0, 1.0, [4, 0]) == pytest.approx({0: 1 / 3, 4: 2 / 3}, abs=1e-3)
    assert choose(LOGITS, 0, 1.0, 0.0) == 1 and choose(LOGITS, 0, 1.0, 0.0, [4, 0]) == 4


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 15), st.integers(0, 10_000))
def test_a_draw_is_below_one_and_its_own(seed: int, alternative: int, number: int) -> None:
    draw = drawn(seed, alternative, number)
    assert 0 <= draw < 1 and draw == drawn(seed, alternative, number)
    assert draw not in (drawn(seed, alternative + 1, number), drawn(seed, alternative, number + 1))


def test_log_probabilities_are_of_all_tokens() -> None:
    assert logprobs(np.stack([LOGITS, LOGITS + 7]), [3, 0]) == pytest.approx(np.log(SHARES[[3, 0]]).tolist())
