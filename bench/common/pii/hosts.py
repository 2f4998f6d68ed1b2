"""Real files of pinned packages, and the places in them where a statement can be put in."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path

import xxhash

from common.pii.fillers import FILLERS, Place, made_up
from midstream.demo.corpus import Pin

SUFFIXES = {
    "python": (".py",), "javascript": (".js", ".mjs"), "typescript": (".ts", ".tsx"), "go": (".go",),
    "java": (".java",), "c": (".c", ".h", ".cpp"), "rust": (".rs",), "ruby": (".rb",), "php": (".php",),
    "csharp": (".cs",), "kotlin": (".kt",), "swift": (".swift",), "shell": (".sh",),
}  # fmt: skip
AROUND = 20
"""Lines before and behind what is put in."""
FILES = 150
"""Of a language."""
SMALLEST, LARGEST = 600, 700_000
TRIES = 400
_LEFT_OUT = re.compile(r"(^|/)(tests?|__tests__|testing|locale|node_modules|fp|esm)/|\.min\.|rs?a_?key")
UNCLEAN = re.compile(
    r"""@[\w-]+\.\w | \b\d{1,3}(?:\.\d{1,3}){3}\b | [0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){4} | -----BEGIN
    | /home/\w | /Users/\w | \\Users\\ | \+\d[\d\ ()-]{7} | ://[^\s/"']*:[^\s/"']*@ | \b(?:\d[ -]?){13,19}\b
    | (?i: copyright | authors?\b | maintain | contribut | thanks | written\ by | credit | reported | \bby\ [A-Z] )
    | (?: TODO | FIXME | XXX | NOTE ) \( \w
    | (?i: pass(?:wd|word|phrase)? | pwd | secret | token | api_?key | credential ) [\w.\])"']*
      \s* (?: [:=]+ | => | \( ) \s* \w? ["'`] [^"'`]""",
    re.VERBOSE,
)
"""Surroundings that may hold a real address, person or secret are not used: rules that know none of the detectors."""
_END = re.compile(r"[;{}]\s*$")
_COMMENT = re.compile(r"\s*(?:\*|//|/\*|#)")


class Hosts:
    """Files by language; their order and all choices follow from the names and the random source."""

    def __init__(self, folders: dict[Pin, Path]) -> None:
        self._files: dict[str, list[tuple[str, list[str], list[int]]]] = {}
        named = _named(folders)
        for language, suffixes in SUFFIXES.items():
            found = (
                (name, text) for name, path in named if path.suffix in suffixes and (text := _text(path)) is not None
            )
            self._files[language] = [
                (name, lines, places) for (name, text), _ in zip(found, range(FILES), strict=False)
                if (places := places_in(language, text, lines := text.split("\n")))
            ]  # fmt: skip

    def place(self, host: str, r: random.Random) -> Place:
        """Of a language or a made-up file. Raises LookupError where no clean place is left."""
        if host in FILLERS:
            return made_up(host, r)
        for _ in range(TRIES):
            name, lines, places = r.choice(self._files[host])
            at = r.choice(places)
            before, behind = lines[max(0, at - AROUND) : at], lines[at : at + AROUND]
            if not UNCLEAN.search("\n".join(before + behind)) and max(map(len, before + behind)) < 400:
                indent = re.match(r"\s*", lines[at] if lines[at].strip() else lines[at - 1])
                assert indent is not None
                return name, _joined(before), indent[0].replace("\r", ""), _joined(behind)
        raise LookupError(f"no clean place in {host}")


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def texts(folders: dict[Pin, Path], suffixes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """All names and texts of files of the suffixes, in an order that only their names decide."""
    for name, path in _named(folders):
        if path.suffix in suffixes and (text := _text(path)) is not None:
            yield name, text


def _named(folders: dict[Pin, Path]) -> list[tuple[str, Path]]:
    rows: list[tuple[int, str, Path]] = []
    for pin, folder in folders.items():
        for path in folder.rglob("*"):
            name = f"{pin.name}/{path.relative_to(folder).as_posix()}"
            if path.is_file() and not _LEFT_OUT.search(name.replace("tests/examplefiles", "")):
                rows.append((xxhash.xxh3_64_intdigest(name.encode()), name, path))
    return [(name, path) for _, name, path in sorted(rows)]


def _text(path: Path) -> str | None:
    if not SMALLEST <= path.stat().st_size <= LARGEST:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def places_in(language: str, text: str, lines: list[str]) -> list[int]:
    """Numbers of lines before which a statement of its own can stand."""
    if language == "python":
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return []
        return sorted({node.lineno - 1 for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno > 1})
    blank = language in ("ruby", "shell", "kotlin", "swift", "go")
    return [
        i for i in range(1, len(lines))
        if (not lines[i - 1].strip() if blank else _END.search(lines[i - 1])) and not _COMMENT.match(lines[i])
        and not lines[i - 1].endswith("\\")
    ]  # fmt: skip
