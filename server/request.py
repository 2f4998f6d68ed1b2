"""What the engine is asked and what it answers. Plain values: no gRPC and no tensors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Finish(Enum):
    """Why a completion ended; the names are those of the proto's FinishReason."""

    NONE = 0
    END_OF_TEXT = 1
    STOP = 2
    LENGTH = 3
    DEADLINE = 4
    CANCELLED = 5


DEFAULT_TOKENS = 64


@dataclass(frozen=True)
class Request:
    """One completion."""

    prefix: str
    suffix: str = ""
    path: str = ""
    language: str = ""
    max_tokens: int = DEFAULT_TOKENS
    """At least 1; cut to half of the context."""
    temperature: float = 0.0
    """0: greedy."""
    seed: int = 0
    stop: tuple[str, ...] = ()
    """The text ends before the first of these."""
    deadline: float | None = None
    """On the clock of time.monotonic: what is ready then is the answer."""
    session: str = ""
    """A newer request of a session cancels the older one. Empty: none."""
    single_line: bool = False


@dataclass(frozen=True)
class Piece:
    """A part of the answer; the last has a `finish` other than NONE."""

    text: str
    model_version: str
    finish: Finish = Finish.NONE
    tokens: int = 0
    """Generated so far."""
    prompt_tokens: int = 0
    reused_tokens: int = 0
    """Of the prompt, held by the session's cache."""
