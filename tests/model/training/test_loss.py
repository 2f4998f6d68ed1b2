"""The loss by blocks of tokens is that of all logits at once, and so are its gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from model.training import loss
from model.training.score import nats

TOKENS, WIDTH, VOCAB = 300, 16, 97


@pytest.fixture
def parts(monkeypatch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of several blocks, the last one shorter."""
    monkeypatch.setattr(loss, "BLOCK_BYTES", 70 * VOCAB * 4)
    made = torch.Generator().manual_seed(3)
    x_ND = torch.randn(TOKENS, WIDTH, generator=made)
    weight_VD = torch.randn(VOCAB, WIDTH, generator=made)
    targets_N = torch.randint(0, VOCAB, (TOKENS,), generator=made)
    targets_N[::5] = -100
    return x_ND, weight_VD, targets_N


def both(parts: tuple[torch.Tensor, ...], divisor: float = 1.0) -> list[tuple[torch.Tensor, ...]]:
    """The sum, and the gradients of tokens and head: of all logits, and by blocks."""
    x_ND, weight_VD, targets_N = parts
    results: list[tuple[torch.Tensor, ...]] = []
    for by_blocks in (False, True):
        x, w = x_ND.clone().requires_grad_(), weight_VD.clone().requires_grad_()
        if by_blocks:
            total = loss.nats_of_hidden(x, w, targets_N, divisor)
        else:
            total = nats((F.linear(x, w) / divisor)[None], targets_N[None])
        (total / 7).backward()
        assert x.grad is not None and w.grad is not None
        results.append((total.detach(), x.grad, w.grad))
    return results


@pytest.mark.parametrize("divisor", [1.0, 8.0])
def test_sum_and_gradients_are_those_of_all_logits(parts, divisor: float) -> None:
    for whole, blocks in zip(*both(parts, divisor), strict=True):
        torch.testing.assert_close(blocks, whole, rtol=1e-5, atol=1e-5)


def test_in_bf16_the_sum_is_near_and_the_gradients_point_the_same_way(parts) -> None:
    exact = both(parts)[1]
    with torch.autocast("cpu", torch.bfloat16):
        rounded = both(parts)[1]
    assert rounded[0].item() == pytest.approx(exact[0].item(), rel=0.01)
    for one, other in zip(exact[1:], rounded[1:], strict=True):
        assert F.cosine_similarity(one.flatten(), other.float().flatten(), dim=0) > 0.999


def test_without_targets_there_is_nothing_to_learn(parts) -> None:
    x_ND, weight_VD, targets_N = parts
    head = weight_VD.clone().requires_grad_()
    total = loss.nats_of_hidden(x_ND, head, torch.full_like(targets_N, -100))
    total.backward()
    assert total.item() == 0 and head.grad is not None and not head.grad.any()


def test_without_gradients_none_is_made(parts) -> None:
    x_ND, weight_VD, targets_N = parts
    with torch.inference_mode():
        total = loss.nats_of_hidden(x_ND, weight_VD, targets_N)
    torch.testing.assert_close(total, nats(F.linear(x_ND, weight_VD)[None], targets_N[None]))
