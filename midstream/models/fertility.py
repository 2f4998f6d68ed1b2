"""Fertility: how many bytes a token stands for, language by language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from model.tokens.tokenizer import Tokenizer


@dataclass
class Fertility:
    """Of all texts of one language."""

    language: str
    documents: int = 0
    bytes: int = 0
    """UTF-8."""
    tokens: int = 0
    lines: int = 0

    @property
    def bytes_a_token(self) -> float:
        return self.bytes / max(1, self.tokens)

    @property
    def tokens_a_line(self) -> float:
        return self.tokens / max(1, self.lines)


def fertility(tokenizer: Tokenizer, texts: Iterable[tuple[str, str]]) -> list[Fertility]:
    """One for each language of the (language, text) pairs, the largest first, and behind them `all`."""
    by_language: dict[str, Fertility] = {}
    total = Fertility("all")
    for language, text in texts:
        name = language or "unknown"
        size, tokens = len(text.encode("utf-8", "replace")), tokenizer.array(text).size
        for row in (by_language.setdefault(name, Fertility(name)), total):
            row.documents += 1
            row.bytes += size
            row.tokens += tokens
            row.lines += text.count("\n") + (not text.endswith("\n"))
    return [*sorted(by_language.values(), key=lambda row: (-row.bytes, row.language)), total]
