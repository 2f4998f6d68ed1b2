"""What secrets are planted in: windows of real files, and settings whose names are those of real files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from common.canary.draw import below, ordered, pick
from common.pii.hosts import UNCLEAN, places_in, texts
from midstream.demo.corpus import Pin

SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "python": (".py",), "javascript": (".js", ".mjs"), "typescript": (".ts", ".tsx"), "java": (".java",),
    "kotlin": (".kt",), "csharp": (".cs",), "markdown": (".md",),
}  # fmt: skip
LEAST, LONGEST = 6, 110
"""Lines of a window, and one for two secrets; the longest one, characters."""
LARGEST = 200_000
"""Characters of a file that windows are taken from."""
TRIES = 300
_DROPPED = re.compile(r"(?i)generated|do not edit|vendor|/dist/")
"""What rules of the stream may drop."""
_NAME = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b|\b[a-z]{5,12}\b")


@dataclass(frozen=True)
class Settings:
    """One kind of settings file: how a name and a number stand in it, what is around, what it is called."""

    line: Callable[[str, int], str]
    path: str
    head: str = ""
    foot: str = ""


SETTINGS: Mapping[str, Settings] = {
    "env": Settings(lambda name, value: f"{name.upper()}={value}", "deploy/{}.env"),
    "yaml": Settings(lambda name, value: f"{name}: {value}", "config/{}.yaml"),
    "json": Settings(lambda name, value: f'  "{name}": {value},', "config/{}.json", "{\n", '  "end": 0\n}\n'),
    "ini": Settings(lambda name, value: f"{name} = {value}", "config/{}.ini", "[server]\n"),
    "shell": Settings(lambda name, value: f"./run --{name.replace('_', '-')} {value}", "scripts/{}.sh", "#!/bin/sh\n"),
}


@dataclass(frozen=True)
class Host:
    """A document before it is planted: `pieces` with a secret's line between each two, behind its `indents`."""

    path: str
    pieces: tuple[str, ...]
    indents: tuple[str, ...]


class Hosts:
    """Real files of packages, by language; which one a document has is a keyed hash of its number."""

    def __init__(self, folders: dict[Pin, Path]) -> None:
        self._files = {language: list(texts(folders, suffixes)) for language, suffixes in SUFFIXES.items()}
        self._places: dict[tuple[str, str], list[int]] = {}

    def host(self, kind: str, number: int, count: int) -> Host:
        """Of the document of this number, for so many secrets. Raises LookupError where no file has a clean place."""
        return self._settings(kind, number, count) if kind in SETTINGS else self._code(kind, number, count)

    def _code(self, language: str, number: int, count: int) -> Host:
        path, lines, start, size = self._window(language, number, count)
        inside = [at - start for at in self._places[language, path] if start <= at < start + size]
        chosen = sorted(pick(inside, "place", language, number, n) for n in range(count))
        window = lines[start : start + size]
        cuts = [0, *chosen, size]
        pieces = tuple("".join(window[a:b]) for a, b in pairwise(cuts))
        return Host(path, pieces, tuple(_indent(window[at]) for at in chosen))

    def _window(self, language: str, number: int, count: int) -> tuple[str, list[str], int, int]:
        files = self._files[language]
        for attempt in range(TRIES):
            path, text = pick(files, "file", language, number, attempt)
            lines = text[:LARGEST].splitlines(keepends=True)
            size = min(LEAST + count // 2, len(lines))
            start = below(len(lines) - size + 1, "window", language, number, attempt)
            window = "".join(lines[start : start + size])
            if (
                UNCLEAN.search(window)
                or _DROPPED.search(path + window)
                or len(window) > LONGEST * size
                or max(map(len, lines[start:][:size])) > LONGEST
            ):
                continue
            if any(start <= at < start + size for at in self._of(language, path, text)):
                return path, lines, start, size
        raise LookupError(f"no clean place in {language}")

    def _of(self, language: str, path: str, text: str) -> list[int]:
        """The lines before which something can be put in."""
        key = language, path
        if key not in self._places:
            kind = "shell" if language == "markdown" else language  # behind empty lines
            self._places[key] = places_in(kind, text[:LARGEST], text[:LARGEST].split("\n"))
        return self._places[key]

    def _settings(self, kind: str, number: int, count: int) -> Host:
        settings = SETTINGS[kind]
        names = self._names(number, LEAST + count // 2)
        lines = [settings.line(name, below(10_000, "number", kind, number, name)) + "\n" for name in names]
        cuts = [0, *sorted(below(len(lines), "place", kind, number, n) for n in range(count)), len(lines)]
        pieces = ["".join(lines[a:b]) for a, b in pairwise(cuts)]
        pieces[0], pieces[-1] = settings.head + pieces[0], pieces[-1] + settings.foot
        return Host(settings.path.format("_".join(names[:2])), tuple(pieces), ("",) * count)

    def _names(self, number: int, count: int) -> list[str]:
        """Words of a real file."""
        for attempt in range(TRIES):
            _, text = pick(self._files["python"], "names", number, attempt)
            names = ordered(set(_NAME.findall(text[:LARGEST])), str, "names", number)[:count]
            if len(names) == count:
                return names
        raise LookupError("no file with enough names")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())].strip("\r\n") if line.strip() else ""
