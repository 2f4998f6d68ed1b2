"""What a card runs, on a CPU: rows of few new tokens together over static buffers, prompts in one call, and pages that
hold nothing of others. Its answers are those of the CPU's own pages, and of a forward from the beginning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from model.decoder.pages import TokenPages
from model.decoder.prompts import Prompts
from model.decoder.runner import Runner
from model.decoder.stores import PAGE, Pasts, Slice
from model.decoder.together import MOST_ROWS, Rows, Together, bucket, rows_of
from tests.support.models import shapes
from tests.support.models.paged import ALL, PLAN, SPECS, decoder, follow, ids, tables, whole
from tests.support.models.recorded import Recorded

NEAR: dict[str, Any] = {"atol": 2e-3, "rtol": 2e-3}


def runner(name: str, pages: int) -> Runner:
    """As a card has it; its pages hold numbers that are none."""
    made = Runner(decoder(name), together=True)
    made.allot(pages)
    if isinstance(made.pages, TokenPages):
        made.pages.keys_LPSGK[:, :pages].fill_(float("nan"))
        made.pages.values_LPSGK[:, :pages].fill_(float("inf"))
    return made


@ALL
def test_it_answers_as_the_pages_of_a_cpu_do(name: str) -> None:
    """Sequences of mixed lengths: prompts, then single tokens beside a second chunk, then several tokens with all their
    logits beside a sequence that begins."""
    apart, usual = runner(name, 48), Runner(decoder(name))
    usual.allot(48)
    where = tables(apart, 4, 120)
    a, b, c, d = (ids(120, n) for n in range(4))
    steps = [
        [Slice(a[:70], 0, where[0]), Slice(b[:19], 0, where[1]), Slice(c[:3], 0, where[2])],
        [Slice(a[70:71], 70, where[0]), Slice(b[19:60], 19, where[1]), Slice(c[3:4], 3, where[2])],
        [Slice(c[4:20], 4, where[2], True), Slice(d[:31], 0, where[3], True), Slice(a[71:75], 71, where[0])],
        [Slice(a[75:96], 75, where[0], True), Slice(d[31:32], 31, where[3]), Slice(d[32:33], 32, where[3])],
    ]
    for slices in steps:
        for mine, theirs in zip(apart.run(slices), usual.run(slices), strict=True):
            np.testing.assert_allclose(mine, theirs, **NEAR)
    torch.testing.assert_close(torch.from_numpy(apart.run([Slice(a[96:97], 96, where[0])])[0]),
                               whole(apart.model, a[:97])[-1:], **NEAR)  # fmt: skip


NAMES = st.sampled_from(["gpt_bigcode, one head of keys", "mistral, a short window", "granite", "dynamic"])


@settings(max_examples=15, deadline=None)
@given(NAMES, PLAN, st.integers(0, 40))
def test_any_slices_give_what_is_computed_from_the_beginning(name: str, plan: list, shared: int) -> None:
    """Sequences 0 and 1 begin with the same tokens in the same pages, of the last of which one has a copy."""
    follow(runner(name, 40), plan, shared, NEAR["atol"])


@pytest.mark.parametrize("window", [1, 31, 32, 33, 34, 64, 100])
def test_a_window_of_any_width_sees_what_it_should(window: int) -> None:
    """Only the pages that a window can touch are gathered: a position at each place of a page."""
    model = shapes.decoder(shapes.llama("mistral", window=window))
    made, sequence = Runner(model, together=True), ids(200, 3)
    made.allot(10)
    where = tables(made, 1, 200)[0]
    made.forward([Slice(sequence[:90], 0, where)])
    logits = [made.forward([Slice([sequence[at]], at, where)])[0] for at in range(90, 200)]
    torch.testing.assert_close(torch.cat(logits), whole(model, sequence)[90:], **NEAR)


def test_a_row_changes_its_own_slot_alone() -> None:
    """Three rows of a batch of four, in two pages and one that begins: nothing else of any page changes, and what the
    fourth one writes is nobody's."""
    made = runner("qwen2", 12)
    pages = made.pages
    assert isinstance(pages, TokenPages)
    made.forward([Slice(ids(40, n), 0, table) for n, table in enumerate(np.arange(12, dtype=np.int32).reshape(3, 4))])
    before = [held.clone() for held in (pages.keys_LPSGK, pages.values_LPSGK)]
    at = {0: 40, 4: 63, 8: 64}
    where = {first: np.arange(first, first + 4, dtype=np.int32) for first in at}
    made.forward([Slice([7], at[first], where[first]) for first in at])
    changed = {(1, 8), (5, 31), (10, 0)}
    for held, former in zip((pages.keys_LPSGK, pages.values_LPSGK), before, strict=True):
        same_LPS = ((held == former) | (held.isnan() & former.isnan())).all(-1).all(-1)
        for page in range(12):
            for slot in range(PAGE):
                expected = (page, slot) in changed or page == 10
                assert bool(same_LPS[:, page, slot].all()) is not expected, (page, slot)
        assert (held[:, 10, 1:] == 0).all() and held[:, 12].isfinite().all()


