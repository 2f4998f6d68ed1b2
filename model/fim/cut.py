"""Where a document is cut: by a keyed hash of what it is, so in any order of documents and after any restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from math import exp

from model import bounds
from model.fim.format import Format, Infill

SPANS_MEAN = 1.0
"""Of the Poisson distribution of how many spans are cut (InCoder, arXiv 2204.05999, section 2.1), at least one."""


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
    """Weight of one named node of the syntax tree, or of a run of siblings."""
    several: float = 0.0
    """Weight of several spans at once, for a format that has them; any other cuts at random."""
    siblings: float = 0.0
    """Share of the syntax cuts that go on over siblings that follow the node."""
    kinds: dict[str, float] = field(default_factory=dict)
    """Weights of node kinds, by the grammar's names; one is that of a kind that is not named."""
    seed: int = 0

    def __post_init__(self) -> None:
        bounds.shares(self, "fim_rate", "spm_share", "siblings")
        bounds.at_least(self, 0, "random", "line", "syntax", "several")
        if not self.random + self.line + self.syntax + self.several:
            raise ValueError("one of random, line, syntax and several must be above 0")
        if any(not weight >= 0 for weight in self.kinds.values()):
            raise ValueError("the weights in kinds must be at least 0")


@dataclass(frozen=True)
class Cut:
    """prefix + middle + suffix is the text, and behind it, for each further span, its middle and what follows."""

    prefix: str
    middle: str
    suffix: str
    order: Infill
    more: tuple[tuple[str, str], ...] = ()
    span: str = ""
    """How it was chosen: random, line, syntax, several, or hunk: what a commit changed."""

    @property
    def text(self) -> str:
        return self.prefix + self.middle + self.suffix + "".join(middle + after for middle, after in self.more)


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

    def points(self, count: int, n: int) -> list[int]:
        """`count` sorted numbers in [0, n), from hashes of their own."""
        material = self._numbers[5].to_bytes(8, "little")
        hashes = (blake2b(material, digest_size=8, key=bytes([i])).digest() for i in range(count))
        return sorted(int.from_bytes(digest, "little") * n >> 64 for digest in hashes)


def choose(text: str, language: str, key: bytes, mix: Mix, fmt: Format | None = None) -> Cut | None:
    """Where to cut `text`; None: train on it left to right. Depends on nothing but the arguments.

    With `fmt`, the order is one that it was trained on: where it has one alone, that one, and without any nothing is
    cut. Several spans are cut for such a format only.
    """
    draw = _Draw(mix.seed, key)
    orders: tuple[Infill, ...] = ("psm", "spm") if fmt is None else fmt.orders
    if not text or not orders or not _cuts(draw, mix):
        return None
    order = _order(draw, mix, orders)
    kind = _kind(draw, mix)
    if kind == "several" and fmt is not None and fmt.spans > 1:
        return _several(text, draw, order, fmt.spans)
    kind, (start, end) = _span(text, language, draw, mix, "random" if kind == "several" else kind)
    return Cut(text[:start], text[start:end], text[end:], order, span=kind)


def cuts(key: bytes, mix: Mix, fmt: Format) -> bool:
    """Whether `choose` cuts a text of this key, whatever the text."""
    return bool(fmt.orders) and _cuts(_Draw(mix.seed, key), mix)


def _cuts(draw: _Draw, mix: Mix) -> bool:
    return draw.unit(0) < mix.fim_rate


def around(text: str, span: tuple[int, int], key: bytes, mix: Mix, fmt: Format) -> Cut | None:
    """A cut whose middle is known, as the changed hunk of a commit is; None for a format without any order."""
    if not fmt.orders:
        return None
    order = _order(_Draw(mix.seed, key), mix, fmt.orders)
    return Cut(text[: span[0]], text[span[0] : span[1]], text[span[1] :], order, span="hunk")


def _order(draw: _Draw, mix: Mix, orders: tuple[Infill, ...]) -> Infill:
    order: Infill = "spm" if draw.unit(1) < mix.spm_share else "psm"
    return order if order in orders else orders[0]


def _kind(draw: _Draw, mix: Mix) -> str:
    at = draw.unit(2) * (mix.random + mix.line + mix.syntax + mix.several)
    if at < mix.random:
        return "random"
    if at < mix.random + mix.line:
        return "line"
    return "syntax" if at < mix.random + mix.line + mix.syntax or not mix.several else "several"


def _span(text: str, language: str, draw: _Draw, mix: Mix, kind: str) -> tuple[str, tuple[int, int]]:
    """What was chosen in the end, and where: a text without a grammar is cut at a line instead of a node."""
    if kind == "random":
        one, two = draw.below(3, len(text) + 1), draw.below(4, len(text) + 1)
        return kind, (min(one, two), max(one, two))
    if kind == "syntax":
        from model.fim.syntax import node_span  # the grammars are heavy, and few who import this module cut

        run = draw.unit(5) / mix.siblings if draw.unit(5) < mix.siblings else 0.0
        span = node_span(text, language, draw.below(3, len(text)), draw.unit(4), mix.kinds, run)
        if span is not None:
            return kind, span
    return "line", _line_span(text, draw)


def _several(text: str, draw: _Draw, order: Infill, most: int) -> Cut:
    """Poisson many spans, 1 to `most`, between sorted uniform characters: they never overlap, and may be empty.

    InCoder draws token spans and rejects those that overlap; sorting keeps the ends uniform without rejection.
    """
    count = min(max(1, _poisson(draw.unit(3), SPANS_MEAN)), most)
    ends = [0, *draw.points(2 * count, len(text) + 1), len(text)]
    pieces = [text[one:two] for one, two in pairwise(ends)]
    prefix, middle, suffix, *rest = pieces
    more = tuple(zip(rest[::2], rest[1::2], strict=True))
    return Cut(prefix, middle, suffix, order, more, "several")


def _poisson(unit: float, mean: float) -> int:
    """The quantile at `unit` in [0, 1)."""
    count, share = 0, exp(-mean)
    total = share
    while unit >= total and count < 64:
        count += 1
        share *= mean / count
        total += share
    return count


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
