"""What goes wrong with a cut on its way into a row, counted for ours and for the two peers of `permuters`.

`changed_by_order`, `changed_by_workers`: documents whose choice is another when they come in reverse, or when four
workers take them in turn. `repeated`: those of which the same was decided as of the one at the same place of the buffer
before: cut or not, and in which order. `inside_token`: ends of middles that are inside a token. `lost`: permuted
documents, or parts of them, whose middle or end of text is not all in the row. Speeds are MB of text a CPU second:
`mb_s` chooses and renders, `mb_s_with_ids` goes on to the ids of a row, with the same encoder for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from common.permuters import (
    BUFFER_TEXTS,
    Choice,
    Chooser,
    by_workers,
    chunked,
    reseeded,
    sequence,
    stateful,
    truncated_rows,
)
from common.texts import Text
from numpy.typing import NDArray

from model.fim.fim import Mix, choose, encode_array, segments
from model.fim.formats import STARCODER
from model.tokens.tokenizer import Tokenizer
from streams.document import Document
from streams.pack.pack import Packer

MIX = Mix()
UNPARSED = Mix(syntax=0.0)
ROW = 2048
WORKERS = 4
WHOLE_FILES = 1000
"""Of which rows are made."""

Ids = NDArray[np.int32]
Call = Callable[[], Any]


def beside(found: Sequence[Document], texts: Sequence[Text], tokenizer: Tokenizer) -> dict[str, dict[str, float]]:
    """By name: midstream, stateful and reseeded, on the same texts."""
    characters = [len(t.text) for t in texts]
    ids = [tokenizer.array(t.text) for t in texts]
    whole = [tokenizer.encode(d.parts[0].text) for d in found[:WHOLE_FILES]]
    ends = [token_ends(t.text, i, tokenizer) for t, i in zip(texts, ids, strict=True)]
    report: dict[str, dict[str, float]] = {
        "midstream": {
            "changed_by_order": different(ours(texts), ours(texts[::-1])[::-1]),
            "changed_by_workers": different(ours(texts), dealt(texts)),
            "repeated": repeated(ours(texts)), "inside_token": inside(ours(texts), characters, ends),
            "lost": ours_lost(found[:WHOLE_FILES], tokenizer),
        },
        "stateful": {
            **moved(stateful, characters), "inside_token": inside(drawn(stateful, characters), characters, ends),
            "lost": stateful_lost(whole, tokenizer),
        },
        "reseeded": {
            **moved(reseeded, [len(i) for i in ids]), "inside_token": 0.0,
            "lost": ratio(*chunked([len(i) for i in whole], drawn(reseeded, [len(i) for i in whole]), ROW)),
        },
    }  # fmt: skip
    size = sum(len(t.text.encode()) for t in texts) / 1e6
    for name, calls in work(texts, ids, tokenizer).items():
        report[name] |= {key: round(size / seconds(call), 1) for key, call in calls.items()}
    return report


def ours(texts: Sequence[Text]) -> list[Choice]:
    cuts = [choose(t.text, t.language, t.key, MIX, STARCODER) for t in texts]
    return [Choice(c.order, len(c.prefix), len(c.prefix) + len(c.middle)) if c else Choice() for c in cuts]


def dealt(texts: Sequence[Text]) -> list[Choice]:
    """Ours, where every worker takes its own."""
    choices = [Choice()] * len(texts)
    for worker in range(WORKERS):
        choices[worker::WORKERS] = ours(texts[worker::WORKERS])
    return choices


def drawn(chooser: Chooser, lengths: Sequence[int]) -> list[Choice]:
    return list(chooser(lengths, MIX.fim_rate, MIX.spm_share, MIX.seed))


def moved(chooser: Chooser, lengths: Sequence[int]) -> dict[str, float]:
    first = drawn(chooser, lengths)
    many = by_workers(chooser, lengths, MIX.fim_rate, MIX.spm_share, MIX.seed, WORKERS)
    return {
        "changed_by_order": different(first, drawn(chooser, lengths[::-1])[::-1]),
        "changed_by_workers": different(first, many), "repeated": repeated(first),
    }  # fmt: skip


def different(one: Sequence[Choice], other: Sequence[Choice]) -> float:
    return ratio(len(one), sum(a != b for a, b in zip(one, other, strict=True)))


def repeated(choices: Sequence[Choice]) -> float:
    pairs = list(zip(choices, choices[BUFFER_TEXTS:], strict=False))
    return ratio(len(pairs), sum(a.order == b.order for a, b in pairs))


def inside(choices: Sequence[Choice], characters: Sequence[int], ends: Sequence[set[int]]) -> float:
    """Of the ends of middles that are inside the text."""
    places = [
        place in own
        for choice, size, own in zip(choices, characters, ends, strict=True)
        for place in (choice.start, choice.end)
        if choice.order and 0 < place < size
    ]
    return ratio(len(places), len(places) - sum(places))


def token_ends(text: str, ids: Ids, tokenizer: Tokenizer) -> set[int]:
    """Characters behind which a token ends."""
    ends = np.cumsum([len(tokenizer.bytes_of[i]) for i in ids], dtype=np.int64)
    begun = np.cumsum((np.frombuffer(text.encode(), np.uint8) & 0xC0) != 0x80)
    following = np.append(np.frombuffer(text.encode(), np.uint8), 0)[ends]
    return set(begun[ends - 1][(following & 0xC0) != 0x80].tolist())


def ours_lost(found: Sequence[Document], tokenizer: Tokenizer) -> float:
    """A permuted example without its middle's sentinel or without its end."""
    packer = Packer(tokenizer, STARCODER, MIX, ROW)
    end, middle = tokenizer.special(STARCODER.end), tokenizer.special(STARCODER.middle)
    permuted = [e for document in found for e in packer.pack(document) if e.order != "plain"]
    lost = sum(e.tokens > ROW or e.array()[-1] != end or middle not in e.array() for e in permuted)
    return ratio(len(permuted), lost)


