"""llama.cpp's server as its editor plug-ins know it: /infill, /completion, /health, /props."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from server.request import MOST_EXTRA, Extra, Finish, Piece, Request
from server.served import Served
from server.web.asked import UNLIMITED, Options, Prompt, Text, request, text_of
from server.web.openai import MODEL
from server.web.stream import SSE, Totals

USUAL_TEMPERATURE = 0.8
MOST_FIELDS = 256
"""That are chosen of an answer."""
ENDS = {Finish.STOP: "word", Finish.END_OF_TEXT: "eos", Finish.CONFIDENCE: "eos"}
"""`stop_type`; any other end is a limit."""


class ExtraText(msgspec.Struct):
    """A piece of another file."""

    text: str
    filename: str | None = None


class Completion(msgspec.Struct, kw_only=True):
    """The body of /completion."""

    prompt: Prompt = ""
    model: str | None = None
    n_predict: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n_cmpl: int | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    stream: bool | None = None
    t_max_prompt_ms: float | None = None
    t_max_predict_ms: float | None = None
    id_slot: int | None = None
    response_fields: list[str] | None = None

    def options(self, host: str, arrived: float) -> Options:
        """Raises ValueError. A slot is the client's own: `host` is where it runs."""
        if len(self.response_fields or ()) > MOST_FIELDS:
            raise ValueError(f"response_fields are at most {MOST_FIELDS}")
        most = self.n_predict if self.n_predict is not None else self.max_tokens
        if most is not None and most < -2:
            raise ValueError("n_predict is not negative, but -1, which is no limit")
        heat = self.temperature
        return Options(
            max_tokens=UNLIMITED if most is None or most < 0 else most,
            temperature=0.0 if heat is not None and heat < 0 else heat,
            usual=USUAL_TEMPERATURE,
            top_p=self.top_p,
            n=self.n_cmpl if self.n_cmpl is not None else self.n,
            stop=self.stop,
            seed=None if self.seed == -1 else self.seed,
            deadline=self._deadline(arrived),
            session=f"slot-{self.id_slot}@{host}" if self.id_slot is not None and self.id_slot >= 0 else "",
        )

    def _deadline(self, arrived: float) -> float | None:
        """What the client gives to the prompt and to the answer; below 0, as 0, is no limit."""
        limit = max(0.0, self.t_max_predict_ms or 0)
        return arrived + (limit + max(0.0, self.t_max_prompt_ms or 0)) / 1000 if limit else None


class Infill(Completion, kw_only=True):
    """The body of /infill; the prompt is what of the middle is there already."""

    prompt: str = ""  # pyright: ignore[reportIncompatibleVariableOverride]
    input_prefix: str = ""
    input_suffix: str = ""
    input_extra: list[ExtraText] | None = None


def asked(body: Completion, served: Served, host: str, arrived: float) -> Request:
    """Raises ValueError."""
    if isinstance(body, Infill):
        if len(body.input_extra or ()) > MOST_EXTRA:
            raise ValueError(f"input_extra has at most {MOST_EXTRA} files")
        extra = tuple(Extra(one.filename or "", one.text) for one in body.input_extra or ())
        text = Text(body.input_prefix + body.prompt, body.input_suffix, extra=extra)
    else:
        text = text_of(body.prompt, None, served)
    return request(text, body.options(host, arrived))


def copies(body: Completion) -> int:
    """Raises ValueError."""
    return body.options("", 0.0).copies


class Shape:
    """Of one answer."""

    media = SSE

    def __init__(self, body: Completion) -> None:
        self._fields, self._slot = body.response_fields, body.id_slot
        self._is_many = (body.n_cmpl or body.n or 1) > 1

    def piece(self, piece: Piece, totals: Totals) -> object:
        if piece.finish is not Finish.NONE:
            return self._final(piece.text, piece, totals)
        return {
            "content": piece.text, "index": piece.alternative, "tokens": [], "stop": False, "id_slot": self._slot or 0,
            "tokens_predicted": piece.tokens, "tokens_evaluated": totals.prompt_tokens,
        }  # fmt: skip

    def end(self, totals: Totals) -> list[object]:
        """The last pieces have said all; without any, as when a prompt is only read, it is said here."""
        if any(piece.finish is not Finish.NONE for piece in totals.last):
            return []
        return [self._final(text, piece, totals) for text, piece, _ in totals.choices()]

    def whole(self, totals: Totals) -> object:
        finals = [self._final(text, piece, totals) for text, piece, _ in totals.choices()]
        return finals if self._is_many else finals[0]

    def _final(self, text: str, piece: Piece, totals: Totals) -> object:
        content = {
            "content": text, "index": piece.alternative, "tokens": [], "id_slot": self._slot or 0, "stop": True,
            "model": totals.model or MODEL, "tokens_predicted": piece.tokens, "tokens_evaluated": totals.prompt_tokens,
            "generation_settings": {"model": totals.version}, "prompt": "", "has_new_line": "\n" in text,
            "truncated": False, "stop_type": ENDS.get(piece.finish, "limit"), "stopping_word": "",
            "tokens_cached": totals.prompt_tokens + piece.tokens, "timings": _timings(piece, totals),
        }  # fmt: skip
        return content if not self._fields else _chosen(content, self._fields)


def _chosen(content: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The fields of these names; `a/b` is b of a, under that name."""
    chosen = dict[str, Any]()
    for name in names:
        value: Any = content
        for part in name.split("/"):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            chosen[name] = value
    return chosen


def _timings(piece: Piece, totals: Totals) -> dict[str, float]:
    now = time.monotonic()
    first = totals.first or now
    read, written = (first - totals.began) * 1000, ((totals.ended or now) - first) * 1000
    computed = max(0, totals.prompt_tokens - piece.reused_tokens)
    return {
        "cache_n": piece.reused_tokens,
        **_rates("prompt", computed, read),
        **_rates("predicted", piece.tokens, written),
    }


def _rates(name: str, tokens: int, milliseconds: float) -> dict[str, float]:
    return {
        f"{name}_n": tokens,
        f"{name}_ms": milliseconds,
        f"{name}_per_token_ms": milliseconds / tokens if tokens else 0.0,
        f"{name}_per_second": tokens * 1000 / milliseconds if milliseconds else 0.0,
    }


def refusal(status: int, message: str) -> object:
    kinds = {404: "not_found_error", 501: "not_supported_error", 503: "unavailable_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"code": status, "message": message, "type": kind}}


def props(served: Served) -> object:
    context = served.manifest.length
    settings = {"n_ctx": context, "params": {"n_predict": -1, "temperature": 0.0, "top_p": 1.0}}
    return {
        "default_generation_settings": settings, "total_slots": 1, "model_alias": MODEL, "model_path": served.version,
        "chat_template": "", "modalities": {"vision": False, "audio": False}, "build_info": MODEL,
        "is_sleeping": False,
    }  # fmt: skip
