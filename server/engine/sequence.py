"""One answer while it grows: its tokens, how many of them are computed, what of its text was sent.

Shapes: V vocabulary.
"""

from __future__ import annotations

from math import log

from server.engine.job import Job
from server.engine.memory import Lease
from server.engine.sampling import Floats, choose, drawn
from server.request import Finish, Piece

MOST_AFTER_DEADLINE = 32
"""Tokens that are generated into the cache at most when the answer has been sent, to the end of a line."""


class Sequence:
    """One alternative of a request. `lease` while it has pages."""

    def __init__(self, job: Job, first: Sequence | None = None, alternative: int = 0) -> None:
        """`first`: the one that computes the prompt for this one, too."""
        prepared = job.prepared
        self.job, self.alternative = job, alternative
        self._first = first
        self.ids = list(prepared.prompt.ids)
        self.done = 0
        """Of `ids`, those whose keys and values are in its pages."""
        self.lease: Lease | None = None
        self.answered = self.over = False
        """Its last piece was sent; nothing more is computed for it."""
        self._prompt_tokens = len(self.ids)
        self._owed = prepared.prompt.healed
        self.view = prepared.recall.view() if prepared.recall else None
        self._stops = prepared.stops()
        self._tokens = self._drawn = self._after = 0
        self._logprobs: list[float] = []
        self._sum = 0.0

    @property
    def tokens(self) -> int:
        """Room that it needs at most: a token that only repeats what is there is not the answer's."""
        prepared = self.job.prepared
        return min(self._prompt_tokens + prepared.most + len(self._owed), prepared.served.manifest.length)

    @property
    def is_prompt(self) -> bool:
        """Nothing was generated yet."""
        return len(self.ids) == self._prompt_tokens

    @property
    def may_begin(self) -> bool:
        return self._first is None or self._first.over or not self._first.is_prompt

    @property
    def needs_logprob(self) -> bool:
        request = self.job.request
        return request.logprobs or request.least_confidence > 0 or request.middle is not None

    @property
    def is_greedy(self) -> bool:
        return not (self._owed or self.job.request.temperature or self.job.prepared.given)

    @property
    def among(self) -> list[int] | None:
        """What the next token is one of, while bytes are owed: those that agree with them. None: any."""
        return (self.job.prepared.served.spellings.agreeing(self._owed) or None) if self._owed else None

    def choose(self, logits_V: Floats) -> int:
        """Greedy, or drawn at the temperature; while bytes are owed, among the tokens that agree with them. What is
        given is taken."""
        request, given = self.job.request, self.job.prepared.given
        if given:
            return given[len(self.ids) - self._prompt_tokens]
        self._drawn += 1
        draw = drawn(request.seed, self.alternative, self._drawn) if request.temperature else 0.0
        return choose(logits_V, request.temperature, request.top_p, draw, self.among)

    def accept(self, token: int, logprob: float | None) -> None:
        """Takes the next token; sends what is certain of its text. May end the sequence."""
        prepared = self.job.prepared
        bytes_of = prepared.served.tokenizer.bytes_of
        data = bytes_of[token] if token < len(bytes_of) else b""
        if not data:  # end-of-text, or another sentinel, after which no text can follow
            return self.finish(Finish.END_OF_TEXT)
        written = min(len(self._owed), len(data))
        self._owed = self._owed[written:]
        if written < len(data):
            if logprob is not None and not self._is_confident(logprob):
                return self.finish(Finish.CONFIDENCE)
            self._tokens += 1
        text = self._stops.push(data[written:])
        self._send(text)
        if self._stops.stopped:
            return self.finish(Finish.STOP)
        if self._tokens >= prepared.most or len(self.ids) >= prepared.served.manifest.length:
            return self.finish(Finish.LENGTH)
        self.ids.append(token)
        if self.view:
            self.view.advance(token)
        if len(self.ids) - self._prompt_tokens == len(prepared.given):
            return self.finish(Finish.LENGTH)
        if self.answered:
            self._after += 1
            self.over = self._after >= MOST_AFTER_DEADLINE or b"\n" in data
        return None

    def _is_confident(self, logprob: float) -> bool:
        """Also notes it."""
        least = self.job.request.least_confidence
        if least and self._sum + logprob < (self._tokens + 1) * log(least):
            return False
        self._sum += logprob
        if self.job.request.logprobs or self.job.prepared.given:
            self._logprobs.append(logprob)
        return True

    def finish(self, why: Finish) -> None:
        """Sends the last piece, if it was not sent before."""
        self.over = True
        if not self.answered:
            self._send("" if self._stops.stopped else self._stops.finish(), why)

    def answer_now(self) -> None:
        """At the deadline: sends what is ready as the last piece, and goes on for the cache alone."""
        self._send("" if self._stops.stopped else self._stops.finish(), Finish.DEADLINE)
        self.over = self.alternative > 0

    def _send(self, text: str, why: Finish = Finish.NONE) -> None:
        if self.answered or not (text or why is not Finish.NONE):
            return
        self.answered = why is not Finish.NONE
        reused = self.lease.reused if self.lease else 0
        version = self.job.prepared.served.version
        self.job.send(
            Piece(
                text, version, why, self._tokens, self._prompt_tokens, reused, self.alternative, tuple(self._logprobs)
            )
        )
        self._logprobs.clear()
