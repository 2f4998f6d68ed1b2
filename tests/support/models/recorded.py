"""A capture as a card's, on a CPU: the operators of one run are kept with the tensors that they were given and gave,
and a replay runs them again over these very tensors. Python is not run again, so what it decided stays decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten: Any = torch.ops.aten
WAITING = {
    aten._local_scalar_dense.default, aten.lift_fresh.default, aten.nonzero.default, aten.equal.default,
    aten.is_nonzero.default, aten.where.ScalarOther, aten.where.ScalarSelf,
}  # fmt: skip
"""Operators that wait for a card, or copy a number of the CPU's onto it, neither of which a graph can hold."""


class Waits(RuntimeError):
    """The function cannot be captured."""


class _Keeping(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in WAITING:
            raise Waits(str(func))
        made = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, made))
        return made


class Recorded:
    """Runs the function as often as a card's capture does: once before, and once that is kept."""

    def __init__(self, function: Callable[[], Tensor]) -> None:
        function()
        keeping = _Keeping()
        with keeping:
            self.output = function()
        self._calls = keeping.calls

    def replay(self) -> None:
        for func, args, kwargs, made in self._calls:
            again = func(*args, **kwargs)
            given = {_memory(x) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
            for former, new in zip(tree_leaves(made), tree_leaves(again), strict=True):
                if isinstance(former, Tensor) and _memory(former) not in given:
                    former.copy_(new)


def _memory(x: Tensor) -> int:
    return x.untyped_storage()._cdata
