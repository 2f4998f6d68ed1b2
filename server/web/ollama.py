"""Ollama's generate, with a suffix or a template, and what its clients ask of models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from server.request import Piece, Request
from server.served import Served
from server.settings import MAIN
from server.web.asked import UNLIMITED, Options, request, text_of
from server.web.stream import NDJSON, Totals, reason

NAME = f"{MAIN}:latest"
VERSION = "0.12.6"
"""The release of Ollama whose shapes these are: clients ask for one."""
USUAL_TEMPERATURE = 0.8


class Parameters(msgspec.Struct):
    """`options`; what is not here is passed over."""

    num_predict: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None


class Generate(msgspec.Struct):
    """The body of /api/generate."""

    model: str = NAME
    prompt: str | None = None
    suffix: str | None = None
    options: Parameters | None = None
    stream: bool | None = True

    @property
    def only_loads(self) -> bool:
        """Nothing is asked: Ollama then brings the model into memory."""
        return not self.prompt and not self.suffix


class Show(msgspec.Struct):
    """The body of /api/show."""

    model: str | None = None
    name: str | None = None


def asked(body: Generate, served: Served) -> Request:
    """Raises ValueError."""
    given = body.options or Parameters()
    most = given.num_predict
    if most is not None and most < -2:
        raise ValueError("num_predict is not negative, but -1 and -2, which are no limit")
    options = Options(
        max_tokens=0 if body.only_loads else UNLIMITED if most is None or most < 0 else most,
        temperature=given.temperature,
        usual=USUAL_TEMPERATURE,
        top_p=given.top_p,
        stop=given.stop,
        seed=given.seed,
    )
    return request(text_of(body.prompt or "", body.suffix, served), options)


class Shape:
    """Of one answer."""

    media = NDJSON

    def __init__(self, body: Generate) -> None:
        self._model, self._only_loads = body.model, body.only_loads

    def piece(self, piece: Piece, totals: Totals) -> object | None:
        return {**self._head(), "response": piece.text, "done": False} if piece.text else None

    def end(self, totals: Totals) -> list[object]:
        return [self._final("", totals)]

    def whole(self, totals: Totals) -> object:
        return self._final("".join(totals.texts[0]), totals)

    def _head(self) -> dict[str, Any]:
        return {"model": self._model, "created_at": _stamp(datetime.now(UTC))}

    def _final(self, text: str, totals: Totals) -> object:
        why = "load" if self._only_loads else reason(totals.last[0]) or "length"
        head = {**self._head(), "response": text, "done": True, "done_reason": why}
        if self._only_loads:
            return head
        read, written = (_ns(totals.first - totals.began), _ns(totals.ended - totals.first))
        return {
            **head, "total_duration": read + written, "load_duration": 0, "prompt_eval_count": totals.prompt_tokens,
            "prompt_eval_duration": read, "eval_count": totals.tokens, "eval_duration": written,
        }  # fmt: skip


def _ns(seconds: float) -> int:
    return max(0, int(seconds * 1e9))


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def refusal(status: int, message: str) -> object:
    return {"error": message}


def _details(served: Served) -> dict[str, Any]:
    count = served.model.spec.parameters
    size = f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.1f}M"
    return {
        "parent_model": "", "format": "safetensors", "family": "midstream", "families": ["midstream"],
        "parameter_size": size, "quantization_level": "",
    }  # fmt: skip


def tags(models: Mapping[str, Served], since: int) -> object:
    """`models`: those that are loaded."""
    return {"models": [_tag(f"{name}:latest" if name else NAME, served, since) for name, served in models.items()]}


def _tag(name: str, served: Served, since: int) -> object:
    return {
        "name": name, "model": name, "modified_at": _stamp(datetime.fromtimestamp(since, UTC)), "size": 0,
        "digest": served.version, "details": _details(served),
    }  # fmt: skip


def show(served: Served, since: int) -> object:
    """Before they send a suffix, clients look for `.Suffix` in the template or for `insert` among the capabilities."""
    fmt = served.manifest.format
    infills = bool(fmt.orders)
    template = f"{fmt.prefix}{{{{ .Prompt }}}}{fmt.suffix}{{{{ .Suffix }}}}{fmt.middle}" if infills else "{{ .Prompt }}"
    return {
        "modelfile": f"FROM {NAME}\n", "parameters": f"num_ctx                        {served.manifest.length}",
        "template": template, "details": _details(served),
        "model_info": {
            "general.architecture": "midstream",
            "general.parameter_count": served.model.spec.parameters,
            "midstream.context_length": served.manifest.length,
        },
        "capabilities": ["completion", "insert"] if infills else ["completion"],
        "modified_at": _stamp(datetime.fromtimestamp(since, UTC)),
    }  # fmt: skip


def version() -> object:
    return {"version": VERSION}
