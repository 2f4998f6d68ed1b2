"""The gate before both faces: whose token it is, how often it may, and which models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from server.access.limits import Limits
from server.access.tokens import Token, Tokens

ASKING: ContextVar[Token | None] = ContextVar("asking", default=None)
"""Whose request this is; None: tokens are not asked for."""
NO_TOKEN = "a token is needed, as `authorization: Bearer TOKEN`"
"""The same for none, a wrong one and one of a wrong form."""


class NotKnown(Exception):
    """No token, or none of ours."""


class Gate:
    """Without tokens everyone may ask."""

    def __init__(self, tokens: Tokens | None = None, limits: Limits | None = None) -> None:
        self._tokens = tokens
        self._limits = limits or Limits()

    def admit(self, authorization: str) -> Token | None:
        """Whose the header's value is; it is one request of theirs. Raises NotKnown and TooMany."""
        if self._tokens is None:
            return None
        scheme, _, secret = authorization.partition(" ")
        token = self._tokens.find(secret.strip() if scheme.lower() == "bearer" else "")
        if token is None:
            raise NotKnown(NO_TOKEN)
        self._limits.take(token)
        return token

    @contextmanager
    def running(self, token: Token | None) -> Iterator[None]:
        """While the request runs, in its context. Raises TooMany."""
        if token is None:
            yield
            return
        with self._limits.running(token):
            yield


def may_ask(name: str) -> bool:
    """Whether who asks may ask the model of this name."""
    token = ASKING.get()
    return token is None or not token.models or name in token.models


def allowed(names: Iterable[str]) -> list[str]:
    """Those that whoever asks may ask."""
    return list(filter(may_ask, names))
