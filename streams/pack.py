"""Pack: render a document, cut it to the context at line ends, permute for infilling, tokenise.

Fit first, permute after, so that no piece loses its middle or its end; every piece ends in
end-of-text. The choice of a cut depends on the document's id and the piece's number alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from model import fim
from model.example import Example, pack_ids
from model.fim import Cut, Mark, Mix
from model.formats import Format
from model.tokenizer import Tokenizer
from streams.document import Document
from streams.render import Rendering, render

CHARS_A_TOKEN = 2.5
"""First guess of how many characters fit a token; a piece that turns out too long is halved."""
MARGIN = 8
"""Tokens kept free for sentinels and end-of-text in the first guess."""


@dataclass(frozen=True)
class Packer:
    tokenizer: Tokenizer
    format: Format
    mix: Mix
    context: int
    """The longest example, tokens."""

    def pack(self, document: Document) -> list[Example]:
        """The document's examples in order; together they hold all of its rendered text."""
        rendering = render(document)
        pieces = [e for body in self._cut(rendering.body) for e in self._fit(document, rendering, body)]
        for number, example in enumerate(pieces):
            example.piece, example.pieces = number, len(pieces)
        return pieces

    def _cut(self, body: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Runs of the body of about a context each; an empty body is one, so that no document disappears."""
        if not any(body):
            yield body
            return
        limit = max(16, int((self.context - MARGIN) * CHARS_A_TOKEN))
        run: list[str] = []
        room = limit
        for segment in body:
            if isinstance(segment, Mark):
                run.append(segment)
                continue
            for chunk in lines_within(segment, limit, room):
                if len(chunk) > room and any(not isinstance(s, Mark) for s in run):
                    yield tuple(run)
                    run, room = [], limit
                run.append(chunk)
                room -= len(chunk)
        if run:
            yield tuple(run)

    def _fit(self, document: Document, rendering: Rendering, body: tuple[str, ...]) -> Iterator[Example]:
        """One example, or two halves and so on when it is longer than the context."""
        example = self._example(document, rendering, body)
        if example.tokens <= self.context:
            yield example
            return
        for half in _halves(body):
            yield from self._fit(document, rendering, half)

    def _example(self, document: Document, rendering: Rendering, body: tuple[str, ...]) -> Example:
        cut = self._choose(document, rendering, body)
        if cut is None:
            segments = [*rendering.head, *body, Mark(self.format.end)]
        else:
            segments = fim.segments(self.format, rendering.head, body[0], cut)
        ids, width = pack_ids(fim.encode(self.tokenizer, segments), self.tokenizer.vocab_size)
        size = sum(len(s.encode("utf-8", "replace")) for s in segments if not isinstance(s, Mark))
        return Example(
            offset=document.offset, index=document.index, ids=ids, width=width, text_bytes=size,
            kind=document.kind, order=cut.order if cut else "plain",
        )  # fmt: skip

    def _choose(self, document: Document, rendering: Rendering, body: tuple[str, ...]) -> Cut | None:
        if not rendering.infill or len(body) != 1:
            return None
        key = document.id + len(body[0]).to_bytes(4, "little")
        return fim.choose(body[0], document.language, key, self.mix, self.format)


def lines_within(text: str, limit: int, room: int) -> Iterator[str]:
    """The text in chunks of at most `limit` characters that end at line ends where a line allows it.

    The first chunk is made to fit `room` when at least a quarter of `limit` is left there.
    """
    at = 0
    budget = room if room >= limit // 4 else limit
    while at < len(text):
        end = min(len(text), at + budget)
        if end < len(text):
            newline = text.rfind("\n", at, end)
            end = newline + 1 if newline >= at else end
        yield text[at:end]
        at, budget = end, limit


def _halves(body: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Two runs of about the same number of characters, cut at a line end where there is one."""
    middle = sum(len(s) for s in body if not isinstance(s, Mark)) // 2
    passed = 0
    for i, segment in enumerate(body):
        if isinstance(segment, Mark):
            continue
        if passed + len(segment) > middle or i == len(body) - 1:
            at = _line_end(segment, middle - passed)
            return (*body[:i], segment[:at]), (segment[at:], *body[i + 1 :])
        passed += len(segment)
    raise ValueError("a context too short for the sentinels alone: give the model a longer one")


def _line_end(text: str, near: int) -> int:
    """The end of the line before `near` characters, or `near` itself; never the text's start or end."""
    if len(text) < 2:
        raise ValueError("a context too short for one character: give the model a longer one")
    found = text.rfind("\n", 0, max(1, near)) + 1
    return min(max(found or near, 1), len(text) - 1)
