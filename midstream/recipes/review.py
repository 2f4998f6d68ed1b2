"""Samples of what a recipe keeps and drops, for people to look through; their marks are kept (StarCoder's inspection by
hand)."""

from __future__ import annotations

import heapq
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from streams.document import Document
    from streams.prepare.recipes.recipe import Recipe

MARKS = ("good", "bad", "unsure")


class Shown(msgspec.Struct, frozen=True):
    """A document as it is shown; the text is not kept with the mark."""

    id: str
    recipe: str
    language: str
    verdict: str
    """kept, or the rule that dropped it."""
    path: str
    reason: str = ""
    text: str = ""


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person thought of a document's verdict."""

    id: str
    recipe: str
    language: str
    verdict: str
    mark: str


def choose(documents: Iterable[Document], recipe: Recipe, each: int, by_rule: bool) -> list[Shown]:
    """`each` documents of every language and verdict (kept or dropped; each rule by itself with `by_rule`)."""
    from streams.prepare.identity import identity
    from streams.prepare.prepare import rule_input

    strata: dict[tuple[str, str], list[tuple[int, int, Shown]]] = {}
    for number, document in enumerate(documents):
        name = identity(document)
        seen = rule_input(document, recipe)
        verdict = recipe.judge(seen)
        language = (document.language or "unknown") if document.kind in ("file", "commit") else document.kind
        told = "kept" if verdict is None else verdict.rule
        shown = Shown(
            name.hex()[:12], recipe.name, language, told, f"{document.repository} {document.path or document.thread}",
            verdict.reason if verdict else "", seen.text,
        )  # fmt: skip
        heap = strata.setdefault((language, told if by_rule or told == "kept" else "dropped"), [])
        entry = (-int.from_bytes(name[:8], "big"), -number, shown)
        (heapq.heappush if len(heap) < each else heapq.heappushpop)(heap, entry)
    return [shown for key in sorted(strata) for *_, shown in sorted(strata[key], reverse=True)]


def marks(path: Path) -> list[Mark]:
    """The marks of a file, the last of each document; none where there is no file. Raises ValueError."""
    if not path.exists():
        return []
    kept: dict[tuple[str, str], Mark] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            mark = msgspec.json.decode(line, type=Mark)
        except msgspec.DecodeError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        kept[mark.id, mark.recipe] = mark
    return list(kept.values())


def add(path: Path, shown: Shown, mark: str) -> None:
    """Writes one mark behind the others; only its owner can read the file."""
    line = msgspec.json.encode(Mark(shown.id, shown.recipe, shown.language, shown.verdict, mark))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(line + b"\n")


def shares(given: Iterable[Mark]) -> Iterator[tuple[str, str, str, int, dict[str, float]]]:
    """(recipe, language, kept or dropped, how many, share of each mark), `all` behind a recipe's languages."""
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for mark in given:
        verdict = "kept" if mark.verdict == "kept" else "dropped"
        for language in (mark.language, "all"):
            counts.setdefault((mark.recipe, language, verdict), Counter())[mark.mark] += 1
    for (recipe, language, verdict), marked in sorted(counts.items(), key=lambda row: (row[0][0], row[0][1] == "all")):
        total = marked.total()
        yield recipe, language, verdict, total, {name: marked[name] / total for name in MARKS}
