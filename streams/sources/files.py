"""The text files of a folder as `files` events, in an order that depends on their paths alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from streams.event import Files, Repository, SourceFile
from streams.sources.repository import licence_of
from streams.sources.text import MAX_FILE_BYTES, TOO_LARGE, Counts, LeftOut, clean, text_of

MAX_EVENT_FILES = 16
MAX_EVENT_BYTES = 256 * 1024
"""An event closes at either bound, its files weighed as JSON; one larger file is an event of its own."""


def events(root: Path, left_out: Counts, name: str = "") -> Iterator[Files]:
    """One folder, or one file, is one repository, named `name` or as the folder is.

    What is no text is counted in `left_out`; .git folders and links are passed over.
    """
    folder = root if root.is_dir() else root.parent
    repository = describe(folder, name)
    yield from pack(repository, _texts(root, folder, left_out))


def describe(folder: Path, name: str = "") -> Repository:
    """The repository that a plain folder stands for: host `local`."""
    names = [p.name for p in folder.iterdir()] + [str(p.relative_to(folder)) for p in folder.glob("*.dist-info/*")]
    spdx, text = licence_of(names, lambda path: read_text(folder / path))
    return Repository(name=clean(name or folder.resolve().name), licence=spdx, licence_text=text)


def read_text(path: Path) -> str | None:
    """The file's text, or None when it is no text or not there."""
    content = _content(path) if path.is_file() else TOO_LARGE
    return None if isinstance(content, LeftOut) else content


def pack(repository: Repository, files: Iterable[SourceFile], revision: str = "") -> Iterator[Files]:
    """Events of at most 16 files and 256 KiB of their JSON, in the order given."""
    held: list[SourceFile] = []
    size = 0
    for file in files:
        weight = len(msgspec.json.encode(file)) + 1
        if held and (len(held) == MAX_EVENT_FILES or size + weight > MAX_EVENT_BYTES):
            yield Files(repository=repository, files=held, revision=revision)
            held, size = [], 0
        held.append(file)
        size += weight
    if held:
        yield Files(repository=repository, files=held, revision=revision)


def walk(root: Path, pattern: str = "*") -> list[Path]:
    """Regular files under `root` whose name fits, sorted by path; without .git and links."""
    if root.is_file():
        return [root]
    found = (p for p in root.rglob(pattern) if ".git" not in p.relative_to(root).parts)
    return sorted((p for p in found if p.is_file() and not p.is_symlink()), key=lambda p: p.as_posix())


def _texts(root: Path, folder: Path, left_out: Counts) -> Iterator[SourceFile]:
    for path in walk(root):
        content = _content(path)
        if isinstance(content, LeftOut):
            left_out[content.reason] += 1
        else:
            yield SourceFile(path=clean(path.relative_to(folder).as_posix()), text=content)


def _content(path: Path) -> str | LeftOut:
    try:
        return TOO_LARGE if path.stat().st_size > MAX_FILE_BYTES else text_of(path.read_bytes())
    except OSError:
        return LeftOut("not readable")
