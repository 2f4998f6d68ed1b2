"""OpenAI's completions, with a suffix, and its list of models."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import Any

import msgspec

from server.request import Piece, Request
from server.served import Served
from server.settings import MAIN
from server.web.asked import Options, Prompt, request, text_of
from server.web.stream import SSE, Done, Totals, reason

MODEL = MAIN
"""Whatever its version. Where it is the only one, any other name is answered, too."""
DEFAULT_TOKENS = 16


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class Completion(msgspec.Struct):
    """The body of /v1/completions."""

    prompt: Prompt = ""
    model: str | None = None
    suffix: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    best_of: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    logprobs: int | bool | None = None
    echo: bool | None = None

    @property
    def wants_logprobs(self) -> bool:
        return self.logprobs is not None and self.logprobs is not False

    def options(self) -> Options:
        """Raises ValueError for what cannot be honoured."""
        if self.echo:
            raise ValueError("echo is not supported: the prompt is not sent back")
        if self.best_of is not None and self.best_of > (self.n or 1):
            raise ValueError("best_of above n is not supported: ask for n alternatives with logprobs")
        if (self.best_of is not None and self.best_of < 1) or (self.logprobs is not None and self.logprobs < 0):
            raise ValueError("best_of is 1 or more, and logprobs is not negative")
        return Options(
            max_tokens=DEFAULT_TOKENS if self.max_tokens is None else self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            n=self.n,
            stop=self.stop,
            seed=self.seed,
            logprobs=self.wants_logprobs,
        )


def asked(body: Completion, served: Served) -> Request:
    """Raises ValueError."""
    return request(text_of(body.prompt, body.suffix, served), body.options())


def copies(body: Completion) -> int:
    """Raises ValueError."""
    return body.options().copies


class Shape:
    """Of one answer."""

    media = SSE

    def __init__(self, body: Completion) -> None:
        self._logprobs = body.wants_logprobs
        self._usage = bool(body.stream_options and body.stream_options.include_usage)
        self._id, self._created = f"cmpl-{secrets.token_hex(12)}", int(time.time())

    def piece(self, piece: Piece, totals: Totals) -> object:
        choices = [self._choice(piece, piece.text, piece.logprobs)]
        return {**self._head(totals), "choices": choices, **({"usage": None} if self._usage else {})}

    def end(self, totals: Totals) -> list[object]:
        last = [{**self._head(totals), "choices": [], "usage": usage(totals)}] if self._usage else []
        return [*last, Done()]

    def whole(self, totals: Totals) -> object:
        choices = [self._choice(piece, text, logprobs) for text, piece, logprobs in totals.choices()]
        return {**self._head(totals), "choices": choices, "usage": usage(totals)}

    def _head(self, totals: Totals) -> dict[str, Any]:
        return {
            "id": self._id, "object": "text_completion", "created": self._created, "model": totals.model or MODEL,
            "system_fingerprint": totals.version,
        }  # fmt: skip

    def _choice(self, piece: Piece, text: str, logprobs: list[float] | tuple[float, ...]) -> object:
        values = {"tokens": None, "token_logprobs": list(logprobs), "top_logprobs": None, "text_offset": None}
        return {
            "text": text, "index": piece.alternative, "logprobs": values if self._logprobs else None,
            "finish_reason": reason(piece),
        }  # fmt: skip


def usage(totals: Totals) -> object:
    tokens = totals.tokens * totals.copies
    return {
        "prompt_tokens": totals.prompt_tokens, "completion_tokens": tokens,
        "total_tokens": totals.prompt_tokens + tokens,
    }  # fmt: skip


def refusal(status: int, message: str) -> object:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def models(names: Iterable[str], since: int) -> object:
    """`names`: of those that are loaded."""
    return {"object": "list", "data": [model(name, since) for name in names]}


def model(name: str, since: int) -> object:
    return {"id": name or MODEL, "object": "model", "created": since, "owned_by": MODEL}
