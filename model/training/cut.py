"""A step that is cut short between two layers, so that a program that is to end does not wait for all of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from model.decoder.decoder import Decoder


class CutShort(Exception):
    """The run is to end. The model is as it was before the step."""


@contextmanager
def cutting(decoder: Decoder, is_to_end: Callable[[], bool]) -> Iterator[None]:
    """Within it each layer, forward and backward, raises CutShort once `is_to_end`. Other threads run the decoder, and
    copies of it, undisturbed."""
    mine = threading.get_ident()

    def look(*_: Tensor) -> None:
        if is_to_end():
            raise CutShort

    def before(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        if threading.get_ident() != mine:
            return
        look()
        if given[0].requires_grad:
            given[0].register_hook(look)

    handles = [block.register_forward_pre_hook(before) for block in decoder.blocks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
