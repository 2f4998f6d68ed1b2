"""What the engine is asked and what it answers. Plain values: no gRPC and no tensors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import isfinite


class Finish(Enum):
    """Why a completion ended; the numbers are those of the proto's FinishReason."""

    NONE = 0
    END_OF_TEXT = 1
    STOP = 2
    LENGTH = 3
    DEADLINE = 4
    CANCELLED = 5
    CONFIDENCE = 6


class Until(Enum):
    """What a completion is of at most; the numbers are those of the proto's Until."""

    TEXT = 0
    LINE = 1
    STATEMENT = 2
    """The one that the cursor stands in, or the first one that begins behind it, with the blocks that belong to it."""
    SCOPE = 3
    """The rest of the block that the cursor's line belongs to."""


DEFAULT_TOKENS = 64
MOST_STOPS = 64
MOST_STOP = 256
MOST_NAME = 4096
MOST_ALTERNATIVES = 16
MOST_EXTRA = 256
LEAST_TEMPERATURE = 1e-3
"""Below it logits that are divided by it are no numbers any more; nobody can tell it from 0."""


@dataclass(frozen=True)
class Extra:
    """Text of another file that helps: as much of it as fits half of the room comes before the prompt."""

    path: str
    text: str


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
    """The same as Until.LINE."""
    until: Until = Until.TEXT
    top_p: float = 1.0
    """Tokens are drawn among the likeliest whose probabilities, at the temperature, add up to this."""
    alternatives: int = 1
    """Answers to the same prompt, each drawn by itself."""
    least_confidence: float = 0.0
    """The text ends before the first token with which the geometric mean of the probabilities of all tokens of the
    answer so far would be lower. A probability is the model's own, at temperature 1, of all tokens. 0: never."""
    logprobs: bool = False
    """Pieces tell the tokens' log-probabilities."""
    middle: str | None = None
    """What is there already: its tokens are taken in place of the model's own choice, to its end."""
    model: str = ""
    """Which of the models that are served answers; empty: the first."""
    extra: tuple[Extra, ...] = ()
    """Other files, or parts of such, the one that helps most last."""

    def __post_init__(self) -> None:
        """Raises ValueError, whose message is for the client."""
        if not (self.temperature == 0 or LEAST_TEMPERATURE <= self.temperature < 1e6):
            raise ValueError(f"temperature is 0, or from {LEAST_TEMPERATURE} to 1,000,000, and not negative")
        if not (isfinite(self.top_p) and 0 < self.top_p <= 1 and 0 <= self.least_confidence <= 1):
            raise ValueError("top_p is above 0 and at most 1, least_confidence from 0 to 1")
        if self.max_tokens < 0:
            raise ValueError("max_tokens is not negative")
        if len(self.stop) > MOST_STOPS or any(len(stop) > MOST_STOP for stop in self.stop):
            raise ValueError(f"stop has at most {MOST_STOPS} strings of at most {MOST_STOP} characters")
        if max(len(self.path), len(self.session), len(self.language)) > MOST_NAME:
            raise ValueError(f"path, session and language have at most {MOST_NAME} characters")
        if len(self.model) > MOST_NAME:
            raise ValueError(f"model has at most {MOST_NAME} characters")
        if self.middle == "":
            raise ValueError("there is nothing to score: middle is empty")
        if len(self.extra) > MOST_EXTRA or any(len(one.path) > MOST_NAME for one in self.extra):
            raise ValueError(f"extra has at most {MOST_EXTRA} files, whose paths have at most {MOST_NAME} characters")
        if not 1 <= self.alternatives <= MOST_ALTERNATIVES:
            raise ValueError(f"there are from 1 to {MOST_ALTERNATIVES} alternatives")
        if self.alternatives > 1 and not self.temperature:
            raise ValueError("greedy alternatives would all be the same: they need a temperature above 0")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the answer; the last of each alternative has a `finish` other than NONE."""

    text: str
    model_version: str
    finish: Finish = Finish.NONE
    tokens: int = 0
    """Generated so far."""
    prompt_tokens: int = 0
    reused_tokens: int = 0
    """Of the prompt, held by the cache."""
    alternative: int = 0
    """Which one it is a part of, from 0."""
    logprobs: tuple[float, ...] = ()
    """Natural logarithms of the probabilities of the tokens generated since the piece before, where they were asked
    for: the model's own, at temperature 1, of all tokens. A token's text may be held back, and come later."""
