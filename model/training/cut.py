"""A step that is cut short between two layers, or two blocks of its loss: a program that is to end does not wait for
all of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from model.decoder.decoder import Decoder

_thread = threading.local()
"""`is_to_end` of the step that a thread makes."""


class CutShort(Exception):
    """The run is to end. The model is as it was before the step."""


def look() -> None:
    """Raises CutShort where this thread makes a step that is to end."""
    is_to_end: Callable[[], bool] | None = getattr(_thread, "is_to_end", None)
    if is_to_end is not None and is_to_end():
        raise CutShort


@contextmanager
def cutting(decoder: Decoder, is_to_end: Callable[[], bool]) -> Iterator[None]:
    """Within it each layer, forward and backward, and `look` raise CutShort once `is_to_end`. Other threads run the
    decoder, and copies of it, undisturbed."""

    def back(_: Tensor) -> None:
        if is_to_end():
            raise CutShort

    def before(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        look()
        if hasattr(_thread, "is_to_end") and given[0].requires_grad:
            given[0].register_hook(back)

    handles = [block.register_forward_pre_hook(before) for block in decoder.blocks]
    _thread.is_to_end = is_to_end
    try:
        yield
    finally:
        del _thread.is_to_end
        for handle in handles:
            handle.remove()
