"""Pack: render a document, cut it to the context at line ends, permute for infilling, tokenise.

Fit first, permute after, so that no piece loses its middle or its end; every piece ends in
end-of-text. A document longer than the context is measured in tokens and cut into pieces that fill it:
what a piece leaves free no other example is short enough to use. The choice of a cut depends on the
document's id and on where the piece begins, not on where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model.example import Example, pack_ids
from model.fim import fim
from model.fim.choice import refuse_unfit
from model.fim.fim import Cut, Mark, Mix
from model.fim.format import Format
from model.packing import packing
from model.tokens.tokenizer import Tokenizer
from streams.document import Document
from streams.pack import changes
from streams.pack.body import Body
from streams.pack.render import Rendering, change, forms, is_edit, margin_of, render
from streams.recipe import Shares

CHARS_A_TOKEN = 3
"""A text of so many characters for every token of the context is tried whole before it is measured."""
SLACK_SHARE, SLACK = 256, 4
"""A piece leaves the context's 256th part free, or 4 tokens, where that lets it end at a line's end."""
CUT = 4
"""Tokens that a cut adds: three sentinels, and one for the tokens that it splits; a first guess."""
MOST = 1 << 40
"""Tokens: no bound."""
FEWER = (8, 3, 0)
"""Lines around a change that are tried in turn, where more of them are above its bound."""
BULK = ("file", "notebook")
"""Kinds of what a present tree holds: the change that brings a new version comes as a commit, too."""
TRIES = 4
"""Lengths of a piece that are looked at: sentinels and cuts inside tokens make the first guess wrong."""


@dataclass(frozen=True)
class Packer:
    tokenizer: Tokenizer
    format: Format
    mix: Mix
    context: int
    """The longest example, tokens."""
    shares: Shares = field(default_factory=Shares)

    def __post_init__(self) -> None:
        """Raises UnfitTokenizer."""
        refuse_unfit(self.format, self.tokenizer.specials)

    @cached_property
    def packing(self) -> str:
        """What every Frame says of its examples."""
        return packing(self.tokenizer.hash, self.format, self.context)

    def pack(self, document: Document) -> list[Example]:
        """The document's examples in order; together they hold all of its rendered text, but for what of a commit is
        above its bound, which the last one counts."""
        examples = self._change(document) if document.kind == "commit" else list(self._whole(document))
        for number, example in enumerate(examples):
            example.piece, example.pieces = number, len(examples)
        return examples

    def _whole(self, document: Document) -> Iterator[Example]:
        yield from self._pieces(document, render(document, self.format, self.shares, self.mix.seed), self.context)

    def _change(self, document: Document) -> list[Example]:
        """A changed file in one or both of its forms, in no more tokens than `commit_tokens`."""
        seed, bound = self.mix.seed, self.shares.commit_tokens or MOST
        after, shown = forms(document, self.format, self.shares, seed)
        first = self._after(document, after, min(self.context, bound // 2 if shown else bound)) if after else []
        if first and not shown:
            return first
        room = bound - sum(e.tokens for e in first)
        margin = margin_of(document, self.shares, seed)
        fewer = [lines for lines in FEWER if margin is None or lines < margin] if is_edit(document) else []
        pieces, rest = self._within(document, change(document, self.format, margin), room)
        while rest and fewer:
            pieces, rest = self._within(document, change(document, self.format, fewer.pop(0)), room)
        pieces[-1].capped_bytes = rest
        return first + pieces

    def _within(self, document: Document, rendering: Rendering, room: int) -> tuple[list[Example], int]:
        """The first pieces that hold no more than `room` tokens, at least one, and the bytes that they leave out."""
        pieces: list[Example] = []
        head = fim.encode_array(self.tokenizer, fim.whole(self.format, rendering.head, ())).size
        longest = min(self.context, max(room, 2 * head))
        for example in self._pieces(document, rendering, longest):
            if pieces and example.tokens > room:
                return pieces, left_out(rendering, pieces)
            pieces.append(example)
            room -= example.tokens
        return pieces, 0

    def _after(self, document: Document, rendering: Rendering, room: int) -> list[Example]:
        """One example of as many lines around the changed ones as fit; none where these alone do not fit."""
        (text,), (start, end) = rendering.body, rendering.middle or (0, 0)
        around = 2 * CHARS_A_TOKEN * room
        while True:
            first, last = changes.lines_around(text, start, end, around)
            span = start - first, end - first
            cut = fim.around(text[first:last], span, document.id, self.mix, self.format)
            example = self._encoded(document, fim.segments(self.format, rendering.head, text[first:last], cut), cut)
            if example.tokens <= room:
                return [example]
            if (first, last) == (start, end):
                return []
            around = around // 2 if around > 64 else 0

    def _pieces(self, document: Document, rendering: Rendering, longest: int) -> Iterator[Example]:
        """Of at most `longest` tokens. An empty body is one, so that no document disappears."""
        if sum(map(len, rendering.body)) <= CHARS_A_TOKEN * longest:
            whole = self._example(document, rendering, rendering.body, 0)
            if whole.tokens <= longest:
                yield whole
                return
        body = Body(rendering.body, self.tokenizer, self._widths)
        plain = fim.encode_array(self.tokenizer, fim.whole(self.format, rendering.head, ())).size
        at, around = 0, {False: plain, True: plain + CUT}
        while not at or at < body.size:
            cut = rendering.infill and fim.cuts(_key(document, at), self.mix, self.format)
            example, at, around[cut] = self._fullest(document, rendering, body, at, (around[cut], longest))
            yield example

    def _fullest(
        self, document: Document, rendering: Rendering, body: Body, start: int, room: tuple[int, int]
    ) -> tuple[Example, int, int]:
        """The piece from `start` that fills the context best, its end, and its tokens beside the body's.

        `room`: a guess of these, and the longest that it may be. Raises ValueError when that is too short for them and
        one more.
        """
        best: tuple[Example, int, int] | None = None
        around, longest = room
        free_for, tries = max(1, longest - around), 0
        while best is None or tries < TRIES:
            end, used = body.end(start, free_for, max(SLACK, longest // SLACK_SHARE))
            example = self._example(document, rendering, body.between(start, end), start)
            free = longest - example.tokens
            unplanned = free - (free_for - used)
            if free >= 0 and (best is None or end > best[1]):
                best = example, end, example.tokens - used
            if free >= 0 and (unplanned <= 2 or end == body.size):
                break
            if free_for == 1:
                raise ValueError("a context too short for the sentinels alone: give the model a longer one")
            tries += 1
            free_for = max(1, free_for + unplanned if tries < TRIES else free_for // 2)
        assert best is not None
        return best

    @cached_property
    def _widths(self) -> NDArray[np.int64]:
        """Bytes of each id."""
        return np.array([len(b) for b in self.tokenizer.bytes_of], np.int64)

    def _example(self, document: Document, rendering: Rendering, body: tuple[str, ...], start: int) -> Example:
        cut = self._choose(document, rendering, body, start)
        if cut is None:
            return self._encoded(document, fim.whole(self.format, rendering.head, body), None)
        return self._encoded(document, fim.segments(self.format, rendering.head, body[0], cut), cut)

    def _encoded(self, document: Document, segments: list[str], cut: Cut | None) -> Example:
        encoded = fim.encode_array(self.tokenizer, segments)
        ids, width = pack_ids(encoded, self.tokenizer.vocab_size)
        return Example(
            offset=document.offset, index=document.index, ids=ids, width=width, text_bytes=text_bytes(segments),
            kind=document.kind, order=cut.order if cut else "plain", language=document.language,
            middle=self._middle(encoded, cut) if cut else 0, bulk=document.line > 0 or document.kind in BULK,
        )  # fmt: skip

    def _middle(self, ids: NDArray[np.int32], cut: Cut) -> int:
        """Index of the first token that holds anything of the middle, which stands before the sentinels at the end; 0
        where there are several."""
        if cut.more:
            return 0
        layout = self.format.layout(cut.order)
        end = len(ids) - (len(layout) - layout.index("M") - 1)
        behind = np.cumsum(self._widths[ids[:end]][::-1])
        return end - int(np.searchsorted(behind, len(cut.middle.encode("utf-8", "replace")))) - 1 if cut.middle else end

    def _choose(self, document: Document, rendering: Rendering, body: tuple[str, ...], start: int) -> Cut | None:
        if not rendering.infill or len(body) != 1:
            return None
        return fim.choose(body[0], document.language, _key(document, start), self.mix, self.format)


def _key(document: Document, start: int) -> bytes:
    """Of the choices about the piece that begins at `start`."""
    return document.id + start.to_bytes(4, "little")


def left_out(rendering: Rendering, pieces: Sequence[Example]) -> int:
    """UTF-8 bytes of the body behind these first pieces, each of which repeats the head."""
    head = text_bytes(rendering.head)
    return max(1, text_bytes(rendering.body) - sum(piece.text_bytes - head for piece in pieces))


def text_bytes(segments: Sequence[str]) -> int:
    """UTF-8 bytes of all that is not a sentinel."""
    return sum(len(s.encode("utf-8", "replace")) for s in segments if not isinstance(s, Mark))
