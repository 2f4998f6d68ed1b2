"""The format that a tokenizer was made for, or why it is none for the one that was named."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from model.fim.format import Format
from model.fim.formats import AUTO, FORMATS, PLAIN, REGISTRY


class UnfitTokenizer(ValueError):
    """The tokenizer is not one for the format; the message says what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}{advice}")
        self.reason = reason
        """What is wrong, without the advice that is for a tokenizer of one's own."""


class Ends(NamedTuple):
    """What a model's own files say of how its texts begin and end; "" and (): nothing."""

    end: str = ""
    begin: str = ""
    stops: tuple[str, ...] = ()
    """Further tokens after which nothing comes."""


UNKNOWN = Ends()


def refuse_unfit(fmt: Format, sentinels: Collection[str]) -> None:
    """Raises UnfitTokenizer when a sentinel of the format is missing: every document would die of it."""
    if missing := [sentinel for sentinel in fmt.sentinels if sentinel not in sentinels]:
        raise UnfitTokenizer(
            f"the tokenizer has no {', '.join(missing)}: it is not one for the format {fmt.name}",
            "; train one with `midstream tokenizer train`, or set [model] format to the one that it was made for",
        )


def choose(name: str, sentinels: Collection[str], ends: Ends = UNKNOWN) -> Format:
    """The format of that name, or, for AUTO, the one that the tokenizer was made for: of those whose sentinels it has
    all, the one with the most; plain, where it has those of none and its own end of text is known. Raises
    UnfitTokenizer."""
    if name == PLAIN.name:
        return _plain(sentinels, ends)
    if name != AUTO:
        refuse_unfit(FORMATS[name], sentinels)
        return FORMATS[name]
    fitting = [f for f in REGISTRY if f.orders and all(s in sentinels for s in f.sentinels)]
    if fitting:
        return max(fitting, key=lambda f: len(f.sentinels))
    near, missing = _nearest(sentinels)
    if near is None and ends.end in sentinels:
        return _plain(sentinels, ends)
    if near is not None:
        raise UnfitTokenizer(
            f"the tokenizer has the sentinels of no known infilling format; nearest is {near.name}, of whose it has no "
            f"{', '.join(missing)}. To leave infilling aside, name plain ([model] format, or --format): left to right",
            "",
        )
    raise UnfitTokenizer(
        "the tokenizer has the sentinels of no known infilling format, and no file of the model says which token ends "
        f"a text (eos_token). Name the format that it was trained on ([model] format, or --format): "
        f"{', '.join(FORMATS)}; plain is for a model that reads left to right",
        "",
    )


def _plain(sentinels: Collection[str], ends: Ends) -> Format:
    """With the usual end of text, or else the model's own, and then the token with which its texts begin. Raises
    UnfitTokenizer."""
    if PLAIN.end not in sentinels and ends.end in sentinels:
        stops = tuple(s for s in dict.fromkeys((ends.end, *ends.stops)) if s in sentinels)
        begin = ends.begin if ends.begin in sentinels else ""
        return msgspec.structs.replace(PLAIN, end=ends.end, stops=stops, begin=begin)
    refuse_unfit(PLAIN, sentinels)
    return PLAIN


def _nearest(sentinels: Collection[str]) -> tuple[Format | None, list[str]]:
    """The format of which the tokenizer has the most sentinels for infilling, and those that it lacks; None: it has
    none of any."""
    near, most, missing = None, 0, list[str]()
    for fmt in REGISTRY:
        infilling = {s for s in (fmt.prefix, fmt.middle, fmt.suffix, fmt.between, fmt.close) if s}
        lacks = [s for s in fmt.sentinels if s not in sentinels]
        there = len(infilling - {*lacks})
        if there > most or (there and there == most and len(lacks) < len(missing)):
            near, most, missing = fmt, there, lacks
    return near, missing
