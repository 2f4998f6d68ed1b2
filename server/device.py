"""The device that answers: a CPU, or a card. Where there is none, torch is not imported to learn that."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from server.imaging import Held

LIBRARY = "libcuda.so.1"
"""Of the driver, which finds the cards that this process may use."""


class NoDevice(Exception):
    """The device that was asked for cannot be used; the message says what to do."""


def cards(library: str = LIBRARY) -> int:
    """How many the driver finds; 0 without one."""
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


def usable() -> int:
    """Cards that torch can run on: fewer where it was built without CUDA, or the driver is too old for it."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def choose(
    wanted: str, held: Held = "auto", found: Callable[[], int] = cards, runs: Callable[[], int] = usable
) -> str:  # fmt: skip
    """`cpu`, or `cuda:N`. auto: the first card where there is one, but int8 is multiplied on a CPU. Raises NoDevice."""
    if wanted == "cpu" or (wanted == "auto" and (held == "int8" or not found())):
        return "cpu"
    if held == "int8":
        raise NoDevice(
            f"{wanted} does not hold matrices as int8, which only the CPU's compiled step multiplies: "
            '`[serve] held` is "auto" (bfloat16 there) or "float32", or `[serve] device` is "cpu"'
        )
    if wanted != "auto" and not found():
        raise NoDevice(
            f"there is no card for `[serve] device` {wanted!r}: NVIDIA's driver is missing or finds none (`nvidia-smi` "
            'lists them, and CUDA_VISIBLE_DEVICES may hide some); "auto" takes a card where there is one, "cpu" none'
        )
    count, number = runs(), int(wanted.partition(":")[2] or 0)
    if number < count:
        return f"cuda:{number}"
    if wanted == "auto":
        return "cpu"
    if count:
        raise NoDevice(f"there is no card for `[serve] device` {wanted!r}: torch finds {count}, from cuda:0 on")
    raise NoDevice(
        f"torch cannot use the card of `[serve] device` {wanted!r}: it was built without CUDA, or for a newer driver "
        "(`python -c 'import torch; torch.cuda.init()'` says which); install the plain `torch` of the package index"
    )
