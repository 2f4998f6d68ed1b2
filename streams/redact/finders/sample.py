"""An example of what an expression of a vendor's key matches: the same each time, and a key of nobody."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\\(?P<escape>.)|\[(?P<set>(?:\\.|[^\]])+)\]|(?P<open>\((?:\?:)?)|(?P<bar>\|)|(?P<close>\))|(?P<one>.)", re.S
)
_REPEAT = re.compile(r"\{(\d+)(?:,\d*)?\}|[?*+]")
_LETTERS = "q7Zk3XvB9mTc5WpR2nLd8HsF4jGy6QaKbN1xVtPfCzMwDhJrSgYoEuAiUIOe0lS"
"""In an order that no word has."""


def example(pattern: str) -> str:
    """Of an expression of literals, sets, groups and counts; of several branches the first."""
    made, at = _row(pattern, 0, 0)
    assert at == len(pattern), pattern
    return made


def _row(pattern: str, at: int, seed: int) -> tuple[str, int]:
    """What stands up to a `|` or the end of the group; the rest of the branches is passed over."""
    out: list[str] = []
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        assert token is not None
        if token["close"]:
            break
        if token["bar"]:
            return "".join(out), _end(pattern, at)
        at = token.end()
        if token["open"]:
            inner, at = _row(pattern, at, seed)
            at += 1
            choices = inner
            repeat = _REPEAT.match(pattern, at)
            out.append(inner * _count(repeat) if repeat else inner)
        else:
            choices = _choices(token)
            repeat = _REPEAT.match(pattern, at)
            count = _count(repeat) if repeat else 1
            out.append("".join(choices[(seed * 31 + n * n * 7 + n * 13 + n // 3) % len(choices)] for n in range(count)))
        seed += len(out[-1]) + 3
        at = repeat.end() if repeat else at
    return "".join(out), at


def _end(pattern: str, at: int) -> int:
    depth = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        assert token is not None
        depth += bool(token["open"]) - bool(token["close"])
        if depth < 0:
            return at
        at = token.end()
    return at


def _count(repeat: re.Match[str]) -> int:
    return int(repeat[1]) if repeat[1] else int(repeat[0] == "+")


def _choices(token: re.Match[str]) -> str:
    if token["one"]:
        return token["one"]
    if token["escape"]:
        return {"d": "7305918264", "w": _LETTERS}.get(token["escape"], token["escape"])
    allowed = re.compile(f"[{token['set']}]")
    return "".join(c for c in _LETTERS if allowed.match(c)) or next(
        c for c in map(chr, range(33, 127)) if allowed.match(c)
    )
