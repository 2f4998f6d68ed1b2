"""Graphs: captured once for a shape, replayed with what its buffers hold then, and no more of them than were asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from model.decoder.graphs import Again, Cuda, Graphs, capture_on
from tests.support.models.recorded import Recorded, Waits


def graphs(most: int) -> tuple[Graphs[int, Tensor], list[int]]:
    """Of twice a buffer; and the shapes with which the function ran, twice for a capture."""
    ran: list[int] = []

    def double(buffer: Tensor) -> Tensor:
        ran.append(len(buffer))
        return buffer * 2

    return Graphs(torch.zeros, double, Recorded, most), ran


def filled(value: float) -> Callable[[Tensor], None]:
    def fill(buffer: Tensor) -> None:
        buffer.fill_(value)

    return fill


def test_a_replay_takes_what_is_filled_in_now() -> None:
    made, ran = graphs(4)
    assert [made(2, filled(n)).tolist() for n in (3.0, 5.0, 8.0)] == [[6.0] * 2, [10.0] * 2, [16.0] * 2]
    assert ran == [2, 2] and made.captured == 1
    assert made(3, filled(1.0)).tolist() == [2.0] * 3
    assert ran == [2, 2, 3, 3]


def test_the_next_replay_writes_over_an_output() -> None:
    """So whoever keeps one copies it."""
    made, _ = graphs(4)
    first = made(2, filled(3.0))
    copied = first.clone()
    made(2, filled(4.0))
    assert first.tolist() == [8.0] * 2 and copied.tolist() == [6.0] * 2


def test_the_one_used_longest_ago_goes_first() -> None:
    made, ran = graphs(2)
    for key in (1, 2, 1, 3, 1, 2):
        made(key, filled(1.0))
        assert len(made) <= 2
    assert ran == [1, 1, 2, 2, 3, 3, 2, 2]


def test_what_is_not_captured_runs_again() -> None:
    assert capture_on(torch.device("cpu")) is Again
    made: Graphs[int, Tensor] = Graphs(torch.zeros, lambda buffer: buffer + 1, Again)
    assert [made(1, filled(n)).item() for n in (1.0, 2.0)] == [2.0, 3.0]
    assert made.captured == 0


def test_what_waits_for_the_card_is_found() -> None:
    """By the capture that the tests have in a card's place."""
    with pytest.raises(Waits, match="_local_scalar_dense"):
        Recorded(lambda: torch.ones(2) * torch.ones(2).sum().item())
    with pytest.raises(Waits, match="lift_fresh"):
        Recorded(lambda: torch.ones(2) * torch.tensor([1.0, 2.0]))


@pytest.mark.cuda
def test_a_card_replays_what_was_captured() -> None:
    device = torch.device("cuda")
    made: Graphs[int, Tensor] = Graphs(lambda n: torch.zeros(n, device=device), lambda b: b * 2, Cuda(device))
    assert [made(2, filled(n)).tolist() for n in (3.0, 5.0)] == [[6.0] * 2, [10.0] * 2]
    assert made.captured == 1


@pytest.mark.cuda
def test_what_a_card_cannot_capture_runs_again() -> None:
    device = torch.device("cuda")
    capture = Cuda(device)
    made: Graphs[int, Tensor] = Graphs(
        lambda n: torch.zeros(n, device=device), lambda b: b * b.sum().item(), capture
    )  # fmt: skip
    assert [made(2, filled(n)).tolist() for n in (3.0, 5.0)] == [[18.0] * 2, [50.0] * 2]
