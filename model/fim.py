"""Renders and parses the FIM formats. Packer, server, trainer and evaluation all go through this one module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from typing import Protocol

from model.formats import STARCODER, Format, Infill


class Mark(str):
    """A sentinel, by its exact string. In a segment list a plain `str` is user text, whatever it contains."""

    __slots__ = ()


class Encoder(Protocol):
    """What this module asks of a tokenizer."""

    def encode(self, text: str) -> list[int]: ...
    def decode(self, ids: Sequence[int]) -> str: ...
    def special(self, text: str) -> int: ...


@dataclass(frozen=True)
class Mix:
    """How often which cut is made. The weights need not add up to one."""

    fim_rate: float = 0.6
    """Share of the documents that are cut at all."""
    spm_share: float = 0.5
    """Share of the cut documents that are rendered suffix first."""
    random: float = 0.45
    """Weight of two uniform character positions."""
    line: float = 0.35
    """Weight of a span from inside a line to the end of that line or of one soon after."""
    syntax: float = 0.2
    """Weight of one named node of the syntax tree."""
    seed: int = 0


@dataclass(frozen=True)
class Cut:
    """prefix + middle + suffix is the text."""

    prefix: str
    middle: str
    suffix: str
    order: Infill


@dataclass(frozen=True)
class Parsed:
    """A training sequence taken apart; the head belongs to the prefix, its sentinels shown by their strings.

    A jointly tokenised spm does not say where its middle starts: `prefix` then holds both and `middle` is empty.
    A plain sequence has all of its text in `prefix`.
    """

    order: str
    prefix: str
    middle: str
    suffix: str


class _Draw:
    """Six 64-bit numbers from a keyed hash: the same (seed, key) gives the same choices, in any order of documents."""

    def __init__(self, seed: int, key: bytes) -> None:
        digest = blake2b(key, digest_size=48, key=seed.to_bytes(8, "little", signed=True)).digest()
        self._numbers = [int.from_bytes(digest[i : i + 8], "little") for i in range(0, 48, 8)]

    def unit(self, which: int) -> float:
        """In [0, 1)."""
        return (self._numbers[which] >> 11) / (1 << 53)

    def below(self, which: int, n: int) -> int:
        """In [0, n)."""
        return self._numbers[which] * n >> 64


def choose(text: str, language: str, key: bytes, mix: Mix) -> Cut | None:
    """Where to cut `text`; None: train on it left to right. Depends on nothing but the arguments."""
    draw = _Draw(mix.seed, key)
    if not text or draw.unit(0) >= mix.fim_rate:
        return None
    start, end = _span(text, language, draw, mix)
    order: Infill = "spm" if draw.unit(1) < mix.spm_share else "psm"
    return Cut(text[:start], text[start:end], text[end:], order)


def _span(text: str, language: str, draw: _Draw, mix: Mix) -> tuple[int, int]:
    kind = draw.unit(2) * (mix.random + mix.line + mix.syntax)
    if kind < mix.random:
        one, two = draw.below(3, len(text) + 1), draw.below(4, len(text) + 1)
        return min(one, two), max(one, two)
    if kind >= mix.random + mix.line:
        from model.syntax import node_span  # the grammars are heavy, and few who import this module cut

        span = node_span(text, language, draw.below(3, len(text)), draw.unit(4))
        if span is not None:
            return span
    return _line_span(text, draw)


def _line_span(text: str, draw: _Draw) -> tuple[int, int]:
    """From a line's first non-blank (half the time) or any place in it, to the end of a line: what users complete."""
    at = draw.below(3, len(text))
    begin = text.rfind("\n", 0, at) + 1
    if draw.unit(4) < 0.5:
        stripped = text[begin : _line_end(text, begin)].lstrip()
        at = _line_end(text, begin) - len(stripped)
    end = _line_end(text, at)
    for _ in range((draw.below(5, 1 << 16) + 1).bit_length(), 16):  # geometric: half end in their own line
        following = text.find("\n", end)
        if following < 0:
            break
        end = max(end, _line_end(text, following + 1))
    return min(at, end), end


def _line_end(text: str, at: int) -> int:
    """Where the line that holds `at` ends, before its `\\n` or `\\r\\n`."""
    end = text.find("\n", at)
    if end < 0:
        return len(text)
    return end - 1 if end > at and text[end - 1] == "\r" else end


