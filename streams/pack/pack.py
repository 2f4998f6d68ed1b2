"""Pack: render a document, cut it to the context at line ends, permute for infilling, tokenise.

Fit first, permute after, so that no piece loses its middle or its end; every piece ends in
end-of-text. A document longer than the context is measured in tokens and cut into pieces that fill it:
what a piece leaves free no other example is short enough to use. The choice of a cut depends on the
document's id and on where the piece begins, not on where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
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
from streams.pack.render import Rendering, render
from streams.recipe import Shares

CHARS_A_TOKEN = 3
"""A text of so many characters for every token of the context is tried whole before it is measured."""
SLACK_SHARE, SLACK = 256, 4
"""A piece leaves the context's 256th part free, or 4 tokens, where that lets it end at a line's end."""
CUT = 4
"""Tokens that a cut adds: three sentinels, and one for the tokens that it splits; a first guess."""
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
        """The document's examples in order; together they hold all of its rendered text."""
        rendering = render(document, self.format, self.shares, self.mix.seed)
        pieces = self._hunk(document, rendering) if rendering.middle else list(self._pieces(document, rendering))
        for number, example in enumerate(pieces):
            example.piece, example.pieces = number, len(pieces)
        return pieces

    def _hunk(self, document: Document, rendering: Rendering) -> list[Example]:
        """One example of as many lines around the changed ones as fit the context; where these alone do not fit, the
        change in another form."""
        (text,), (start, end) = rendering.body, rendering.middle or (0, 0)
        around = 2 * CHARS_A_TOKEN * self.context
        while True:
            first, last = changes.lines_around(text, start, end, around)
            span = start - first, end - first
            cut = fim.around(text[first:last], span, document.id, self.mix, self.format)
            example = self._encoded(document, fim.segments(self.format, rendering.head, text[first:last], cut), cut)
            if example.tokens <= self.context:
                return [example]
            if (first, last) == (start, end):
                other = render(document, self.format, replace(self.shares, hunk=0.0), self.mix.seed)
                return list(self._pieces(document, other))
            around = around // 2 if around > 64 else 0

    def _pieces(self, document: Document, rendering: Rendering) -> Iterator[Example]:
        """An empty body is one, so that no document disappears."""
        if sum(map(len, rendering.body)) <= CHARS_A_TOKEN * self.context:
            whole = self._example(document, rendering, rendering.body, 0)
            if whole.tokens <= self.context:
                yield whole
                return
        body = Body(rendering.body, self.tokenizer, self._widths)
        plain = fim.encode_array(self.tokenizer, fim.whole(self.format, rendering.head, ())).size
        at, around = 0, {False: plain, True: plain + CUT}
        while not at or at < body.size:
            cut = rendering.infill and fim.cuts(_key(document, at), self.mix, self.format)
            example, at, around[cut] = self._fullest(document, rendering, body, at, around[cut])
            yield example

    def _fullest(
        self, document: Document, rendering: Rendering, body: Body, start: int, around: int
    ) -> tuple[Example, int, int]:
        """The piece from `start` that fills the context best, its end, and its tokens beside the body's.

        `around` is a guess of these. Raises ValueError when the context is too short for them and one more.
        """
        best: tuple[Example, int, int] | None = None
        room, tries = max(1, self.context - around), 0
        while best is None or tries < TRIES:
            end, used = body.end(start, room, max(SLACK, self.context // SLACK_SHARE))
            example = self._example(document, rendering, body.between(start, end), start)
            free = self.context - example.tokens
            unplanned = free - (room - used)
            if free >= 0 and (best is None or end > best[1]):
                best = example, end, example.tokens - used
            if free >= 0 and (unplanned <= 2 or end == body.size):
                break
            if room == 1:
                raise ValueError("a context too short for the sentinels alone: give the model a longer one")
            tries += 1
            room = max(1, room + unplanned if tries < TRIES else room // 2)
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
        ids, width = pack_ids(fim.encode_array(self.tokenizer, segments), self.tokenizer.vocab_size)
        return Example(
            offset=document.offset, index=document.index, ids=ids, width=width, text_bytes=text_bytes(segments),
            kind=document.kind, order=cut.order if cut else "plain",
        )  # fmt: skip

    def _choose(self, document: Document, rendering: Rendering, body: tuple[str, ...], start: int) -> Cut | None:
        if not rendering.infill or len(body) != 1:
            return None
        return fim.choose(body[0], document.language, _key(document, start), self.mix, self.format)


def _key(document: Document, start: int) -> bytes:
    """Of the choices about the piece that begins at `start`."""
    return document.id + start.to_bytes(4, "little")


def text_bytes(segments: Sequence[str]) -> int:
    """UTF-8 bytes of all that is not a sentinel."""
    return sum(len(s.encode("utf-8", "replace")) for s in segments if not isinstance(s, Mark))
