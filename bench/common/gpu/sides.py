"""What is timed: prompts and the greedy tokens behind them, by our runner and by `transformers`' generate; and the rate
of the device's memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.decoder.runner import Runner
from model.decoder.stores import PAGE, Slice

PREFILL = 16_384
"""Tokens of prompts in one forward at most."""


@dataclass(frozen=True)
class Round:
    """Seconds, and the new tokens of each sequence."""

    prefill: float
    decode: float
    """Of the tokens behind the first one."""
    tokens: list[list[int]]


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Ours:
    def __init__(self, runner: Runner, device: torch.device, batch: int, tokens: int) -> None:
        """`tokens`: of a sequence, prompt and answer."""
        self._runner, self._device = runner, device
        each = -(-tokens // PAGE)
        runner.allot(batch * each)
        self._tables = np.arange(batch * each, dtype=np.int32).reshape(batch, each)

    def run(self, prompts: list[list[int]], new: int, to_host: bool = False) -> Round:
        """`to_host`: logits are brought to the host, as the engine takes them, and not the likeliest ids alone."""
        wait(self._device)
        began = time.perf_counter()
        slices = [Slice(ids, 0, table) for ids, table in zip(prompts, self._tables, strict=False)]
        per = max(1, PREFILL // len(prompts[0]))
        last = [token for n in range(0, len(slices), per) for token in self._step(slices[n : n + per], to_host)]
        prefill, made = time.perf_counter() - began, [last]
        for number in range(new - 1):
            at = len(prompts[0]) + number
            last = self._step([Slice([i], at, t) for i, t in zip(last, self._tables, strict=False)], to_host)
            made.append(last)
        return Round(prefill, time.perf_counter() - began - prefill, [list(each) for each in zip(*made, strict=True)])

    def _step(self, slices: list[Slice], to_host: bool) -> list[int]:
        if to_host:
            return np.concatenate(self._runner.run(slices)).argmax(1).tolist()
        return torch.cat(self._runner.forward(slices)).argmax(1).tolist()


class Theirs:
    def __init__(self, model: Any, device: torch.device) -> None:
        self._model, self._device = model, device

    @torch.inference_mode()
    def run(self, prompts: list[list[int]], new: int) -> Round:
        """`prefill` ends when generate asks for the first time whether it is to stop; only then it is waited for."""
        ids_BT, firsts = torch.tensor(prompts, device=self._device), list[float]()

        def note(ids_BT: Tensor, _: Any, **more: Any) -> Tensor:
            if not firsts:
                wait(self._device)
                firsts.append(time.perf_counter())
            return torch.zeros(len(ids_BT), dtype=torch.bool, device=ids_BT.device)

        wait(self._device)
        began = time.perf_counter()
        made_BT = self._model.generate(
            ids_BT, attention_mask=torch.ones_like(ids_BT), do_sample=False, pad_token_id=0,
            max_new_tokens=new, min_new_tokens=new, stopping_criteria=[note],
        )  # fmt: skip
        wait(self._device)
        end = time.perf_counter()
        return Round(firsts[0] - began, end - firsts[0], made_BT[:, ids_BT.shape[1] :].tolist())


def memory_rate(device: torch.device, size: int, times: int) -> float:
    """Bytes a second, read and written, of the fastest of some copies of `size` bytes."""
    source = torch.ones(size // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)

    def copied() -> None:
        target.copy_(source)
        wait(device)

    copied()
    return 2 * size / min(_seconds(copied) for _ in range(times))


def _seconds(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
