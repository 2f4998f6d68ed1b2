"""Renders and parses the FIM formats. Packer, server, trainer and evaluation all go through this one module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.fim.cut import Cut
from model.fim.cut import Mix as Mix
from model.fim.cut import around as around
from model.fim.cut import choose as choose
from model.fim.cut import cuts as cuts
from model.fim.format import Format
from model.fim.head import file_head
from model.fim.head import repository_head as repository_head
from model.fim.head import star_bucket as star_bucket
from model.fim.segment import Bare, Encoder, Mark, decode_bare
from model.fim.segment import encode as encode
from model.fim.segment import encode_array as encode_array
from model.fim.spans import spans, taken_apart


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
    more: tuple[tuple[str, str], ...] = ()
    """Further spans: middle and what follows it, each."""


def segments(fmt: Format, head: Sequence[str], text: str, cut: Cut | None) -> list[str]:
    """The training sequence of `text`; `cut` is a cut of just this text. What ends a sequence comes last, always.

    Raises ValueError for an order that `fmt` was not trained on.
    """
    if cut is None:
        return whole(fmt, head, (text,))
    if cut.more:
        return [*_begin(fmt), *spans(fmt, head, cut), Mark(fmt.end)]
    return [*prompt(fmt, cut.order, head, cut.prefix, cut.suffix), *_seam(fmt, cut.order), *_ending(fmt, cut)]


def whole(fmt: Format, head: Sequence[str], body: Sequence[str]) -> list[str]:
    """The training sequence of a body that is read left to right."""
    return [*opening(fmt, head, body), Mark(fmt.end)]


def opening(fmt: Format, head: Sequence[str], body: Sequence[str]) -> list[str]:
    """The same without its end: what a model is given to go on with."""
    return [*_begin(fmt), *head, *body]


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
    next one's file sentinel. Raises ValueError for a format without repository context.
    """
    if not fmt.context:
        raise ValueError(f"the format {fmt.name} has no repository context")
    parts = [*_begin(fmt), *repository_head(name, fmt)]
    for path, text, cut in files:
        parts += file_in_repository(fmt, path, text, cut)
    return [*parts, Mark(fmt.end)]


def file_in_repository(fmt: Format, path: str, text: str, cut: Cut | None) -> list[str]:
    """A file's part of `repository`: its sequence without beginning and end."""
    return segments(fmt, file_head(path, fmt=fmt), text, cut)[len(_begin(fmt)) : -1]


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
    several = taken_apart(fmt, tokenizer, ids[:-1]) if fmt.spans > 1 else None
    if several is not None:
        (prefix, suffix, *after), (middle, *middles) = (list(map(tokenizer.decode, part)) for part in several)
        return Parsed("psm", prefix, middle, suffix, tuple(zip(middles, after, strict=True)))
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
        ids = pieces.get(places, ())
        return decode_bare(tokenizer, ids) if places in fmt.bare else tokenizer.decode(ids)

    head = tokenizer.decode(pieces.get("", ()))
    return Parsed(order, head + text("P") + text("PM"), text("M"), text("S"))
