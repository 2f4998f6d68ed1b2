"""Every family against `transformers`: logits, gradients, greedy answers; alone, packed, with a cache."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from model import families, importing, weights
from model.decoder.attention import Packed, document_mask
from model.decoder.decoder import Decoder
from tests.support.models.foreign import CONFIGS, CONTEXT, VOCAB, greedy_pair, model, save

ALL = pytest.mark.parametrize("name", list(CONFIGS))


@pytest.fixture(scope="module")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Decoder]:
    made: dict[str, Decoder] = {}
    for name in CONFIGS:
        foreign = importing.read(save(name, tmp_path_factory.mktemp("model")))
        made[name] = weights.assemble(foreign.spec, weights.load(foreign.places))
    return made


def row(*lengths: int) -> tuple[Tensor, Tensor, Tensor]:
    """ids, positions and documents of one row."""
    generator = torch.Generator().manual_seed(sum(lengths))
    ids = torch.randint(0, VOCAB, (1, sum(lengths)), generator=generator)
    positions = torch.cat([torch.arange(n) for n in lengths])[None]
    documents = torch.cat([torch.full((n,), i) for i, n in enumerate(lengths)])[None]
    return ids, positions, documents


def length(name: str) -> int:
    """Tokens of a long document: of dynamic scaling, beyond the first context."""
    return CONTEXT + 30 if "dynamic" in name else CONTEXT - 20


@ALL
def test_logits_and_gradients_are_those_of_transformers(name: str, decoders: dict[str, Decoder]) -> None:
    theirs, ours = model(name), decoders[name]
    ids, positions, documents = row(length(name))
    expected, got = theirs(input_ids=ids, use_cache=False).logits, ours(ids, positions, documents)
    assert expected.abs().max() > 1
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)
    weight = torch.linspace(-1, 1, got.numel()).view_as(got)
    theirs.zero_grad()
    ours.zero_grad()
    (expected * weight).sum().backward()
    (got * weight).sum().backward()
    names = families.Names(ours.spec)
    gradients = {key: p.grad for key, p in theirs.named_parameters()}
    for key, parameter in ours.named_parameters():
        other = gradients[names.theirs(key)]
        assert other is not None and parameter.grad is not None, key
        scale = other.abs().max()
        assert scale > 0 or key.endswith("k.bias"), key  # a bias of all keys moves no weight of attention
        torch.testing.assert_close(parameter.grad, other, atol=float(2e-4 * scale + 1e-4), rtol=1e-3)


@ALL
def test_a_packed_document_is_the_document_alone(name: str, decoders: dict[str, Decoder]) -> None:
    ours = decoders[name]
    long = length(name)
    ids, positions, documents = row(7, long, 33)
    with torch.inference_mode():
        packed = ours(ids, positions, documents)[0]
        at = 0
        for n in (7, long, 33):
            part = slice(at, at + n)
            alone = model(name)(input_ids=ids[:, part], use_cache=False).logits[0]
            torch.testing.assert_close(packed[part], alone, atol=1e-4, rtol=1e-4)
            at += n
        dense = Packed(documents)
        dense.where = document_mask(documents)
        masked = ours.logits(ours.through(ours.embed(ids, positions), ours.rotation(positions), dense))[0]
    torch.testing.assert_close(masked, packed, atol=1e-4, rtol=1e-4)


@ALL
def test_greedy_answers_are_the_same_with_a_cache(name: str, decoders: dict[str, Decoder]) -> None:
    ours, theirs = greedy_pair(decoders[name], model(name), row(40)[0])
    assert ours == theirs and len(set(ours)) > 3


@ALL
def test_the_config_comes_back_and_the_parameters_are_counted(name: str, decoders: dict[str, Decoder]) -> None:
    spec = decoders[name].spec
    assert families.read_config(families.write_config(spec)) == spec
    assert spec.parameters == sum(p.numel() for p in decoders[name].parameters())
    assert sorted(families.Names(spec).theirs(key) for key in decoders[name].state_dict()) == sorted(
        key for key, _ in model(name).named_parameters()
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near(dtype: torch.dtype) -> None:
    """The products are rounded, and the positions and norms are not."""
    name = "qwen2, default"
    theirs = model(name)
    spec = families.read_config({**CONFIGS[name], "initializer_range": 0.3})
    tensors = {families.Names(spec).ours(k): p.detach().to(dtype) for k, p in theirs.named_parameters()}
    ours = weights.assemble(spec, tensors)  # pyright: ignore
    ids, positions, documents = row(50)
    with torch.inference_mode():
        got = ours(ids, positions, documents).float()
        expected = theirs(input_ids=ids, use_cache=False).logits
    assert (got - expected).abs().mean() < (0.2 if dtype == torch.bfloat16 else 0.03)
