"""Print the rows of `streams/prepare/licences/bodies.py`: the bodies that are common among licences in some folders.

python -m tests.support.licences.licence_bodies FOLDER …
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

from askalono import identify  # pyright: ignore[reportAttributeAccessIssue]

from streams.prepare.licences.bodies import BODIES, digest
from streams.prepare.licences.texts import BAR, MAX_CHARS, recognise

COMMON = 2
"""Texts with one body, of other copyright lines, titles or names, from which it is worth a row."""
_NAME = re.compile(r"(?:licen[cs]e|copying|copyright)", re.I)


def texts(folders: list[Path]) -> list[str]:
    """The different texts of the licence files under the folders, those that may be code left out."""
    found = {
        path.read_text("utf-8", "replace")
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and _NAME.search(path.name) and path.suffix not in {".py", ".pyc", ".json", ".js", ".ts"}
    }
    return sorted(text for text in found if len(text) < MAX_CHARS)


def rows(folders: list[Path]) -> dict[str, str]:
    """The common bodies, and the expression on which the detector is certain."""
    count: Counter[str] = Counter()
    example: dict[str, str] = {}
    for text in texts(folders):
        count[digest(text)] += 1
        example.setdefault(digest(text), text)
    found: dict[str, str] = {}
    for body, times in count.most_common():
        if times >= COMMON:
            nearest = identify(example[body])
            name = recognise(example[body])
            if nearest is not None and nearest.score >= BAR and name and " " not in name:
                found[body] = name
    return found


if __name__ == "__main__":
    for body, name in sorted((BODIES | rows([Path(name) for name in sys.argv[1:]])).items(), key=lambda row: row[::-1]):
        print(f'    "{body}": "{name}",')
