"""Segments of a sequence: sentinels, texts, and texts without a leading space; and their token ids."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

ANCHOR = "☺"
"""Encoded before a bare text and taken off again, as Code Llama's and aiXcoder's own code do: a space that the
tokenizer puts before a text then goes before this character."""


class Mark(str):
    """A sentinel, by its exact string. In a segment list a plain `str` is user text, whatever it contains."""

    __slots__ = ()


class Bare(str):
    """User text that is encoded without a tokenizer's leading space, unless other text stands before it."""

    __slots__ = ()


class Encoder(Protocol):
    """What this module asks of a tokenizer."""

    def encode(self, text: str) -> list[int]: ...
    def decode(self, ids: Sequence[int]) -> str: ...
    def special(self, text: str) -> int: ...


def encode(tokenizer: Encoder, parts: Sequence[str]) -> list[int]:
    """Token ids; texts that stand side by side are tokenised as one."""
    ids: list[int] = []
    for marks, run in groupby(parts, key=lambda part: isinstance(part, Mark)):
        if marks:
            ids += [tokenizer.special(mark) for mark in run if mark]
        else:
            first, *rest = run
            text = "".join((first, *rest))
            ids += encode_bare(tokenizer, text) if isinstance(first, Bare) else tokenizer.encode(text)
    return ids


def encode_bare(tokenizer: Encoder, text: str) -> list[int]:
    """Ids of `text` without a leading space that is not its own. Raises ValueError when the anchor does not hold."""
    anchor = tokenizer.encode(ANCHOR)
    ids = tokenizer.encode(ANCHOR + text)
    if ids[: len(anchor)] != anchor:
        raise ValueError(f"the tokenizer joins {ANCHOR} with the text behind it")
    return ids[len(anchor) :]


def decode_bare(tokenizer: Encoder, ids: Sequence[int]) -> str:
    """Turns `encode_bare` around: a leading space in `ids` is text."""
    return tokenizer.decode([*tokenizer.encode(ANCHOR), *ids]).removeprefix(ANCHOR)