def test_more_rows_than_a_batch_takes() -> None:
    """Of one sequence, too: a batch's rows see what the batch before it wrote."""
    made, count = runner("llama", 40), 10
    where = tables(made, count, 40)
    sequences = [ids(40, n) for n in range(count)]
    made.forward([Slice(sequence[:20], 0, table) for sequence, table in zip(sequences, where, strict=True)])
    slices = [Slice(s[20:33], 20, table, True) for s, table in zip(sequences, where, strict=True)]
    assert sum(len(s.ids) for s in slices) > 2 * MOST_ROWS
    for sequence, logits_nV in zip(sequences, made.forward(slices), strict=True):
        torch.testing.assert_close(logits_nV, whole(made.model, sequence)[20:33], **NEAR)


def test_batches_come_in_few_shapes() -> None:
    """Rows and pages are rounded up to powers of two, tables to the context's."""
    assert [bucket(n, 64) for n in (1, 2, 3, 5, 8, 33, 64)] == [1, 2, 4, 8, 8, 64, 64]
    assert bucket(5, 6) == 6
    taken: list[torch.Size] = []

    class Noting(Together):
        def forward(self, rows: Rows) -> Tensor:
            taken.append(rows.tables_MN.shape)
            return super().forward(rows)

    model = decoder("llama")
    together = Noting(model, TokenPages(3, 20, 2, 16, model.like))
    table = np.arange(8, dtype=np.int32)
    with torch.inference_mode():
        for rows, at in ((1, 3), (1, 20), (3, 40), (4, 60), (2, 200)):
            together(rows_of([Slice([1] * rows, at, table)]))
    assert taken == [(1, 1), (1, 1), (4, 2), (4, 2), (2, 8)]


@pytest.mark.parametrize("name", [name for name in SPECS if name != "dynamic"])
def test_a_step_can_be_captured(name: str) -> None:
    """It waits for nothing, and a replay gives the logits of what the buffers hold then: two sequences in turn, each
    with its own table, positions and ids."""
    model, pages = decoder(name), 24
    store = TokenPages(3, pages, model.spec.kv_heads, model.spec.head_width, model.like)
    store.keys_LPSGK[:, :pages].fill_(float("nan"))
    together = Together(model, store, Recorded)
    where, sequences = np.arange(24, dtype=np.int32).reshape(3, 8)[:, ::-1], [ids(60, n) for n in range(3)]
    with torch.inference_mode():
        for at in range(60):
            rows = rows_of([Slice([s[at]], at, t) for s, t in zip(sequences[: 3 - at % 2], where, strict=False)])
            logits_MV = together(rows)
            if at % 2:
                together(rows_of([Slice([sequences[2][at]], at, where[2])]))
            for sequence, logits_V in zip(sequences, logits_MV, strict=False):
                if at % 7 == 0 or at > 57:
                    torch.testing.assert_close(logits_V, whole(model, sequence[: at + 1])[-1], **NEAR)


def test_logits_stay_when_the_next_step_is_replayed() -> None:
    """Also when one forward replays the same shape several times."""
    model = decoder("qwen2")
    together = Together(model, TokenPages(3, 9, 2, 16, model.like), Recorded)
    table, sequence = np.arange(9, dtype=np.int32), ids(2 * MOST_ROWS, 4)
    with torch.inference_mode():
        first = together(rows_of([Slice(sequence[:1], 0, table)]))
        together(rows_of([Slice([9], 0, table)]))
        torch.testing.assert_close(first, whole(model, sequence[:1]), **NEAR)
        logits_MV = together(rows_of([Slice(sequence, 0, table, True)]))
        again_MV = together(rows_of([Slice(sequence, 0, table, True)]))
    assert len(logits_MV) == 2 * MOST_ROWS
    for made_MV in (logits_MV, again_MV):
        torch.testing.assert_close(made_MV, whole(model, sequence), **NEAR)


def test_graphs_are_gone_with_their_pages() -> None:
    made = Runner(decoder("llama"), together=True)
    made.allot(4)
    former = made._together
    made.allot(4)
    assert former is not None and made._together is not None and made._together is not former


