"""Mistral's fill-in-the-middle endpoint: a prompt and a suffix, answered in the shape of a chat."""

from __future__ import annotations

import secrets
import time
from typing import Any

import msgspec

from server.request import Piece, Request
from server.served import Served
from server.web.asked import UNLIMITED, Options, request, text_of
from server.web.openai import MODEL, usage
from server.web.stream import SSE, Done, Totals, reason


class Fim(msgspec.Struct):
    """The body of /v1/fim/completions."""

    prompt: str
    model: str | None = None
    suffix: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stream: bool | None = None
    stop: str | list[str] | None = None
    random_seed: int | None = None


def asked(body: Fim, served: Served) -> Request:
    """Raises ValueError."""
    options = Options(
        max_tokens=UNLIMITED if body.max_tokens is None else body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        stop=body.stop,
        seed=body.random_seed,
    )
    return request(text_of(body.prompt, body.suffix, served), options)


class Shape:
    """Of one answer."""

    media = SSE

    def __init__(self, body: Fim) -> None:
        self._id, self._created = secrets.token_hex(16), int(time.time())

    def piece(self, piece: Piece, totals: Totals) -> object:
        choice = {
            "index": piece.alternative, "delta": {"role": "assistant", "content": piece.text},
            "finish_reason": reason(piece),
        }  # fmt: skip
        last = {} if choice["finish_reason"] is None else {"usage": usage(totals)}
        return {**self._head("chat.completion.chunk", totals), "choices": [choice], **last}

    def end(self, totals: Totals) -> list[object]:
        return [Done()]

    def whole(self, totals: Totals) -> object:
        choices = [
            {
                "index": piece.alternative,
                "message": {"role": "assistant", "content": text, "tool_calls": None, "prefix": False},
                "finish_reason": reason(piece) or "length",
            }
            for text, piece, _ in totals.choices()
        ]
        return {**self._head("chat.completion", totals), "choices": choices, "usage": usage(totals)}

    def _head(self, kind: str, totals: Totals) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": totals.model or MODEL}


def refusal(status: int, message: str) -> object:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"object": "error", "message": message, "type": kind, "param": None, "code": None}
