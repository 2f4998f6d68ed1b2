"""The licences of a repository's files: the nearest one that is said counts.

Of a file below the root decide, one after the other: what stands beside it (`FILE.license`), texts and metadata of the
nearest folder that has any, an annotation of REUSE (one that overrides comes before all others); else
the repository's licence holds. (A line of SPDX in the file itself comes before all of them: prepare reads it.)
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from posixpath import join, normpath

from streams.prepare.licences.classes import MAX_CHARS
from streams.prepare.licences.expressions import together
from streams.prepare.names import extension
from streams.sources.licences.declared import DEBIAN, DECLARING, declaration
from streams.sources.licences.place import UNKNOWN, Read, licence_of
from streams.sources.licences.readme import README
from streams.sources.licences.reuse import AGGREGATE, CLOSEST, OVERRIDE, Annotations, identifiers, read_annotations
from streams.sources.licences.texts import LOST, NO_TEXTS, is_binding, is_reuse_text, is_text

MAX_LINKS = 4
"""Links, one behind the other, that are followed."""
_REUSE = re.compile(r"(^|/)(REUSE\.toml|\.reuse/dep5)$")


class Licences:
    """What the files of one state of a repository say of licences; `put` goes from one state to another."""

    def __init__(self, read: Read) -> None:
        """`read`: the text of an id that `put` was given, or None; of a link, the path that it leads to."""
        self._read = read
        self._ids: dict[str, tuple[str, bool]] = {}
        """By path: the id, and whether it is a link."""
        self._places: dict[str, set[str]] = defaultdict(set)
        """By folder, the paths that speak of it."""
        self._own: dict[str, str] = {}
        self._nearest: dict[str, str] = {}
        """By folder, as far as they were asked for; empty: the repository's."""
        self._root: str | None = None
        """The repository's, as far as it was asked for."""
        self._reuse: dict[str, Annotations] = {}
        """By folder, the folder of `REUSE.toml` or of `.reuse`."""

    def put(self, path: str, id_: str, is_link: bool = False) -> None:
        """The file of this path is now this one; empty: there is none. What says nothing of licences is passed over."""
        if not is_telling(path):
            return
        place = _place(path)
        self._root = None
        if id_:
            self._ids[path] = id_, is_link
            self._places[place].add(path)
        else:
            self._ids.pop(path, None)
            self._places[place].discard(path)
            if not self._places[place]:
                del self._places[place]
        if _REUSE.search(path):
            self._reuse.pop(place, None)
            if id_:
                self._reuse[place] = read_annotations(path, self._text(path))
        if place:
            self._own.clear() if is_link else self._own.pop(place, None)
            self._nearest.clear()

    def repository(self) -> tuple[str, str]:
        """As `licence_of`: of the root, and of the folder in which a wheel describes itself."""
        wheels = [path for path in self._ids if path.split("/")[0].endswith(".dist-info")]
        own = [path for path in wheels if path.count("/") == 1 or re.fullmatch(r"[^/]+/licenses/[^/]+", path)]
        return self._licence([*self._places.get("", ()), *(own or wheels)])

    def of(self, path: str) -> str:
        """The SPDX expression of a file where it is another than the repository's; else empty."""
        if not self._ids:
            return ""
        if own := self._annotated(path, OVERRIDE, from_root=True):
            return own
        own = self._nearest_of(path)
        beside = self._annotated(path, AGGREGATE)
        if not beside or own == beside:
            return own
        if self._root is None:
            self._root = self.repository()[0]
        return _bounded(together([own or self._root, beside]))

    def _nearest_of(self, path: str) -> str:
        if f"{path}.license" in self._ids and (spdx := identifiers(self._text(f"{path}.license") or "")):
            return _bounded(spdx)
        folder = path.rpartition("/")[0]
        if folder not in self._nearest:
            self._nearest[folder] = self._find(folder)
        return self._nearest[folder] or self._annotated(path, CLOSEST)

    def _find(self, folder: str) -> str:
        while folder:
            if folder not in self._own:
                self._own[folder] = self._of_folder(folder) if folder in self._places else ""
            if spdx := self._own[folder]:
                return spdx
            folder = folder.rpartition("/")[0]
        return ""

    def _of_folder(self, folder: str) -> str:
        """Empty: it says nothing."""
        paths = self._places[folder]
        spdx, _ = self._licence(paths)
        if spdx:
            return _bounded(spdx)
        named = [path for path in paths if is_text(path)]
        return UNKNOWN if any(is_binding(path, self._text(path) or LOST) for path in named) else ""

    def _licence(self, paths: Iterable[str]) -> tuple[str, str]:
        """REUSE's texts are looked at only where there is no other text."""
        several = list(paths)
        if any(is_text(path) and not is_reuse_text(path) for path in several):
            several = [path for path in several if not is_reuse_text(path)]
        return licence_of(several, self._text)

    def _annotated(self, path: str, precedence: str, from_root: bool = False) -> str:
        """By the nearest folder, or the uppermost, that has annotations which match; of those that are aggregated, by
        all."""
        above: list[str] = []
        while self._reuse and (not above or above[-1]):
            above.append((above[-1] if above else path).rpartition("/")[0])
        said: list[str] = []
        for folder in reversed(above) if from_root else above:
            known = self._reuse.get(folder)
            if known and (spdx := known.of(path[len(folder) + 1 :] if folder else path, precedence)):
                said.append(spdx)
        return _bounded(together(said) if precedence == AGGREGATE else said[0]) if said else ""

    def _text(self, path: str) -> str | None:
        """Links are followed within the repository, to files that speak of licences."""
        for _ in range(MAX_LINKS):
            id_, is_link = self._ids.get(path, ("", False))
            text = self._read(id_) if id_ else None
            if not is_link or text is None:
                return text
            path = normpath(join(path.rpartition("/")[0], text))
        return None


@lru_cache(maxsize=1 << 16)
def is_telling(path: str) -> bool:
    """Whether a file of this name may say something of licences."""
    folder, _, name = path.rpartition("/")
    if extension(name) in NO_TEXTS:  # most files: programs
        return name in DECLARING or name == "REUSE.toml" or name.endswith(".license")
    if is_text(path) or declaration(path) or _REUSE.search(path):
        return True
    return not folder and bool(README.match(name))


def _place(path: str) -> str:
    """The folder that a file speaks of."""
    folder = path.rpartition("/")[0]
    parts = folder.split("/")
    return "/".join(parts[:-1]) if parts[-1] == ".reuse" or DEBIAN.search(path) or is_reuse_text(path) else folder


def _bounded(spdx: str) -> str:
    return spdx if len(spdx) <= MAX_CHARS else UNKNOWN
