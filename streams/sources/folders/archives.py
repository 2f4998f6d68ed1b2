"""Packages as they are published (wheels, source archives, crates, npm's tarballs), and other archives, as events.

The repository is the package, `pypi/NAME`, `crates/NAME` or `npm/NAME` where its metadata or its name say so, else
`local/NAME`; the version is the revision; the licence is that of the metadata.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.event import Files, Notebook, Repository
from streams.sources.folders.archive_names import ending, is_archive, is_readable, name_and_version
from streams.sources.folders.files import ARCHIVE, Tell, limit_of, sort_out
from streams.sources.folders.folder import PRIVATE
from streams.sources.folders.members import DamagedMember, members
from streams.sources.licences.nearest import Licences, is_telling
from streams.sources.private import is_private
from streams.sources.texts.text import MAX_FILE_BYTES, Counts, LeftOut, clean, words_of

MAX_METADATA_FILES = 256
MAX_METADATA_CHARS = 16 * 1024 * 1024
MAX_NAME = 214
"""Characters of a package's name, npm's limit; the other registries' are lower."""

__all__ = ["UnreadableArchive", "events", "is_readable"]


class UnreadableArchive(Exception):
    """An archive that is damaged or too large; the message is a sentence that names it."""


@dataclass
class _Metadata:
    """What the first pass over an archive finds."""

    folder: str = ""
    """The one folder that all members lie in; empty when there is none, or in a wheel."""
    texts: dict[str, str] = field(default_factory=dict)
    """Of the files that say name, version and licences, by path."""
    unread: list[str] = field(default_factory=list)
    """The paths of those that cannot be read, or that are too many."""

    def licences(self) -> Licences:
        found = Licences(self.texts.get)
        for place in (*self.texts, *self.unread):
            found.put(place, place)
        return found


def events(
    path: Path, left_out: Counts, name: str = "", tell: Tell = lambda sentence: None
) -> Iterator[Files | Notebook]:
    """An archive's texts and notebooks in its order. Raises UnreadableArchive for a damaged one, which is also counted.

    It is read twice: first whole, for its metadata; so nothing comes from an archive that is damaged.
    """
    try:
        metadata = _metadata(path)
        licences = metadata.licences()
        repository, version = _describe(path, metadata, licences, name)
        contents = _contents(path, metadata.folder, left_out)

        def tell_of(member: str) -> None:
            tell(f"{path}: {member}")

        yield from sort_out(repository, contents, left_out, tell_of, version, licences.of)
    except DamagedMember as error:
        left_out["archive damaged or too large"] += 1
        raise UnreadableArchive(f"{path} {error}") from error


def _contents(path: Path, folder: str, left_out: Counts) -> Iterator[tuple[str, bytes | LeftOut]]:
    for place, read in members(path, left_out, limit_of):
        shown = place[len(folder) :]
        if is_archive(shown):
            yield shown, ARCHIVE
        elif is_private(shown):
            left_out[PRIVATE] += 1
        else:
            yield shown, read()


def _metadata(path: Path) -> _Metadata:
    """Reads the whole archive. Raises DamagedMember."""
    found = _Metadata()
    folders: set[str] = set()
    chars = 0
    for place, read in members(path, Counter(), lambda _: MAX_FILE_BYTES):
        if len(folders) < 2:
            folders.add(place.partition("/")[0] + "/" if "/" in place else "")
        if _says_something(place):
            is_room = len(found.texts) < MAX_METADATA_FILES and chars < MAX_METADATA_CHARS
            text = words_of(read()) if is_room else None
            if text is not None:
                found.texts[place] = text
                chars += len(text)
            else:
                found.unread.append(place)
    if ending(path.name) != ".whl" and len(folders) == 1:
        found.folder = folders.pop()
        found.texts = {place[len(found.folder) :]: text for place, text in found.texts.items()}
        found.unread = [place[len(found.folder) :] for place in found.unread]
    return found


def _describe(path: Path, metadata: _Metadata, licences: Licences, name: str) -> tuple[Repository, str]:
    texts = {place: text for place, text in metadata.texts.items() if "/" not in place or _is_dist_info(place)}
    host, found, version = _package(path, metadata.folder, texts)
    by_name, version_by_name = name_and_version(path.name)
    if name:
        host, found = "local", name
    spdx, text = licences.repository()
    shown = clean(found or by_name)[:MAX_NAME]
    return Repository(host=host, name=shown, licence=spdx, licence_text=text), clean(version or version_by_name)[:128]


def _says_something(place: str) -> bool:
    """Of the package, or of the licences of its files."""
    return place.endswith("PKG-INFO") or is_telling(place) or is_telling(place.partition("/")[2])


def _is_dist_info(place: str) -> bool:
    """Whether it lies in the folder in which a wheel describes itself; packages within it may have their own."""
    return place.split("/")[0].endswith(".dist-info")


def _package(path: Path, folder: str, texts: dict[str, str]) -> tuple[str, str, str]:
    """(host, name, version) of a package; host `local` for what is none."""
    kind = ending(path.name)
    wheel = next((text for place, text in sorted(texts.items()) if place.endswith(".dist-info/METADATA")), "")
    if kind == ".whl":
        return "pypi", *_headers(wheel)
    if "PKG-INFO" in texts:
        return "pypi", *_headers(texts["PKG-INFO"])
    if kind == ".crate":
        return "crates", *_fields(texts.get("Cargo.toml", ""), lambda text: tomllib.loads(text)["package"])
    if folder == "package/" and "package.json" in texts:
        return "npm", *_fields(texts["package.json"], json.loads)
    return "local", "", ""


def _headers(text: str) -> tuple[str, str]:
    head = "\n" + text[:16_384].replace("\r\n", "\n").split("\n\n", 1)[0]
    name, version = (head.partition(f"\n{field}: ")[2].partition("\n")[0].strip() for field in ("Name", "Version"))
    return name, version


def _fields(text: str, read: Callable[[str], Any]) -> tuple[str, str]:
    try:
        found = read(text)
        name, version = found.get("name", ""), found.get("version", "")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return "", ""
    return name if isinstance(name, str) else "", version if isinstance(version, str) else ""