def test_a_table_ends_at_its_row_s_page() -> None:
    """What was allotted behind it may hold what another sequence left."""
    buffers = Rows(2, 4, 99, torch.device("cpu"))
    buffers.fill(rows_of([Slice([5], 33, np.arange(10, 14, dtype=np.int32))]), PAGE)
    assert buffers.tables_MN.tolist() == [[10, 11, 99, 99], [99] * 4]
    assert buffers.ids_1M.tolist() == [[5, 0]] and buffers.positions_1M.tolist() == [[33, 0]]


def packed(
    q_WHK: Tensor, k_WGK: Tensor, v_WGK: Tensor, starts: Tensor, longest: int, scale: float, window: int | None
) -> Tensor:
    """What the card's call is to give: a mask over all rows."""
    number_W = torch.bucketize(torch.arange(len(q_WHK)), starts.long(), right=True)
    at_W = torch.arange(len(q_WHK))
    allow_WW = (number_W[:, None] == number_W) & (at_W[:, None] >= at_W)
    if window is not None:
        allow_WW &= at_W[:, None] - at_W < window
    assert starts.dtype == torch.int32 and int(starts.diff().max()) == longest
    each = q_WHK.shape[1] // k_WGK.shape[1]
    k_HWK, v_HWK = (x.repeat_interleave(each, 1).transpose(0, 1) for x in (k_WGK, v_WGK))
    mixed_HWK = F.scaled_dot_product_attention(
        q_WHK.transpose(0, 1), k_HWK, v_HWK, attn_mask=allow_WW, scale=scale
    )  # fmt: skip
    return mixed_HWK.transpose(0, 1)


@pytest.mark.parametrize("name", [name for name in SPECS if name != "dynamic"])
def test_prompts_that_begin_are_one_call(name: str) -> None:
    """Beside one that goes on, which is attended to by itself."""
    called: list[int] = []

    def call(*given: Any) -> Tensor:
        called.append(len(given[0]))
        return packed(*given)

    class Packing(Runner):
        def _attend(self, pages: Any, slices: Any) -> Any:
            return Prompts(pages, slices, call)

    made = Packing(decoder(name), together=True)
    made.allot(32)
    where = tables(made, 3, 120)
    a, b, c = (ids(120, n) for n in range(3))
    made.forward([Slice(b[:50], 0, where[1])])
    got = made.forward([Slice(a[:41], 0, where[0]), Slice(b[50:90], 50, where[1]), Slice(c[:99], 0, where[2], True)])
    assert called == [50] * 3 + [140] * 3
    for logits_nV, sequence, first in zip(got, (a[:41], b[:90], c[:99]), (40, 89, 0), strict=True):
        torch.testing.assert_close(logits_nV, whole(made.model, sequence)[first:], **NEAR)


def test_a_family_with_pasts_of_its_own_has_no_pages() -> None:
    made = Runner(decoder("gpt2"), together=True)
    made.allot(4)
    assert isinstance(made.pages, Pasts) and made.page_bytes == 0


def test_a_page_s_bytes_are_those_of_its_type() -> None:
    model = shapes.decoder(shapes.llama()).bfloat16()
    assert Runner(model, together=True).page_bytes * 2 == Runner(model).page_bytes == 2 * 3 * 2 * 16 * PAGE * 4


@pytest.mark.cuda
@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_card_answers_as_a_cpu_does(name: str, dtype: torch.dtype) -> None:
    """Captured and replayed: every step twice, the second time over what the first one wrote."""
    plain = shapes.decoder(SPECS[name])
    usual, card = Runner(plain), Runner(shapes.decoder(SPECS[name]).to("cuda", dtype))
    usual.allot(40), card.allot(40)
    where = tables(usual, 3, 120)
    sequences = [ids(120, n) for n in range(3)]
    for _ in range(2):
        done = [0, 0, 0]
        for counts in ((70, 33, 5), (1, 40, 1), (1, 1, 1), (1, 1, 1), (9, 1, 17)):
            slices = [Slice(s[d : d + n], d, t) for s, d, n, t in zip(sequences, done, counts, where, strict=True)]
            done = [d + n for d, n in zip(done, counts, strict=True)]
            for mine, theirs in zip(card.run(slices), usual.run(slices), strict=True):
                bound = 5e-3 if dtype == torch.float32 else 0.08
                assert np.abs(mine - theirs).max() <= bound * np.abs(theirs).max()
    assert bool(card.captured) is not card.model.by_length
