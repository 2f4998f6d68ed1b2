"""Segments of a sequence: sentinels, texts, and texts without a leading space; and their token ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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

    def encode(self, text: str, /) -> list[int]: ...
    def decode(self, ids: Sequence[int], /) -> str: ...
    def special(self, text: str, /) -> int: ...

    @property
    def spaced(self) -> bool:
        """It puts a blank before every text."""
        ...


class ArrayEncoder(Encoder, Protocol):
    """One that has its ids as an array."""

    def array(self, text: str) -> NDArray[np.int32]: ...


def encode(tokenizer: Encoder, parts: Sequence[str]) -> list[int]:
    """Token ids; texts that stand side by side are tokenised as one."""
    ids: list[int] = []
    for part in _joined(parts):
        if isinstance(part, Mark):
            ids.append(tokenizer.special(part))
        else:
            ids += encode_bare(tokenizer, part) if isinstance(part, Bare) else tokenizer.encode(part)
    return ids


def encode_array(tokenizer: ArrayEncoder, parts: Sequence[str]) -> NDArray[np.int32]:
    """What `encode` gives, without a Python object for each id."""
    import numpy as np  # the command line knows this module, and starts without

    pieces = [np.empty(0, np.int32)]
    for part in _joined(parts):
        if isinstance(part, Mark):
            pieces.append(np.array([tokenizer.special(part)], np.int32))
        else:
            bare = isinstance(part, Bare)
            pieces.append(np.array(encode_bare(tokenizer, part), np.int32) if bare else tokenizer.array(part))
    return np.concatenate(pieces)


def _joined(parts: Sequence[str]) -> Iterator[str]:
    """The sentinels that are not empty, and each run of texts between them as one, bare when its first is."""
    for marks, run in groupby(parts, key=lambda part: isinstance(part, Mark)):
        if marks:
            yield from (mark for mark in run if mark)
            continue
        first, *rest = run
        text = "".join((first, *rest))
        yield Bare(text) if isinstance(first, Bare) else text


def encode_bare(tokenizer: Encoder, text: str) -> list[int]:
    """Ids of `text` without a leading space that is not its own. Raises ValueError when the anchor does not hold."""
    if not tokenizer.spaced:
        return tokenizer.encode(text)
    anchor = tokenizer.encode(ANCHOR)
    ids = tokenizer.encode(ANCHOR + text)
    if ids[: len(anchor)] != anchor:
        raise ValueError(f"the tokenizer joins {ANCHOR} with the text behind it")
    return ids[len(anchor) :]


def decode_bare(tokenizer: Encoder, ids: Sequence[int]) -> str:
    """Turns `encode_bare` around: a leading space in `ids` is text."""
    if not tokenizer.spaced:
        return tokenizer.decode(ids)
    return tokenizer.decode([*tokenizer.encode(ANCHOR), *ids]).removeprefix(ANCHOR)