def stateful_lost(whole: Sequence[list[int]], tokenizer: Tokenizer) -> float:
    def permuted(ids: list[int], choice: Choice) -> Ids:
        return at_characters(tokenizer.decode(ids), choice, tokenizer)

    end = tokenizer.special(STARCODER.end)
    return ratio(*truncated_rows(whole, ROW, end, permuted, tokenizer.decode, MIX.fim_rate, MIX.spm_share))


def at_characters(text: str, choice: Choice, tokenizer: Tokenizer) -> Ids:
    one, two = choice.start, choice.end
    parts = (tokenizer.array(part) for part in (text[:one], text[one:two], text[two:]))
    return sequence(*parts, choice.order, marks(tokenizer))


def at_tokens(ids: Ids, choice: Choice, tokenizer: Tokenizer) -> Ids:
    one, two = choice.start, choice.end
    return sequence(ids[:one], ids[one:two], ids[two:], choice.order, marks(tokenizer))


def marks(tokenizer: Tokenizer) -> tuple[int, int, int]:
    pre, suf, mid = (tokenizer.special(s) for s in (STARCODER.prefix, STARCODER.suffix, STARCODER.middle))
    return pre, suf, mid


def in_strings(text: str, choice: Choice) -> list[str]:
    one, two = choice.start, choice.end
    parts = ["<pre>", text[:one], "<suf>", text[two:], "<mid>", text[one:two]]
    return parts if choice.order == "psm" else ["<pre>", "<suf>", text[two:], "<mid>", text[:two]]


def work(texts: Sequence[Text], ids: Sequence[Ids], tokenizer: Tokenizer) -> dict[str, dict[str, Call]]:
    characters, tokens = [len(t.text) for t in texts], [len(i) for i in ids]

    def midstream(mix: Mix) -> list[list[str]]:
        return [segments(STARCODER, t.head, t.text, choose(t.text, t.language, t.key, mix, STARCODER)) for t in texts]

    def stateful_ids() -> list[Ids]:
        """The tokens of a row lie on disk already: they are decoded, cut and encoded again."""
        pairs = zip(ids, drawn(stateful, characters), strict=True)
        return [at_characters(tokenizer.decode(i), c, tokenizer) if c.order else i for i, c in pairs]

    def reseeded_ids() -> list[Ids]:
        pairs = zip((tokenizer.array(t.text) for t in texts), drawn(reseeded, tokens), strict=True)
        return [at_tokens(i, c, tokenizer) if c.order else i for i, c in pairs]

    return {
        "midstream": {
            "mb_s": lambda: midstream(MIX),
            "mb_s_with_ids": lambda: [encode_array(tokenizer, s) for s in midstream(MIX)],
            "mb_s_without_syntax": lambda: midstream(UNPARSED),
            "mb_s_without_syntax_with_ids": lambda: [encode_array(tokenizer, s) for s in midstream(UNPARSED)],
        },
        "stateful": {
            "mb_s": lambda: [in_strings(t.text, c) for t, c in zip(texts, drawn(stateful, characters), strict=True)],
            "mb_s_with_ids": stateful_ids,
        },
        "reseeded": {
            "mb_s": lambda: [at_tokens(i, c, tokenizer) for i, c in zip(ids, drawn(reseeded, tokens), strict=True)],
            "mb_s_with_ids": reseeded_ids,
        },
    }  # fmt: skip


def seconds(call: Call) -> float:
    """CPU seconds of the faster of two passes."""
    spent: list[float] = []
    for _ in range(2):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return max(1e-9, min(spent))


def ratio(of: int, part: int) -> float:
    return round(part / max(1, of), 5)
