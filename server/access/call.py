"""What is noted of one request, by both faces: numbers and names of ours, and nothing of a text."""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from server.access.tokens import Token
from server.engine.job import Job
from server.request import Finish, Piece

logger = logging.getLogger("midstream.access")

CALL: ContextVar[Call | None] = ContextVar("call", default=None)
"""The one that is answered."""


@dataclass(eq=False)
class Call:
    """While it runs. Seconds are on the clock of time.monotonic."""

    face: str
    """`grpc` or `http`."""
    route: str
    """The method, or the path as the program has it."""
    token: Token | None = None
    began: float = field(default_factory=time.monotonic)
    at: float = field(default_factory=time.time)
    """The same in seconds since 1970."""
    traceparent: str = ""
    """W3C's header of that name: the trace and the span that it is a part of."""
    job: Job | None = None
    """None: nothing was asked of an engine."""
    lasts: dict[int, Piece] = field(default_factory=dict)
    """The last piece so far of each alternative."""
    first: float = 0.0
    """When the first piece came; 0: none has."""
    over: float = 0.0
    """When it was over; 0: it runs."""
    refused: str = ""
    """The status, where it was no good one."""
    is_whole: bool = False
    """Everything was sent."""

    def asked(self, job: Job) -> None:
        self.job = job

    def piece(self, piece: Piece) -> None:
        self.first = self.first or time.monotonic()
        self.lasts[piece.alternative] = piece

    @property
    def end(self) -> str:
        """Why it ended, in a word: a finish, a status, `ok` for what generates nothing; `cancelled`: who asked went
        away, or a newer request took its place."""
        if self.refused:
            return self.refused
        if not self.is_whole:
            return "cancelled"
        finishes = [piece.finish for piece in self.lasts.values()]
        if Finish.NONE in finishes:
            return "failed"
        if Finish.CANCELLED in finishes:
            return "cancelled"
        return finishes[0].name.lower() if finishes else "ok"

    @property
    def model(self) -> str:
        return self.job.request.model if self.job else ""

    @property
    def version(self) -> str:
        return self.job.prepared.served.version if self.job else ""

    @property
    def prompt_tokens(self) -> int:
        return len(self.job.prepared.prompt.ids) if self.job else 0

    @property
    def reused_tokens(self) -> int:
        """Of the prompt; other alternatives find all of it there."""
        return self.lasts[0].reused_tokens if 0 in self.lasts else 0

    @property
    def generated_tokens(self) -> int:
        return sum(piece.tokens for piece in self.lasts.values())

    @property
    def queued_s(self) -> float | None:
        """From its arrival at the engine to its first step; None: it had none. 0 where it was another's answer."""
        return max(0.0, self.job.begun - max(self.began, self.job.arrived)) if self.job and self.job.begun else None

    @property
    def first_s(self) -> float | None:
        return self.first - self.began if self.first else None

    @property
    def whole_s(self) -> float:
        return (self.over or time.monotonic()) - self.began

    def line(self) -> str:
        """For the log."""
        said = {
            "face": self.face,
            "route": self.route,
            "token": self.token.name if self.token else "-",
            "model": self.model or "-",
            "version": self.version or "-",
            "prompt": self.prompt_tokens,
            "reused": self.reused_tokens,
            "generated": self.generated_tokens,
            "queue_ms": _ms(self.queued_s),
            "first_ms": _ms(self.first_s),
            "whole_ms": _ms(self.whole_s),
            "end": self.end,
        }
        return " ".join(f"{name}={value}" for name, value in said.items())


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}"


def log(call: Call) -> None:
    """One line a request."""
    logger.info("%s", call.line())
