"""Renders and parses the FIM formats. Packer, server, trainer and evaluation all go through this one module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from model.formats import Format, Infill
from model.head import file_head, repository_head
from model.head import star_bucket as star_bucket
from model.segment import Bare, Encoder, Mark, decode_bare
from model.segment import encode as encode


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


def choose(text: str, language: str, key: bytes, mix: Mix, orders: Sequence[Infill] = ("psm", "spm")) -> Cut | None:
    """Where to cut `text`; None: train on it left to right. Depends on nothing but the arguments.

    `orders` are a format's: where it has one alone, that is the order, and without any nothing is cut.
    """
    draw = _Draw(mix.seed, key)
    if not text or not orders or draw.unit(0) >= mix.fim_rate:
        return None
    start, end = _span(text, language, draw, mix)
    order: Infill = "spm" if draw.unit(1) < mix.spm_share else "psm"
    order = order if order in orders else orders[0]
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


def segments(fmt: Format, head: Sequence[str], text: str, cut: Cut | None) -> list[str]:
    """The training sequence of `text`; `cut` is a cut of just this text. What ends a sequence comes last, always.

    Raises ValueError for an order that `fmt` was not trained on.
    """
    if cut is None:
        return [*_begin(fmt), *head, text, Mark(fmt.end)]
    return [*prompt(fmt, cut.order, head, cut.prefix, cut.suffix), *_seam(fmt, cut.order), *_ending(fmt, cut)]


def prompt(fmt: Format, order: str, head: Sequence[str], prefix: str, suffix: str) -> list[str]:
    """The training sequence up to its middle. Raises ValueError for an order that `fmt` was not trained on."""
    layout = fmt.layout(order)
    outside, inside = _split(fmt, head)
    texts = {"P": [*inside, _text(fmt, "P", prefix)], "S": [_text(fmt, "S", suffix)]}
    parts = [*_begin(fmt), *outside]
    for place in layout[: layout.index("M")]:
        parts += texts[place] if place.isupper() else [Mark(getattr(fmt, place))]
    return parts


def _begin(fmt: Format) -> list[str]:
    return [Mark(fmt.begin)] if fmt.begin else []


def _split(fmt: Format, head: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What of the head stays before the permuted text, and what goes with the prefix."""
    if fmt.head == "inside":
        return (), head
    if fmt.head == "outside":
        return head, ()
    last = max((i for i, part in enumerate(head) if isinstance(part, Mark)), default=-1) + 1
    return head[:last], head[last:]


def _text(fmt: Format, place: str, text: str) -> str:
    return Bare(text) if place in fmt.bare else text


def _seam(fmt: Format, order: str) -> list[str]:
    """Two texts that must not be tokenised as one have an empty Mark between them."""
    layout = fmt.layout(order)
    return [Mark("")] if layout[layout.index("M") - 1] == "P" and not fmt.joint else []


def _ending(fmt: Format, cut: Cut) -> list[str]:
    layout = fmt.layout(cut.order)
    after = layout[layout.index("M") + 1 :]
    return [_text(fmt, "M", cut.middle), *(Mark(getattr(fmt, place)) for place in after)]


def repository(fmt: Format, name: str, files: Sequence[tuple[str, str, Cut | None]]) -> list[str]:
    """Files of one repository, (path, text, cut) each, as one sequence: what ends each of them but the last is the
    next one's file sentinel. Raises ValueError for a format without one, or without any file.
    """
    if not fmt.file or not files:
        raise ValueError(f"the format {fmt.name} has no repository context" if files else "no files")
    parts = [*_begin(fmt), *repository_head(name, fmt)]
    for path, text, cut in files:
        whole = segments(fmt, file_head(path, fmt=fmt), text, cut)
        parts += whole[len(_begin(fmt)) : -1]
    return [*parts, Mark(fmt.end)]


def parse(fmt: Format, tokenizer: Encoder, ids: Sequence[int]) -> Parsed:
    """Takes apart what `encode(segments(...))` made. Raises ValueError when it is no such sequence.

    Where spm is variant 2, a psm without head and prefix begins as spm does, and is taken for it.
    """
    ids = list(ids)
    layouts = [(order, fmt.layout(order)) for order in ("spm", "psm") if order in fmt.orders]
    ends = {tokenizer.special(getattr(fmt, name)) for name in ("end", *(layout[-1] for _, layout in layouts))}
    if not ids or ids[-1] not in ends:
        raise ValueError("the sequence does not end in end-of-text")
    if fmt.begin and ids[0] == tokenizer.special(fmt.begin) and len(ids) > 1:
        ids = ids[1:]
    for order, layout in layouts:
        pieces = _pieces(fmt, tokenizer, layout, ids)
        if pieces is not None:
            return _parsed(fmt, tokenizer, order, pieces)
    if any(_opens(fmt, tokenizer, layout, ids) for _, layout in layouts):
        raise ValueError("the sentinels are not in a known order")
    return Parsed("plain", tokenizer.decode(ids[:-1]), "", "")


def _opens(fmt: Format, tokenizer: Encoder, layout: Sequence[str], ids: Sequence[int]) -> bool:
    """The layout's first sentinel stands where it would: at the very start, unless text or a head may come first."""
    first = next(place for place in layout if place.islower())
    where = ids[:1] if fmt.head == "inside" and layout[0] == first else ids
    return tokenizer.special(getattr(fmt, first)) in where


def _pieces(
    fmt: Format, tokenizer: Encoder, layout: Sequence[str], ids: Sequence[int]
) -> dict[str, Sequence[int]] | None:
    """The ids between the layout's sentinels, by the places that they fill; "" is a head outside. None: no match."""
    *ids, last = ids
    *places, end = layout
    awaited = [tokenizer.special(getattr(fmt, place)) for place in (*places, end) if place.islower()]
    if last != awaited.pop():
        return None
    pieces: dict[str, Sequence[int]] = {}
    filled, at = "", 0
    for place in places:
        if place.isupper():
            filled += place
            continue
        stop = next((i for i in range(at, len(ids)) if ids[i] in awaited), -1)
        mark = awaited.pop(0)
        room = filled or (at == 0 and fmt.head != "inside")
        if stop < 0 or ids[stop] != mark or (stop > at and not room):
            return None
        pieces[filled] = [*pieces.get(filled, ()), *ids[at:stop]]
        filled, at = "", stop + 1
    pieces[filled] = ids[at:]
    return pieces


def _parsed(fmt: Format, tokenizer: Encoder, order: str, pieces: dict[str, Sequence[int]]) -> Parsed:
    def text(places: str) -> str:
        found = pieces.get(places, ())
        return decode_bare(tokenizer, found) if places in fmt.bare else tokenizer.decode(found)

    head = tokenizer.decode(pieces.get("", ()))
    return Parsed(order, head + text("P") + text("PM"), text("M"), text("S"))
