"""People in a thread: authors and @mentions become numbers in the order of their appearance, the same everywhere in it.

`username_0` is who opened the thread (StarCoder, arXiv 2305.06161). Doing it twice changes nothing. bigcode's filter
replaced names as bare strings, which breaks words; here a name is what stands behind an `@` in prose. In code an `@`
may be anything, so there only those who wrote in the thread are renamed.
"""

from __future__ import annotations

import re

from streams.document import Document, Part
from streams.redact.replacing import replacement

KINDS = ("issue", "pull", "question")
CODE = ("diff", "hunk")
"""Parts that are code as a whole."""
_MENTION = re.compile(r"(?<![\w/.@+-])@([A-Za-z0-9][A-Za-z0-9_-]{0,38})(?![\w@/-]|\.\w)")
"""A login of GitHub, with the underscore of managed users; not an address, a team (`@org/team`) or a scope."""
_FENCED = re.compile(r"(```[\s\S]*?(?:```|\Z)|~~~[\s\S]*?(?:~~~|\Z)|`[^`\n]*`)")
_NUMBERED = re.compile(r"username_\d+")
_PERSON_IN_PATH = re.compile(
    r"(?<![^/])[A-Za-z][\w+-]*\.[\w.+-]*@[A-Za-z][\w.-]*(?![^/])"
    r"|(?:(?<=\busers/)|(?<=\bhome/)|(?<=\bpeople/))[A-Za-z][\w+-]*@[A-Za-z][\w-]*(?=/)"
)
"""A folder or file that is called like an address, with or without a domain: `jane.roe@corp`, `users/ann@corp/`."""


def speaker(author: str, names: dict[str, int]) -> str:
    """`username_0` and so on; who has a number already keeps it. `names` is filled in the order of appearance."""
    if _NUMBERED.fullmatch(author):
        return author
    return f"username_{names.setdefault(_key(author), len(names))}"


def rename(document: Document) -> tuple[list[Part], int]:
    """A thread's parts with numbers for names, and the number of mentions that were replaced. Others' are unchanged."""
    if document.kind not in KINDS:
        return document.parts, 0
    renamed = _Renamed([p.label.split("\n")[0] for p in document.parts if p.role == "comment"])
    return [renamed.part(p) for p in document.parts], renamed.count


def path(text: str) -> str:
    """A path without what looks like a person's address in it."""
    return _PERSON_IN_PATH.sub(lambda m: replacement("email", m.group().encode()).decode(), text)


class _Renamed:
    """The names of one thread, while its parts are read in their order."""

    def __init__(self, authors: list[str]) -> None:
        self._authors = {_key(author) for author in authors}
        self._names: dict[str, int] = {}
        self.count = 0
        if authors:
            self._name(authors[0])

    def part(self, part: Part) -> Part:
        label = part.label
        if part.role == "comment":
            author, _, action = label.partition("\n")
            label = f"{self._name(author)}\n{action}"
        return Part(part.role, self._text(part.text, part.role in CODE), label)

    def _text(self, text: str, code: bool) -> str:
        if "@" not in text:
            return text
        pieces = [text] if code else _FENCED.split(text)
        return "".join(self._mentions(piece, code or number % 2 == 1) for number, piece in enumerate(pieces))

    def _mentions(self, text: str, code: bool) -> str:
        def renamed(match: re.Match[str]) -> str:
            if code and _key(match.group(1)) not in self._authors and not _NUMBERED.fullmatch(match.group(1)):
                return match.group()
            mention = f"@{self._name(match.group(1))}"
            self.count += mention != match.group()
            return mention

        return _MENTION.sub(renamed, text)

    def _name(self, name: str) -> str:
        """Also of a name that is a number already: of a thread that was renamed before, the same one."""
        return f"username_{self._names.setdefault(_key(name), len(self._names))}"


def _key(name: str) -> str:
    """Logins do not tell upper from lower case; a bot is mentioned without what marks it."""
    return name.casefold().removesuffix("[bot]")
