"""The decoder: equal to transformers' logits, no leak between documents, a cache that changes nothing."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from model import hub
from model.config import ModelConfig
from model.decoder.runner import Runner
from model.decoder.transformer import Decoder

SMALL = ModelConfig(vocab=97, context=48, width=32, layers=2, heads=4)


def row(*lengths: int) -> tuple[Tensor, Tensor, Tensor]:
    """ids, positions and documents of one row; a negative length is padding."""
    generator = torch.Generator().manual_seed(sum(map(abs, lengths)))
    ids = torch.randint(0, SMALL.vocab, (1, sum(map(abs, lengths))), generator=generator)
    positions = torch.cat([torch.arange(abs(n)) for n in lengths])[None]
    documents = torch.cat([torch.full((abs(n),), -1 if n < 0 else i) for i, n in enumerate(lengths)])[None]
    return ids, positions, documents


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    with warnings.catch_warnings():  # transformers compiles three functions with torch.jit.script when it is imported
        warnings.simplefilter("ignore", FutureWarning)
        from transformers import GPTBigCodeConfig, GPTBigCodeForCausalLM
    folder = tmp_path_factory.mktemp("hub")
    torch.manual_seed(5)
    config = GPTBigCodeConfig(
        vocab_size=97, n_positions=48, n_embd=32, n_layer=2, n_head=4, multi_query=True, initializer_range=0.3,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = GPTBigCodeForCausalLM(config).eval()
    model.save_pretrained(folder)
    return model, folder


def test_logits_are_those_of_transformers(theirs: tuple[nn.Module, Path]) -> None:
    model, folder = theirs
    ids, positions, documents = row(40)
    with torch.inference_mode():
        expected = model(input_ids=ids, use_cache=False).logits
        got = hub.load(folder)(ids, positions, documents)
    assert expected.abs().max() > 1
    torch.testing.assert_close(got, expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("key", "value"), [("multi_query", False), ("model_type", "llama"), ("activation_function", "relu"), ("n_inner", 7)]
)
def test_what_is_not_supported_is_named(theirs: tuple[nn.Module, Path], tmp_path: Path, key, value) -> None:
    config = json.loads((theirs[1] / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {key: value}))
    with pytest.raises(ValueError, match=key):
        hub.load(tmp_path)


def test_missing_weights_are_named(theirs: tuple[nn.Module, Path], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((theirs[1] / "config.json").read_bytes())
    with pytest.raises(ValueError, match=r"norm\.weight"):
        hub.load(tmp_path)


def test_a_document_does_not_see_another() -> None:
    model = Decoder(SMALL)
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
    model = Decoder(SMALL)
    ids, positions, documents = row(20)
    changed = ids.clone()
    changed[:, 12:] = 0
    with torch.inference_mode():
        before, after = model(ids, positions, documents), model(changed, positions, documents)
    assert torch.equal(before[:, :12], after[:, :12])


def test_the_seed_makes_the_weights() -> None:
    one, two, other = Decoder(SMALL), Decoder(SMALL), Decoder(replace(SMALL, seed=1))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.tokens.weight, other.tokens.weight)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_cache_changes_no_logits(chunks: list[int]) -> None:
    model = Decoder(SMALL).eval()
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
    runner = Runner(Decoder(SMALL))
    cache = runner.new_cache()
    runner.extend([1, 2, 3, 4, 5], cache)
    assert cache.keep_common([1, 2, 3, 9, 9]) == 3 and cache.ids == [1, 2, 3]
    again = runner.extend([9, 9], cache)
    torch.testing.assert_close(again, runner.extend([1, 2, 3, 9, 9], runner.new_cache()), atol=1e-5, rtol=1e-4)
    assert cache.keep_common([1, 2, 3, 9, 9]) == 4, "the last one is computed again for its logits"
    assert cache.keep_common([7]) == 0 and cache.ids == []


def test_more_than_the_context_is_refused() -> None:
    runner = Runner(Decoder(SMALL))
    with pytest.raises(ValueError, match="context of 48"):
        runner.extend([1] * 49, runner.new_cache())
    with pytest.raises(ValueError, match="multiple of heads"):
        replace(SMALL, heads=5)


def test_the_compiled_step_is_the_plain_one() -> None:
    runner, plain = Runner(Decoder(SMALL)), Runner(Decoder(SMALL), compiled=False)
    ours, theirs = runner.new_cache(), plain.new_cache()
    for token in (5, 6, 7, 90):
        torch.testing.assert_close(runner.extend([token], ours), plain.extend([token], theirs), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.keys_LTK[:, :4], theirs.keys_LTK[:, :4], atol=1e-5, rtol=1e-4)
