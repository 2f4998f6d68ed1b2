"""A function of static buffers, captured once for each shape of them and replayed after: on a card all of its kernels
are started at once. Elsewhere the function is run again, so that the same code is tested on a CPU."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

logger = logging.getLogger("midstream.model")

MOST = 32
"""Graphs that are kept. There are 7 numbers of rows times as many lengths as the context has powers of two in pages, of
which a load has few at a time. Each holds its kernels and its logits: 64 rows of 150,000 are 40 MB."""
WARM_UPS = 2
"""Runs before a capture: libraries make their workspaces and choose their kernels in the first."""

Key = TypeVar("Key", bound=Hashable)
Buffers = TypeVar("Buffers")
Function = Callable[[], Tensor]


class Captured(Protocol):
    """A function of buffers that stay where they are."""

    @property
    def output(self) -> Tensor:
        """Of the last replay; the next one writes over it."""
        ...

    def replay(self) -> None: ...


Capture = Callable[[Function], Captured]


class Again:
    """No capture: the function is run at every replay."""

    output: Tensor

    def __init__(self, function: Function) -> None:
        self._function = function

    def replay(self) -> None:
        self.output = self._function()


@dataclass(frozen=True)
class _Graph:
    graph: Any
    output: Tensor

    def replay(self) -> None:
        self.graph.replay()


class Cuda:
    """Captures on one card. All graphs share one pool of memory: they run one after the other in one stream, and what
    one of them gives is copied before the next runs."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool: Any = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream(device)
        self._failed = False

    def __call__(self, function: Function) -> Captured:
        """One that cannot be captured is run again at every replay, which is said once."""
        with torch.cuda.device(self._device):
            self._warm_up(function)
            try:
                return Again(function) if self._failed else self._captured(function)
            except RuntimeError as error:
                self._failed = True
                logger.warning("steps are not captured on %s, which makes them slower: %s", self._device, error)
                return Again(function)

    def _warm_up(self, function: Function) -> None:
        """On the stream of the capture, which finds the workspaces of that stream."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                function()
        torch.cuda.current_stream().wait_stream(self._stream)

    def _captured(self, function: Function) -> Captured:
        """Other threads may use the card meanwhile, as one that loads a checkpoint does: only what this thread does has
        to be of a kind that a graph can hold. Two captures at once are none: the engine's thread alone makes them."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
            output = function()
        return _Graph(graph, output)


def capture_on(device: torch.device) -> Capture:
    return Cuda(device) if device.type == "cuda" else Again


class Graphs(Generic[Key, Buffers]):
    """At most so many shapes; the one used longest ago goes first."""

    def __init__(
        self, new: Callable[[Key], Buffers], function: Callable[[Buffers], Tensor], capture: Capture, most: int = MOST
    ) -> None:  # fmt: skip
        """`new`: buffers of a shape; `function`: of what they hold."""
        self._new, self._function, self._capture, self._most = new, function, capture, most
        self._kept: OrderedDict[Key, tuple[Buffers, Captured]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def captured(self) -> int:
        """Shapes whose function is not run again."""
        return sum(not isinstance(captured, Again) for _, captured in self._kept.values())

    def __call__(self, key: Key, fill: Callable[[Buffers], None]) -> Tensor:
        """Of buffers of this shape, once `fill` has filled them; the next call may write over it."""
        if key in self._kept:
            self._kept.move_to_end(key)
            buffers, captured = self._kept[key]
            fill(buffers)
        else:
            buffers, captured = self._begin(key, fill)
        captured.replay()
        return captured.output

    def _begin(self, key: Key, fill: Callable[[Buffers], None]) -> tuple[Buffers, Captured]:
        """They are filled first: the function is run before it is captured."""
        while len(self._kept) >= self._most:
            self._kept.popitem(last=False)
        buffers = self._new(key)
        fill(buffers)
        function = self._function
        self._kept[key] = buffers, self._capture(lambda: function(buffers))
        return self._kept[key]
