"""One request while it runs: a prefill chunk or a token at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from server.prompt import build
from server.request import Finish, Piece, Request
from server.served import Served
from server.stops import Stops

CHUNK = 128
"""Tokens of a prefill between two looks at cancellation and deadline."""


class Job:
    """Owned by the engine's thread; `cancel` alone may be called from another."""

    def __init__(self, request: Request, emit: Callable[[Piece | Exception], None]) -> None:
        self.request = request
        self.cancelled = False
        self.finished = False
        self._emit = emit
        self._served: Served | None = None

    def cancel(self) -> None:
        """Ends the request before its next token."""
        self.cancelled = True

    def begin(self, served: Served) -> None:
        """Builds the prompt for the model that this request will end with. Raises ValueError when nothing fits."""
        request, context = self.request, served.manifest.length
        most = min(max(1, request.max_tokens), context // 2)
        manifest = served.manifest
        prompt = build(manifest.format, served.tokenizer, request.path, request.prefix, request.suffix, context - most)
        self._served, self._ids, self._owed = served, prompt.ids, prompt.healed
        self._most, self._tokens = most, 0
        self._cache = served.sessions.take(request.session, served.model)
        self._reused = self._cache.keep_common(prompt.ids)
        self._stops = Stops(request.stop, request.single_line)
        self._generator = torch.Generator().manual_seed(request.seed)
        self._logits_V: Tensor | None = None

    def advance(self) -> None:
        """One chunk or one token. May finish the request."""
        assert self._served is not None
        if self.cancelled:
            return self.finish(Finish.CANCELLED)
        if self.request.deadline is not None and time.monotonic() >= self.request.deadline:
            return self.finish(Finish.DEADLINE)
        if self._logits_V is None:
            return self._prefill(self._served)
        return self._generate(self._served, self._logits_V)

    def fail(self, error: Exception) -> None:
        self.finished = True
        self._emit(error)

    def finish(self, why: Finish) -> None:
        """Sends the last piece and gives the cache back."""
        self.finished = True
        text = ""
        if self._served is not None:
            text = "" if self._stops.stopped else self._stops.finish()
            self._served.sessions.put(self.request.session, self._cache)
        self._send(text, why)

    def _send(self, text: str, why: Finish = Finish.NONE) -> None:
        if self._served is None:
            self._emit(Piece(text, "", why))
        elif text or why is not Finish.NONE:
            self._emit(Piece(text, self._served.version, why, self._tokens, self._prompt_tokens, self._reused))

    @property
    def _prompt_tokens(self) -> int:
        return len(self._ids)

    def _prefill(self, served: Served) -> None:
        at = len(self._cache.ids)
        chunk = self._ids[at : at + CHUNK]
        logits_V = served.model.extend(chunk, self._cache)
        if at + len(chunk) == len(self._ids):
            self._logits_V = logits_V

    def _generate(self, served: Served, logits_V: Tensor) -> None:
        token = self._choose(served, logits_V)
        data = served.tokenizer.bytes_of[token] if token < len(served.tokenizer.bytes_of) else b""
        if not data:  # end-of-text, or another sentinel, after which no text can follow
            return self.finish(Finish.END_OF_TEXT)
        written = min(len(self._owed), len(data))
        self._tokens += written < len(data)  # one that only repeats what is there is not the answer's
        self._owed = self._owed[written:]
        self._send(self._stops.push(data[written:]))
        if self._stops.stopped:
            return self.finish(Finish.STOP)
        if self._tokens >= self._most or len(self._cache.ids) >= served.manifest.length:
            return self.finish(Finish.LENGTH)
        self._logits_V = served.model.extend([token], self._cache)
        return None

    def _choose(self, served: Served, logits_V: Tensor) -> int:
        """Greedy, or drawn at the temperature; while bytes are owed, among the tokens that agree with them."""
        ids = served.spellings.agreeing(self._owed) if self._owed else None
        logits = logits_V[ids] if ids else logits_V
        if self.request.temperature <= 0:
            best = int(logits.argmax())
        else:
            weights = torch.softmax(logits.float() / self.request.temperature, dim=-1)
            best = int(torch.multinomial(weights, 1, generator=self._generator))
        return ids[best] if ids else best
