"""What .gitignore files say: the same with git and without it, whatever the user's own configuration has.

Read from the work tree's root down, and of its `.git/info/exclude` (gitignore(5)); a deeper file counts before a
higher one, a later pattern before an earlier one, and nothing below an ignored folder comes back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 256 * 1024
"""Of one .gitignore: the beginning of a larger one counts."""
MAX_PATTERN = 4096
MAX_DEEP = 4
"""Times `**` in a pattern; one with more is passed over: its time grows with a power of the path's length."""

_TOKEN = re.compile(r"/\*\*/|^\*\*/|/\*\*$|\*+|\?|\\.|\[[!^]?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]|.", re.DOTALL)
_POSIX = {"[:alnum:]": "A-Za-z0-9", "[:alpha:]": "A-Za-z", "[:digit:]": "0-9", "[:lower:]": "a-z", "[:upper:]": "A-Z",
          "[:space:]": r"\s", "[:xdigit:]": "0-9A-Fa-f", "[:punct:]": re.escape("!\"#$%&'()*+,-.:;<=>?@[\\]^_`{|}~"),
          "[:blank:]": r" \t"}  # fmt: skip
_DEEP = {"/**/": "/(?:.*/)?", "**/": "(?:.*/)?", "/**": "/.+"}


@dataclass(frozen=True)
class IgnorePattern:
    """A line of a .gitignore."""

    expression: re.Pattern[str]
    ignores: bool
    folders_alone: bool
    by_path: bool
    """Whether it is held against the path from the file's folder, not against the name."""


@dataclass(frozen=True)
class Ignores:
    """The patterns that hold in a folder, with the folder of each; the last that fits counts."""

    patterns: tuple[tuple[Path, tuple[IgnorePattern, ...]], ...] = ()

    def below(self, folder: Path) -> Ignores:
        """Those that hold in a folder of this one; a repository of its own begins anew."""
        begin = Ignores() if (folder / ".git").exists() else self
        files = (folder / ".git" / "info" / "exclude", folder / ".gitignore")
        found = tuple((folder, patterns) for file in files if (patterns := _patterns(file)))
        return Ignores((*begin.patterns, *found)) if found else begin

    def name(self, path: Path, is_folder: bool) -> bool:
        """Whether the path, whose folders are not ignored, is."""
        for folder, patterns in reversed(self.patterns):
            within = path.relative_to(folder).as_posix()
            for pattern in patterns:
                if pattern.folders_alone and not is_folder:
                    continue
                if pattern.expression.fullmatch(within if pattern.by_path else path.name):
                    return pattern.ignores
        return False


def ignores_of(folder: Path) -> Ignores:
    """Those that hold in a folder: from the root of the work tree that it is in, or its own alone."""
    folder = folder.resolve()
    above = [folder, *folder.parents]
    root = next((number for number, path in enumerate(above) if (path / ".git").exists()), 0)
    found = Ignores()
    for path in reversed(above[: root + 1]):
        found = found.below(path)
    return found


def _patterns(file: Path) -> tuple[IgnorePattern, ...]:
    """The file's patterns, the last one first; none when it is a link, as git has it."""
    try:
        if file.is_symlink() or not file.is_file():
            return ()
        with file.open("rb") as opened:
            value = opened.read(MAX_BYTES).removeprefix(b"\xef\xbb\xbf")
    except OSError:
        return ()
    lines = value.decode("utf-8", "surrogateescape").split("\n")
    return tuple(found for line in reversed(lines) if (found := parse(line)) is not None)


def parse(line: str) -> IgnorePattern | None:
    """The pattern of a line; None for a comment, an empty line, and what fits no path."""
    whole = line.removesuffix("\r")[:MAX_PATTERN]
    text = whole.rstrip(" ")
    if (len(text) - len(text.rstrip("\\"))) % 2 and len(text) < len(whole):  # the first space is quoted
        text += " "
    if text.startswith("#"):
        return None
    ignores = not text.startswith("!")
    text = text.removeprefix("!")
    folders_alone = text.endswith("/")
    text = text[:-1] if folders_alone else text
    by_path = "/" in text
    expression = _expression(text.removeprefix("/"))
    return IgnorePattern(expression, ignores, folders_alone, by_path) if expression is not None else None


def _expression(glob: str) -> re.Pattern[str] | None:
    """wildmatch's glob as an expression; what stands behind a star is taken at its first place, so time stays low."""
    if not glob or glob.count("**") > MAX_DEEP or re.search(r"(?<!\\)(?:\\\\)*\\\Z", glob):
        return None
    segments: list[str] = [""]
    starred = False
    for token in _TOKEN.findall(glob):
        if token in _DEEP or token == "/":
            segments.append(_DEEP.get(token, "/"))
            starred = False
        elif token[0] == "*":
            if starred:
                segments[-1] = f"(?>{segments[-1].replace('[^/]*', '[^/]*?', 1)})"
            segments.append("[^/]*")
            starred = True
        elif token == "[":  # never closed
            return None
        else:
            segments[-1] += _one(token)
    try:
        return re.compile("".join(segments), re.DOTALL)
    except re.error:  # a range that runs backwards
        return None


def _one(token: str) -> str:
    """An expression for one character."""
    if token == "?":
        return "[^/]"
    if token[0] == "[":
        inner = token[1:-1]
        negated = inner[:1] in ("!", "^")
        parts = re.findall(r"\[:\w+:\]|\\.|.", inner[negated:], re.DOTALL)
        known = "".join(_POSIX.get(part, part if part == "-" else re.escape(part[-1])) for part in parts)
        return f"(?!/)[{'^' if negated else ''}{known}]"
    return re.escape(token[-1])
