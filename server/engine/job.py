"""One request while it runs: its prompt, and the answers that are made to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from model.fim.format import Format
from model.tokens.tokenizer import Tokenizer
from server.engine.closers import Closed
from server.engine.recall import Recall, Recaller
from server.engine.scopes import Ended, comment_of, language_of
from server.engine.stops import Limit, Stops
from server.prompt import Prompt, build
from server.request import Finish, Piece, Request, Until
from server.served import Served

Emit = Callable[[Piece | Exception], None]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A request and what was made of it for one model, away from the engine's thread."""

    request: Request
    served: Served
    prompt: Prompt
    most: int
    """Tokens of the answer."""
    given: tuple[int, ...] = ()
    """Its tokens, where they are not the model's to choose: from what the prompt has taken back on."""
    recall: Recall | None = None
    """What is mixed into what the model expects; None: nothing."""

    def nothing(self) -> list[Piece]:
        """Of each alternative, the last piece so far while none has come."""
        version, size = self.served.version, len(self.prompt.ids)
        return [Piece("", version, prompt_tokens=size, alternative=n) for n in range(self.request.alternatives)]

    def stops(self) -> Stops:
        """A new one for each alternative."""
        request, limits = self.request, list[Limit]()
        if self.given:
            return Stops((), False, limits)
        language = language_of(request.path, request.language)
        if self.prompt.closers:
            limits.append(Closed(self.prompt.closers, comment_of(language)))
        if request.until in (Until.STATEMENT, Until.SCOPE):
            limits.append(Ended(request.until, request.prefix, language))
        return Stops(request.stop, request.single_line or request.until is Until.LINE, limits)


def prepare(request: Request, served: Served, recaller: Recaller | None = None) -> Prepared:
    """Tokenises, in any thread. `recaller`: mixes in what the buffer says. Raises ValueError when nothing fits, or when
    the text is none."""
    context, fmt, tokenizer = served.manifest.length, served.manifest.format, served.tokenizer
    most = min(max(1, request.max_tokens if request.middle is None else context), context // 2)
    prompt = _prompt(fmt, tokenizer, request, context - most)
    if request.middle is None:
        recall = recaller.of(request, prompt.healed) if recaller else None
        return Prepared(request, served, prompt, most, recall=recall)
    if len(request.middle.encode(errors="surrogatepass")) > most * max(map(len, tokenizer.bytes_of)):
        raise ValueError(f"middle has too many tokens: this model scores at most {most}")  # and they are not counted
    given = _given(served, prompt.healed, request.middle)
    if len(given) > most:
        raise ValueError(f"middle has {len(given)} tokens, and this model scores at most {most}")
    return Prepared(request, served, prompt, most, given)


def _given(served: Served, healed: bytes, middle: str) -> tuple[int, ...]:
    """Tokens of what was taken back and of the middle, which are one text to the model."""
    data = healed + middle.encode(errors="surrogatepass")
    try:
        return tuple(served.tokenizer.encode(data.decode()))
    except UnicodeDecodeError as error:  # what was taken back begins within a character
        begun = next((n for n, byte in enumerate(healed) if byte & 0xC0 != 0x80), len(healed))
        if not begun:
            raise ValueError("the middle holds half of a surrogate pair") from error
        bytes_of = served.tokenizer.bytes_of
        return (*(bytes_of.index(data[n : n + 1]) for n in range(begun)), *_given(served, healed[begun:], middle))


def _prompt(fmt: Format, tokenizer: Tokenizer, request: Request, room: int) -> Prompt:
    try:
        return build(fmt, tokenizer, request.path, request.prefix, request.suffix, room, request.extra)
    except UnicodeEncodeError as error:
        raise ValueError(f"the text holds half of a surrogate pair at character {error.start}") from error


class Job:
    """Owned by the engine's thread; `cancel` alone may be called from another."""

    def __init__(self, prepared: Prepared, emit: Emit) -> None:
        self.prepared, self.emit = prepared, emit
        self.cancelled = False
        self.arrived, self.begun = time.monotonic(), 0.0
        """On the clock of time.monotonic: when it was submitted, and when its first step began; 0: none has."""
        self._unanswered = prepared.request.alternatives

    @property
    def request(self) -> Request:
        return self.prepared.request

    @property
    def answered(self) -> bool:
        """Every alternative has its last piece, or the request has failed."""
        return self._unanswered == 0

    def is_late(self) -> bool:
        """Its deadline is over."""
        return self.request.deadline is not None and time.monotonic() >= self.request.deadline

    def cancel(self) -> None:
        """Ends the request before its next token."""
        self.cancelled = True

    def send(self, piece: Piece) -> None:
        if not self.answered:
            self._unanswered -= piece.finish is not Finish.NONE
            self.emit(piece)

    def fail(self, error: Exception) -> None:
        """The request has no answer."""
        if not self.answered:
            self._unanswered = 0
            self.emit(error)
