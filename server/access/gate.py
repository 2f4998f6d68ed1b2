"""The gate before both faces: whose token it is, how often it may, and which models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from server.access.call import CALL, Call, log
from server.access.limits import Limits
from server.access.tokens import Tokens

NO_TOKEN = "a token is needed, as `authorization: Bearer TOKEN`"
"""The same for none, a wrong one and one of a wrong form."""


class NotKnown(Exception):
    """No token, or none of ours."""


class Gate:
    """Without tokens everyone may ask."""

    def __init__(self, tokens: Tokens | None = None, limits: Limits | None = None) -> None:
        """`told`, which may be added to, is called once with each request, when it is over."""
        self.told: list[Callable[[Call], None]] = [log]
        self._tokens = tokens
        self._limits = limits or Limits()

    def admit(self, authorization: str, call: Call) -> None:
        """Notes whose the header's value is; it is one request of theirs. Raises NotKnown and TooMany."""
        if self._tokens is None:
            return
        scheme, _, secret = authorization.partition(" ")
        token = self._tokens.find(secret.strip() if scheme.lower() == "bearer" else "")
        if token is None:
            raise NotKnown(NO_TOKEN)
        call.token = token
        self._limits.take(token)

    @contextmanager
    def running(self, call: Call) -> Iterator[None]:
        """While the request runs, in its context. Raises TooMany."""
        CALL.set(call)
        if call.token is None:
            yield
            return
        with self._limits.running(call.token):
            yield

    def end(self, call: Call) -> None:
        """It is over. What comes later counts no more."""
        if call.over:
            return
        call.over = time.monotonic()
        for told in self.told:
            told(call)


def may_ask(name: str) -> bool:
    """Whether who asks may ask the model of this name."""
    call = CALL.get()
    token = call and call.token
    return token is None or not token.models or name in token.models


def allowed(names: Iterable[str]) -> list[str]:
    """Those that whoever asks may ask."""
    return list(filter(may_ask, names))
