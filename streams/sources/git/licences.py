"""The licences of files as of the commit that is read: a tree's, and from there what each commit changes of them.

A pass goes along the log, so no tree is listed but the first one. In a history with branches a folder may have the
licence that it had on the branch before; a text that came or went on a branch is seen with that branch's own commits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from model.languages import BY_EXTENSION
from streams.prepare.language import DATA, MARKUP
from streams.prepare.names import TEST
from streams.sources.git.blobs import Blobs
from streams.sources.git.log import LoggedCommit, tree
from streams.sources.git.objects import Git
from streams.sources.licences.nearest import Licences, is_telling
from streams.sources.licences.place import UNKNOWN
from streams.sources.texts.text import MAX_FILE_BYTES, LeftOut, words_of

TREES = 4
"""Listed commits that are kept: the lanes begin at the same one."""


@dataclass
class Listings:
    """By commit, what of its tree says something of licences: path to id, and whether it is a link."""

    _kept: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict)
    _facts: dict[str, tuple[int, str]] = field(default_factory=dict)

    def facts(self, view: Git, commit: str) -> tuple[int, str]:
        """Of a commit's tree: how many files are tests by their names, and the language that most files have."""
        self.of(view, commit)
        return self._facts.get(commit, (0, ""))

    def of(self, view: Git, commit: str) -> dict[str, tuple[str, bool]]:
        """Raises GitError."""
        if not commit:
            return {}
        if commit not in self._kept:
            links: dict[str, str] = {}
            files = tree(view, commit, links=links)
            found = {path: (id_, False) for path, id_ in files.items() if is_telling(path)}
            found |= {path: (id_, True) for path, id_ in links.items() if is_telling(path)}
            while len(self._kept) >= TREES:
                del self._facts[next(iter(self._kept))], self._kept[next(iter(self._kept))]
            self._kept[commit] = found
            self._facts[commit] = sum(TEST.search(path) is not None for path in files), _main_language(files)
        return self._kept[commit]


def _main_language(paths: Iterable[str]) -> str:
    """By the files' names, data and markup left out; the title, where the language has one."""
    names = (BY_EXTENSION.get(path.rpartition(".")[2].lower()) for path in paths)
    counts = Counter(row.title or row.name for row in names if row and row.name not in DATA | MARKUP)
    return min(counts, key=lambda title: (-counts[title], title), default="")


class CommitLicences:
    """What is said of licences at one commit after the other."""

    def __init__(self, listings: Listings, view: Git, blobs: Blobs, commit: str = "") -> None:
        self._listings, self._view, self._blobs = listings, view, blobs
        self.head = ""
        """The repository's licence, which the events say: a commit's own is said where it is another."""
        self._root: str | None = None
        self.begin(commit)

    def begin(self, commit: str) -> None:
        """As of this commit's tree; empty: of none."""
        self._licences = Licences(
            partial(_text, self._blobs)
        )  # of itself it would be a cycle, and keep the blobs' texts
        self._root = None
        for path, (id_, is_link) in self._listings.of(self._view, commit).items():
            self._licences.put(path, id_, is_link)

    def go_on(self, logged: LoggedCommit) -> None:
        """From a commit's parent to the commit."""
        for change in (*logged.changes, *logged.links):
            if change.former:
                self._put(change.former, "")
            self._put(change.path, change.after, change.is_link)

    def go_back(self, logged: LoggedCommit) -> None:
        """From a commit to its first parent."""
        for change in (*logged.changes, *logged.links):
            if change.former:
                self._put(change.path, "")
            self._put(change.former or change.path, change.before, change.is_link)

    def _put(self, path: str, id_: str, is_link: bool = False) -> None:
        if is_telling(path):
            self._root = None
            self._licences.put(path, id_, is_link)

    def of(self, path: str) -> str:
        """Of a file, where it is another than the repository's is now; else empty. What a commit's root says of itself
        holds for its files; where it says nothing, what the repository says now does."""
        return self._licences.of(path) or self._own_root()

    def _own_root(self) -> str:
        if self._root is None:
            spdx, text = self._licences.repository()
            self._root = spdx or (UNKNOWN if text else "")
        return self._root if self._root != (self.head or UNKNOWN) else ""

    def repository(self) -> tuple[str, str]:
        """As `place.licence_of`: of the commit's root."""
        return self._licences.repository()


def _text(blobs: Blobs, id_: str) -> str | None:
    text = blobs.text(id_)
    return words_of(blobs.content(id_, MAX_FILE_BYTES)) if isinstance(text, LeftOut) else text
