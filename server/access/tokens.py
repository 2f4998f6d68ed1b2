"""Tokens of those who may ask: a file with one line for each, which holds hashes and no token.

NAME sha256:HEX [rate=N/s | rate=N/m] [concurrent=N] [models=NAME,NAME]
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger("midstream.server")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_RATE = re.compile(r"([1-9][0-9]{0,5})/([sm])")
_COUNT = re.compile(r"[1-9][0-9]{0,4}")
PREFIX = "mds_"
"""Of each token, by which scanners for secrets find it."""
RANDOM_BYTES = 32
MOST_BYTES = 4 * 1024 * 1024
"""Of a file of tokens."""


class TokensError(ValueError):
    """The file cannot be used; the message names it, the line and the reason."""


@dataclass(frozen=True)
class Token:
    """One who may ask."""

    name: str
    digest: bytes = field(repr=False)
    """SHA-256 of the token: it is long and random, so nothing slower is needed."""
    rate: float = 0.0
    """Requests a second; 0: no limit."""
    burst: int = 0
    """Requests that may come at once, after a pause."""
    concurrent: int = 0
    """Requests that run at once; 0: no limit."""
    models: frozenset[str] = frozenset()
    """Names of those that may be asked; empty: all."""


def new(name: str) -> tuple[str, str]:
    """A new token and its line for the file. Raises ValueError for a name that is none."""
    if not NAME.fullmatch(name):
        raise ValueError(f"a name has letters, digits, `.`, `_`, `@`, `-`, at most 64, not {name!r}")
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    return token, f"{name} sha256:{_digest(token).hex()}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


class Tokens:
    """Those of a file, which is read again when it has changed. A file that cannot be used is named in the log, and
    those that were read before stay."""

    def __init__(self, path: Path, models: Collection[str] = ()) -> None:
        """`models`: those that there are; others that a token names are said. Raises TokensError."""
        self._path, self._models = path, models
        self._state = _state(path)
        self._tokens = self._read()

    def find(self, token: str) -> Token | None:
        """Compares with every one, so that the time tells nothing."""
        self._refresh()
        digest, found = _digest(token), None
        for one in self._tokens:
            if hmac.compare_digest(one.digest, digest):
                found = one
        return found

    def _refresh(self) -> None:
        state = _state(self._path)
        if state == self._state:
            return
        self._state = state
        try:
            self._tokens = self._read()
            logger.info("%s: %d tokens", self._path, len(self._tokens))
        except TokensError as error:
            logger.error("the tokens that were read before stay: %s", error)

    def _read(self) -> tuple[Token, ...]:
        tokens = read(self._path)
        for token in tokens:
            if self._models and (others := sorted(token.models - set(self._models))):
                logger.warning("%s: %s may ask %s, which is not served", self._path, token.name, ", ".join(others))
        return tokens


def _state(path: Path) -> tuple[int, ...] | None:
    """What changes when the file does; None: it is not there."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino, about.st_mode, about.st_uid


def read(path: Path) -> tuple[Token, ...]:
    """All tokens of the file. Raises TokensError."""
    try:
        with open(path, "rb", opener=_at_once) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise TokensError(f"{path} is no file")
            if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise TokensError(f"{path} must be readable by its owner alone: chmod 600 {path}")
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise TokensError(f"{path}: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise TokensError(f"{path} has more than {MOST_BYTES:,} bytes")
    return parse(data.decode(errors="replace"), str(path))


def _at_once(path: str, flags: int) -> int:
    """A pipe is not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parse(text: str, where: str) -> tuple[Token, ...]:
    """Of the file's text; empty lines and those that begin with `#` are passed over. Raises TokensError."""
    tokens: list[Token] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            token = _parsed(line.split())
        except ValueError as error:
            raise TokensError(f"{where}, line {number}: {error}") from None
        if any(token.name == one.name for one in tokens):
            raise TokensError(f"{where}, line {number}: there are two tokens of the name {token.name}")
        if any(token.digest == one.digest for one in tokens):
            raise TokensError(f"{where}, line {number}: the token of {token.name} is another's, too")
        tokens.append(token)
    return tuple(tokens)


def _parsed(words: list[str]) -> Token:
    """Raises ValueError. No word is repeated in the message: it might be a token that was put there by mistake."""
    name, *rest = words
    if not NAME.fullmatch(name) or not rest or not (digest := _DIGEST.fullmatch(rest[0])):
        raise ValueError("a line is NAME sha256:HEX, then rate=N/s or rate=N/m, concurrent=N, models=NAME,NAME")
    given: dict[str, str] = {}
    for word in rest[1:]:
        key, _, value = word.partition("=")
        given[key] = value
    if len(given) < len(rest) - 1 or not given.keys() <= {"rate", "concurrent", "models"}:
        raise ValueError("behind the hash stand rate=, concurrent=, models=, each once at most")
    rate = _RATE.fullmatch(given.get("rate", "1/s"))
    concurrent = _COUNT.fullmatch(given.get("concurrent", "1"))
    models = frozenset(given["models"].split(",")) if "models" in given else frozenset[str]()
    if rate is None:
        raise ValueError("rate is N/s or N/m, a whole number from 1 to 999,999")
    if concurrent is None:
        raise ValueError("concurrent is a whole number from 1 to 99,999")
    if "" in models:
        raise ValueError("models are names with commas between them")
    count = int(rate[1]) if "rate" in given else 0
    return Token(
        name, bytes.fromhex(digest[1]), count / (1 if rate[2] == "s" else 60), count,
        int(concurrent[0]) if "concurrent" in given else 0, models,
    )  # fmt: skip
