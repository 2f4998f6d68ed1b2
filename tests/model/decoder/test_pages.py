"""One forward over the pages of many sequences gives what each sequence alone gives, computed from its beginning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.decoder.pages import Pages
from model.decoder.runner import Runner
from model.decoder.stepping import Stepper
from model.decoder.stores import PAGE, Slice
from tests.support.models.paged import ALL, PLAN, decoder, follow, ids, tables, whole


def runner(name: str, pages: int) -> Runner:
    """Its pages hold numbers that are none."""
    made = Runner(decoder(name))
    made.allot(pages)
    if isinstance(made.pages, Pages):
        made.pages.keys_LPGKS.fill_(float("nan"))
        made.pages.values_LPGSK.fill_(float("inf"))
    return made


@ALL
def test_greedy_ids_are_those_of_a_full_forward(name: str) -> None:
    """Three sequences side by side, their prompts in chunks, the third one joining later."""
    made = runner(name, 64)
    prompts = [ids(n, n) for n in (7, 50, 33)]
    where = tables(made, 3, 80)
    sequences, done = [list(p) for p in prompts], [0, 0, 0]
    for step in range(24):
        slices, moved = [], []
        for n in range(3 if step > 4 else 2):
            part = sequences[n][done[n] : done[n] + 20]
            slices.append(Slice(part, done[n], where[n]))
            done[n] += len(part)
            moved.append(n)
        for n, logits_1V in zip(moved, made.forward(slices), strict=True):
            if done[n] == len(sequences[n]):
                sequences[n].append(int(logits_1V[0].argmax()))
    for prompt, sequence in zip(prompts, sequences, strict=True):
        logits_TV = whole(made.model, sequence)
        assert len(sequence) >= len(prompt) + 16
        assert sequence[len(prompt) :] == logits_TV.argmax(-1)[len(prompt) - 1 : -1].tolist()


NAMES = st.sampled_from(["gpt_bigcode, one head of keys", "mistral, a short window", "granite", "dynamic", "gpt2"])


@settings(max_examples=20, deadline=None)
@given(NAMES, PLAN, st.integers(0, 40))
def test_any_slices_give_what_is_computed_from_the_beginning(name: str, plan: list, shared: int) -> None:
    """Sequences 0 and 1 begin with the same tokens in the same pages, of the last of which one has a copy."""
    follow(runner(name, 40), plan, shared, 2e-3)


def test_more_than_the_context_is_refused() -> None:
    made = runner("llama", 16)
    with pytest.raises(ValueError, match="257 tokens do not fit into a context of 256"):
        made.forward([Slice(ids(257, 1), 0, tables(made, 1, 320)[0])])


@pytest.mark.parametrize("name", ["qwen2", "mistral, a short window", "gpt_bigcode, one head of keys"])
def test_a_compiled_step_takes_any_slices(name: str) -> None:
    """Of several sequences at once, all logits or the last ones; pages are copied between."""
    model = decoder(name)
    compiled: Any = model.compiled("float32")
    made = Stepper(model.spec, compiled.step)
    made.allot(32)
    made.pages.keys_LPGKS.fill(np.nan)
    made.pages.values_LPGSK.fill(np.inf)
    first, second = ids(60, 4), ids(60, 5)
    where = tables(made, 2, 60)
    made.run([Slice(first[:20], 0, where[0]), Slice(second[:41], 0, where[1])])
    logits = made.run([Slice(first[20:24], 20, where[0]), Slice(second[41:46], 41, where[1], every=True)])
    assert [x.shape for x in logits] == [(1, 323), (5, 323)]
    np.testing.assert_allclose(logits[0][0], whole(model, first[:24])[-1].numpy(), atol=2e-3, rtol=2e-3)
    np.testing.assert_allclose(logits[1], whole(model, second[:46])[41:].numpy(), atol=2e-3, rtol=2e-3)
    made.pages.copy(int(where[0][0]), int(where[1][1]), 24)
    where[1][0] = where[1][1]
    again = made.run([Slice(first[24:25], 24, where[1])])[0]
    assert np.array_equal(again, made.run([Slice(first[24:25], 24, where[0])])[0])
    with pytest.raises(ValueError, match="257 tokens do not fit into a context of 256"):
        made.run([Slice(ids(257, 1), 0, where[0])])


def test_a_row_beside_others_has_the_same_bits_of_attention() -> None:
    """What is compiled takes each row by itself."""
    from model.decoder import rows

    generator = np.random.default_rng(3)
    keys, values = (generator.standard_normal(s, np.float32) for s in ((20, 2, 16, PAGE), (20, 2, PAGE, 16)))
    q_MHK = generator.standard_normal((5, 4, 16), np.float32)
    tables_MN = generator.integers(0, 20, (5, 4), np.int32)
    first_M, last_M = np.array([0, 0, 7, 33, 90], np.int32), np.array([0, 31, 40, 127, 100], np.int32)
    together, row_M = np.empty_like(q_MHK), np.arange(5, dtype=np.int32)
    rows.attend(q_MHK, row_M, keys, values, tables_MN, first_M, last_M, np.float32(0.3), together)
    for m in range(5):
        alone, own = np.empty((1, 4, 16), np.float32), slice(m, m + 1)
        part = tables_MN[own], first_M[own], last_M[own], np.float32(0.3), alone
        rows.attend(q_MHK[own], row_M[:1], keys, values, *part)
        assert (alone[0] == together[m]).all()
