"""The text files of a folder as `files` events, in an order that depends on their paths alone; notebooks as such."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from streams.event import Files, Notebook, Repository, SourceFile
from streams.sources.folders.archive_names import is_archive
from streams.sources.folders.folder import bytes_of, describe, licences_of, walk
from streams.sources.texts import notebooks
from streams.sources.texts.text import MAX_FILE_BYTES, Counts, LeftOut, clean, text_of

__all__ = ["describe", "events", "pack", "sort_out"]

MAX_EVENT_FILES = 16
MAX_EVENT_BYTES = 256 * 1024
"""An event closes at either bound, its files weighed as JSON; one larger file is an event of its own."""
ARCHIVE = LeftOut("archive within a folder or an archive")

Tell = Callable[[str], None]
"""Takes the path of something that was left out and that a person may want to know of."""


def events(
    root: Path, left_out: Counts, name: str = "", tell: Tell = lambda path: None, ignored: bool = False
) -> Iterator[Files | Notebook]:
    """One folder, or one file, is one repository, named `name` or as the folder is.

    What is no text is counted in `left_out`, and so is what `folder.walk` passes over: links, private files, and what
    .gitignore names, unless `ignored` asks for it. A malformed notebook is also told.
    """
    folder = root if root.is_dir() else root.parent
    links: list[Path] = []
    paths = walk(root, left_out, ignored=ignored, links=links)
    names = [path.relative_to(folder).as_posix() for path in (*paths, *links)]
    contents = ((name, _content(path)) for name, path in zip(names, paths, strict=False))
    licences = licences_of(folder, names)
    yield from sort_out(describe(folder, name), contents, left_out, tell, licence=licences.of)


def _content(path: Path) -> bytes | LeftOut:
    if is_archive(path.name):
        return ARCHIVE
    return bytes_of(path, limit_of(path.name))


def limit_of(name: str) -> int:
    """The bytes of a file that are read at most: a notebook's outputs are stripped afterwards."""
    return notebooks.MAX_RAW_BYTES if notebooks.is_notebook(name) else MAX_FILE_BYTES


def sort_out(
    repository: Repository,
    contents: Iterable[tuple[str, bytes | LeftOut]],
    left_out: Counts,
    tell: Tell = lambda path: None,
    revision: str = "",
    licence: Callable[[str], str] = lambda path: "",
) -> Iterator[Files | Notebook]:
    """The events of paths with their bytes, or with why these are left out: texts, and between them the notebooks.

    `licence`: of a path, where it is another than the repository's.
    """
    between: list[Notebook] = []
    for event in pack(repository, _texts(repository, contents, left_out, tell, between, licence), revision):
        yield from between
        between.clear()
        yield event
    yield from between


def _texts(
    repository: Repository,
    contents: Iterable[tuple[str, bytes | LeftOut]],
    left_out: Counts,
    tell: Tell,
    found: list[Notebook],
    licence: Callable[[str], str],
) -> Iterator[SourceFile]:
    """The texts; notebooks are put into `found`."""
    for path, value in contents:
        if isinstance(value, bytes) and notebooks.is_notebook(path):
            try:
                cells, language = notebooks.read(value, left_out)
            except notebooks.Malformed as error:
                left_out[f"notebook {error}"] += 1
                tell(path)
            else:
                found.append(
                    Notebook(
                        repository=repository, path=clean(path), cells=cells, language=language, licence=licence(path)
                    )
                )
            continue
        text = text_of(value) if isinstance(value, bytes) else value
        if isinstance(text, LeftOut):
            left_out[text.reason] += 1
        else:
            yield SourceFile(path=clean(path), text=text, licence=licence(path))


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