def file_head(path: str, repository: str = "", stars: str = "", fmt: Format = STARCODER) -> list[str]:
    """What comes before a file's text: `<reponame>R<filename>F<gh_stars>B\\n`, without the parts that are not given.

    The server knows the path alone, so the packer must train on heads of the path alone too. `stars` is what
    `star_bucket` names. Empty for a format that has no file sentinel, or without a path.
    """
    if not fmt.file or not path:
        return []
    head: list[str] = []
    if repository and fmt.repository:
        head += [Mark(fmt.repository), _one_line(repository)]
    head += [Mark(fmt.file), _one_line(path)]
    if stars and fmt.stars:
        head += [Mark(fmt.stars), stars]
    return [*head, "\n"]


def _one_line(text: str) -> str:
    return " ".join(text.splitlines()) or text.strip()


def star_bucket(stars: int) -> str:
    """StarCoder's buckets (bigcode-dataset, preprocessing): 0, 1-10, 10-100, 100-1000, 1000+."""
    bounds = ((0, "0"), (10, "1-10"), (100, "10-100"), (1000, "100-1000"))
    return next((name for bound, name in bounds if stars <= bound), "1000+")


def segments(fmt: Format, head: Sequence[str], text: str, cut: Cut | None) -> list[str]:
    """The training sequence of `text`; `cut` is a cut of just this text. End-of-text comes last, always."""
    if cut is None:
        return [*head, text, Mark(fmt.end)]
    return [*prompt(fmt, cut.order, head, cut.prefix, cut.suffix), *_seam(fmt, cut.order), cut.middle, Mark(fmt.end)]


def _seam(fmt: Format, order: str) -> list[str]:
    """Two texts that must not be tokenised as one have an empty Mark between them."""
    return [Mark("")] if order == "spm" and not fmt.joint else []


def prompt(fmt: Format, order: str, head: Sequence[str], prefix: str, suffix: str) -> list[str]:
    """The training sequence up to its middle. Raises ValueError for an order that `fmt` was not trained on."""
    if order == "psm" and order in fmt.orders:
        return [Mark(fmt.prefix), *head, prefix, Mark(fmt.suffix), suffix, Mark(fmt.middle)]
    if order == "spm" and order in fmt.orders:
        return [Mark(fmt.prefix), Mark(fmt.suffix), suffix, Mark(fmt.middle), *head, prefix]
    trained = ", ".join(fmt.orders) or "none"
    raise ValueError(f"the format {fmt.name} was trained on the orders {trained}, not on {order}")


def encode(tokenizer: Encoder, parts: Sequence[str]) -> list[int]:
    """Token ids; texts that stand side by side are tokenised as one."""
    ids: list[int] = []
    for marks, run in groupby(parts, key=lambda part: isinstance(part, Mark)):
        if marks:
            ids += [tokenizer.special(mark) for mark in run if mark]
        else:
            ids += tokenizer.encode("".join(run))
    return ids


def parse(fmt: Format, tokenizer: Encoder, ids: Sequence[int]) -> Parsed:
    """Takes apart what `encode(segments(...))` made. Raises ValueError when it is no such sequence.

    A psm without head and prefix begins as spm does: variant 2 cannot be told from it, and is taken for it.
    """
    ids = list(ids)
    if not ids or ids.pop() != tokenizer.special(fmt.end):
        raise ValueError("the sequence does not end in end-of-text")
    begin, hole, rest = (tokenizer.special(s) for s in (fmt.prefix, fmt.middle, fmt.suffix))
    if ids[:1] != [begin]:
        return Parsed("plain", tokenizer.decode(ids), "", "")
    if rest not in ids or hole not in ids or ids.index(hole) < ids.index(rest):
        raise ValueError("the sentinels are not in a known order")
    at_suffix, at_middle = ids.index(rest), ids.index(hole)
    pieces = (ids[1:at_suffix], ids[at_suffix + 1 : at_middle], ids[at_middle + 1 :])
    prefix, suffix, middle = (tokenizer.decode(piece) for piece in pieces)
    if at_suffix == 1 and "spm" in fmt.orders:
        return Parsed("spm", middle, "", suffix)
    return Parsed("psm", prefix, middle, suffix)
