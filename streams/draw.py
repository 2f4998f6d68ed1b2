"""Choices about a document: a keyed hash of what it is, so the same in any order and after any restart."""

from __future__ import annotations

import xxhash


def unit(key: bytes, what: str, seed: int) -> float:
    """In [0, 1); `what` names the choice, so that choices do not depend on each other."""
    return xxhash.xxh3_64_intdigest(what.encode() + b"\0" + key, seed & (1 << 64) - 1) / 2**64


def drawn(key: bytes, what: str, share: float, seed: int) -> bool:
    """True for `share` of the keys."""
    return unit(key, what, seed) < share
