"""Small real parts for the tests of model and server: a byte tokenizer, texts, a two-layer decoder."""

from __future__ import annotations

from functools import cache

from model.tokenizer import Tokenizer, train

WORDS = ("self", "range", "print", "value", "index", "item", "name", "load", "save", "open", "close", "read", "write")


@cache
def texts() -> tuple[str, ...]:
    """Forty small Python files, the same ones every time."""
    made: list[str] = []
    for n in range(40):
        lines = [f"def {WORDS[(n + i) % 13]}_{n % 7}({WORDS[i % 11]}):\n    return {n * i}" for i in range(1 + n % 9)]
        made.append("\n\n\n".join(lines) + "\n")
    return tuple(made)


@cache
def tokenizer() -> Tokenizer:
    """Bytes, StarCoder's sentinels and a few merges."""
    return train(texts(), vocab_size=320)
