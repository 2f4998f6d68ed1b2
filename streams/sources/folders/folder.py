"""A plain folder as a repository: which of its files are read, its name and its licence."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG

from streams.event import Repository
from streams.sources.folders.ignore import Ignores, ignores_of
from streams.sources.licences.nearest import Licences
from streams.sources.licences.texts import TEXT_FOLDERS
from streams.sources.private import is_private
from streams.sources.texts.text import MAX_FILE_BYTES, TOO_LARGE, Counts, LeftOut, clean, text_of, words_of

IGNORED = "ignored by .gitignore"
"""A folder counts once, whatever it holds."""
PRIVATE = "private by its name"
LINK = "symbolic link"
SPECIAL = "no regular file"
UNREADABLE_FOLDER = "folder not readable"


def walk(
    root: Path,
    left_out: Counts,
    ending: str = "",
    ignored: bool = False,
    links: list[Path] | None = None,
    private: bool = False,
) -> list[Path]:
    """Regular files under `root` whose name has this ending, sorted by path; what of them is passed over is counted.

    Symbolic links are put into `links`, where it is given.

    Without .git, links, private files, and what .gitignore names, unless `ignored` asks for it. A `root` that is a file
    is read even so, unless it is private. `private`: those are read, too, for who looks for secrets in them.
    """
    if root.is_file():
        found = [root]
    else:
        found = list(_files(root, Ignores() if ignored else ignores_of(root), left_out, ending, ignored, links))
    kept = [path for path in found if private or not is_private((root.name / path.relative_to(root)).as_posix())]
    if len(kept) < len(found):
        left_out[PRIVATE] += len(found) - len(kept)
    return sorted(kept, key=lambda path: path.as_posix())


def _files(
    root: Path, ignores: Ignores, left_out: Counts, ending: str, ignored: bool, links: list[Path] | None
) -> Iterator[Path]:
    """Depth first, without recursion: folders may lie a thousand deep."""
    waiting = [(root, root.resolve(), ignores)]
    while waiting:
        folder, real, rules = waiting.pop()
        for entry in _entries(folder, left_out):
            path, place = folder / entry.name, real / entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name == ".git" or not (is_folder or entry.name.endswith(ending)):
                continue
            if not ignored and rules.name(place, is_folder):
                left_out[IGNORED] += 1
            elif is_folder:
                waiting.append((path, place, rules if ignored else rules.below(place)))
            elif entry.is_file(follow_symlinks=False):
                yield path
            else:
                left_out[LINK if entry.is_symlink() else SPECIAL] += 1
                if links is not None and entry.is_symlink():
                    links.append(path)


def _entries(folder: Path, left_out: Counts) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        left_out[UNREADABLE_FOLDER] += 1
        return []


def describe(folder: Path, name: str = "") -> Repository:
    """The repository that a plain folder stands for: host `local`."""
    spdx, text = licences_of(folder, _names(folder, ())).repository()
    return Repository(name=clean(name or folder.resolve().name), licence=spdx, licence_text=text)


def licences_of(folder: Path, names: Iterable[str]) -> Licences:
    """As its files and links of these names say. A link is followed as long as it does not lead out of the folder."""
    root = folder.resolve()

    def read(path: str) -> str | None:
        try:
            real = (folder / path).resolve()
        except (OSError, RuntimeError):  # links that lead to each other
            return None
        return words_of(bytes_of(real, MAX_FILE_BYTES)) if real.is_relative_to(root) and real.is_file() else None

    found = Licences(read)
    for name in names:
        found.put(name, name)
    return found


def licences_around(folder: Path, paths: Iterable[Path]) -> Licences:
    """As whatever says that lies in the folder itself or in one of those from there down to `paths`, files in it."""
    return licences_of(folder, _names(folder, paths))


def _names(folder: Path, paths: Iterable[Path]) -> Iterator[str]:
    places = {folder, *folder.glob("*.dist-info"), *folder.glob("*.dist-info/licenses")}
    for place in {path.parent for path in paths}:
        while place not in places:
            places.add(place)
            place = place.parent
    for place in (*places, *(place / name for place in places for name in (*TEXT_FOLDERS, ".reuse", "debian"))):
        inside = "" if place == folder else f"{place.relative_to(folder).as_posix()}/"
        entries = (entry for entry in _entries(place, Counter()) if not entry.is_dir(follow_symlinks=False))
        yield from (f"{inside}{entry.name}" for entry in entries)


def read_text(path: Path) -> str | None:
    """The file's text, or None when it is no text or not there."""
    content = text_of_file(path) if path.is_file() else TOO_LARGE
    return None if isinstance(content, LeftOut) else content


def text_of_file(path: Path) -> str | LeftOut:
    content = bytes_of(path, MAX_FILE_BYTES)
    return content if isinstance(content, LeftOut) else text_of(content)


def bytes_of(path: Path, limit: int) -> bytes | LeftOut:
    """The file's bytes, or why there are none: it is larger than `limit`, or cannot be read."""
    try:
        told = path.stat()
        if not S_ISREG(told.st_mode):  # of a pipe nothing may ever come
            return LeftOut("not readable")
        return TOO_LARGE if told.st_size > limit else path.read_bytes()
    except OSError:
        return LeftOut("not readable")
