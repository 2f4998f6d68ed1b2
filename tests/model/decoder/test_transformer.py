"""The decoder: no leak between documents, a cache that changes nothing."""

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from model import families
from model.decoder.runner import Runner
from model.families import build

SMALL = families.new(vocab=97, context=48, width=32, layers=2, heads=4)


def row(*lengths: int) -> tuple[Tensor, Tensor, Tensor]:
    """ids, positions and documents of one row; a negative length is padding."""
    generator = torch.Generator().manual_seed(sum(map(abs, lengths)))
    ids = torch.randint(0, SMALL.vocab, (1, sum(map(abs, lengths))), generator=generator)
    positions = torch.cat([torch.arange(abs(n)) for n in lengths])[None]
    documents = torch.cat([torch.full((abs(n),), -1 if n < 0 else i) for i, n in enumerate(lengths)])[None]
    return ids, positions, documents


def test_a_document_does_not_see_another() -> None:
    model = build.decoder(SMALL)
    ids, positions, documents = row(10, 15, 12, -5)
    changed = ids.clone()
    changed[:, 10:25] = (changed[:, 10:25] + 1) % SMALL.vocab
    with torch.inference_mode():
        before, after = model(ids, positions, documents), model(changed, positions, documents)
        alone = model(ids[:, 25:37], positions[:, 25:37], documents[:, 25:37])
    outside = torch.ones(42, dtype=torch.bool)
    outside[10:25] = False
    assert torch.equal(before[:, outside], after[:, outside])
    assert not torch.allclose(before[:, 10:25], after[:, 10:25])
    torch.testing.assert_close(before[:, 25:37], alone)
    assert before.isfinite().all()


def test_a_token_does_not_look_ahead() -> None:
    model = build.decoder(SMALL)
    ids, positions, documents = row(20)
    changed = ids.clone()
    changed[:, 12:] = 0
    with torch.inference_mode():
        before, after = model(ids, positions, documents), model(changed, positions, documents)
    assert torch.equal(before[:, :12], after[:, :12])


def test_the_seed_makes_the_weights() -> None:
    one, two, other = (
        build.decoder(SMALL),
        build.decoder(SMALL),
        build.decoder(msgspec.structs.replace(SMALL, seed=1)),
    )
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.tokens.weight, other.tokens.weight)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_cache_changes_no_logits(chunks: list[int]) -> None:
    model = build.decoder(SMALL).eval()
    ids, positions, documents = row(sum(chunks))
    runner = Runner(model)
    cache = runner.new_cache()
    with torch.inference_mode():
        whole = model(ids, positions, documents)[0]
    at = 0
    for n in chunks:
        logits = runner.extend(ids[0, at : at + n].tolist(), cache)
        at += n
        torch.testing.assert_close(logits, whole[at - 1], atol=1e-5, rtol=1e-4)


def test_a_cache_is_cut_to_the_common_prefix() -> None:
    runner = Runner(build.decoder(SMALL))
    cache = runner.new_cache()
    runner.extend([1, 2, 3, 4, 5], cache)
    assert cache.keep_common([1, 2, 3, 9, 9]) == 3 and cache.ids == [1, 2, 3]
    again = runner.extend([9, 9], cache)
    torch.testing.assert_close(again, runner.extend([1, 2, 3, 9, 9], runner.new_cache()), atol=1e-5, rtol=1e-4)
    assert cache.keep_common([1, 2, 3, 9, 9]) == 4, "the last one is computed again for its logits"
    assert cache.keep_common([7]) == 0 and cache.ids == []


def test_more_than_the_context_is_refused() -> None:
    runner = Runner(build.decoder(SMALL))
    with pytest.raises(ValueError, match="context of 48"):
        runner.extend([1] * 49, runner.new_cache())
    with pytest.raises(ValueError, match="multiple of heads"):
        msgspec.structs.replace(SMALL, heads=5)
