"""Texts of known similarity, and Frames of signed documents."""

from __future__ import annotations

import random
import re

import xxhash

from streams.document import Document, Source
from streams.frame import Frame, Tally
from streams.index.minhash import sketch

SOURCE = Source("files", "ab" * 16, 0)
STARTS = {SOURCE.key: 0}


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[A-Za-z0-9_]+", text)
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def jaccard(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def texts(pairs: int) -> list[tuple[str, str]]:
    """Pairs of texts of 150 words, the second with a growing share of its words exchanged."""
    chance = random.Random(7)
    made: list[tuple[str, str]] = []
    for n in range(pairs):
        words = [f"w{chance.randrange(5000)}" for _ in range(150)]
        other = [f"x{chance.randrange(5000)}" if chance.random() < 0.1 * n / pairs else w for w in words]
        made.append((" ".join(words), "\n\t".join(other)))
    return made


def document(offset: int, text: str, path: str = "", kind: str = "file") -> Document:
    exact, (signature, shingles) = xxhash.xxh3_128_digest(text.encode()), sketch(text)
    return Document(
        offset=offset, index=0, kind=kind, parts=[], exact=exact, signature=signature, shingles=shingles,
        repository="r", path=path,
    )  # fmt: skip  # pyright: ignore


def frame(documents: list[Document], start: int, upto: int) -> Frame:
    tallies = [Tally(o, sum(d.offset == o for d in documents)) for o in range(start, upto)]
    return Frame(source=SOURCE, start=start, upto=upto, tallies=tallies, documents=documents)
