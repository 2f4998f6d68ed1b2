"""Several spans of one text, in the causal masking of InCoder (arXiv 2204.05999, section 2.1).

`T0 <mask:0> T1 <mask:1> T2 <mask:2> <mask:0> M0 <end of mask> <mask:1> M1 <end of mask>`: the texts that stay, a
sentinel behind each, then every span behind its sentinel once more.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.fim.cut import Cut
from model.fim.format import Format
from model.fim.segment import Encoder, Mark


def spans(fmt: Format, head: Sequence[str], cut: Cut) -> list[str]:
    """What follows `begin`, up to the end. Raises ValueError for more spans than `fmt` has sentinels for."""
    segments = [[*head, cut.prefix], [cut.suffix], *([after] for _, after in cut.more)]
    middles = [cut.middle, *(middle for middle, _ in cut.more)]
    fmt.layout(cut.order)
    if len(middles) > fmt.spans:
        raise ValueError(f"the format {fmt.name} was trained on {fmt.spans} spans at most, not on {len(middles)}")
    parts = [part for n, texts in enumerate(segments) for part in (*texts, Mark(fmt.mask(n)))]
    return parts + [p for n, text in enumerate(middles) for p in (Mark(fmt.mask(n)), text, Mark(fmt.close))]


def taken_apart(
    fmt: Format, tokenizer: Encoder, ids: Sequence[int]
) -> tuple[list[Sequence[int]], list[Sequence[int]]] | None:
    """The kept texts' ids and the spans' of what `spans` made; None when `ids` is no such sequence."""
    masks = [tokenizer.special(fmt.mask(n)) for n in range(fmt.spans + 1)]
    close, at = tokenizer.special(fmt.close), 0
    segments: list[Sequence[int]] = []
    for mask in masks:
        if mask not in ids[at:]:
            break
        stop = list(ids).index(mask, at)
        segments.append(ids[at:stop])
        at = stop + 1
        if len(segments) > 1 and list(ids[at : at + 1]) == masks[:1]:
            break
    middles: list[Sequence[int]] = []
    for mask in masks[: max(0, len(segments) - 1)]:
        if list(ids[at : at + 1]) != [mask] or close not in ids[at:]:
            return None
        stop = list(ids).index(close, at)
        middles.append(ids[at + 1 : stop])
        at = stop + 1
    return (segments, middles) if middles and at == len(ids) else None
