"""What stands before a file's text in a prompt that a client has made: `head` turned around, with other files."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from model.fim.format import Format

NAME = re.compile(r"[^\s<>\"'`()\[\]{};,=*?|]{1,255}")
"""What is taken for a path behind a file's sentinel."""
PATH = re.compile(rf"(?=[^\n]*[./]){NAME.pattern}")
"""The same where a line of code could stand as well."""
ATTRIBUTES = re.compile(r"<\| file(?: ext=(\S+))?(?: filename=(\S+))?(?: source=\S+)? \|>\n")
"""InCoder's pseudo-tag."""
COMMENTS = re.compile(r"\S+ the file path is: ([^\n]+)\n\S+ the code file is written by [^\n]+\n")
"""aiXcoder's two lines."""
PLUS = "+++++ "
"""Before a path, in the template of several files that editors use for Codestral."""


@dataclass(frozen=True)
class Head:
    """What a head says, and the text behind it."""

    repository: str = ""
    files: tuple[tuple[str, str], ...] = ()
    """Other files, (path, text)."""
    path: str = ""
    rest: str = ""
    open: bool = False
    """The last file's text follows; its path may be the first line of it."""


def outside(fmt: Format, text: str) -> Head | None:
    """Of a text that begins with a repository's or a file's sentinel: files, and the last one's path and text. None
    where it begins with neither, or a format of one file has several."""
    if not fmt.file or not text.startswith(tuple(s for s in (fmt.repository, fmt.file) if s)):
        return None
    first, *sections = text.split(fmt.file, -1 if fmt.context else 1)
    name = first.removeprefix(fmt.repository).strip() if fmt.repository else ""
    if not sections:
        return Head(name)
    files = tuple(_file(section) for section in sections[:-1] if section)
    path, rest = _last(fmt, sections[-1])
    return Head(name, files, path, rest, open=True)


def before_first(fmt: Format, text: str) -> Head | None:
    """Of what stands before the first sentinel: the last file's line by itself is its path, whatever it looks like, and
    more than that is another file. None as `outside`."""
    head = outside(fmt, text)
    if head is None or not head.rest:
        return head
    line = head.rest.removesuffix("\n")
    if "\n" in line or head.path:
        return replace(head, files=(*head.files, (head.path, head.rest)), path="", rest="")
    return replace(head, path=line, rest="")


def _file(section: str) -> tuple[str, str]:
    line, end, rest = section.partition("\n")
    return (line, rest) if end and PATH.fullmatch(line) else ("", section)


def _last(fmt: Format, section: str) -> tuple[str, str]:
    line, end, rest = section.partition("\n")
    name = line.partition(fmt.stars)[0] if fmt.stars else line
    return (name, rest) if end and NAME.fullmatch(name) else ("", section)


def inside(fmt: Format, prefix: str, head: Head) -> Head:
    """Adds what the prefix itself begins with; its rest is the prefix."""
    if head.open and not head.path and fmt.head == "path":
        path, text = _file(prefix)
        return replace(head, path=path, rest=text)
    if fmt.attributes and (tag := ATTRIBUTES.match(prefix)):
        return replace(head, path=tag[2] or "", rest=prefix[tag.end() :])
    if fmt.comment and (lines := COMMENTS.match(prefix)):
        return replace(head, path=lines[1], rest=prefix[lines.end() :])
    if fmt.head == "inside" and not head.open and (own := outside(fmt, prefix)) and own.path:
        return own
    if fmt.name == "codestral" and prefix.startswith(PLUS):
        return _plus(prefix)
    return replace(head, rest=prefix)


def _plus(prefix: str) -> Head:
    """The files that `+++++ path` lines name; the last one is the prefix's."""
    sections = re.split(r"(?:\A|\n\n)\+{5} ", prefix)[1:]
    *files, (path, rest) = [(line, text) for line, _, text in (section.partition("\n") for section in sections)]
    return Head("", tuple(files), path, rest)
