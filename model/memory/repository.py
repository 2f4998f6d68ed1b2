"""The memory of one repository: the current version of every path, sealed, and a small head for what has just come.

A commit's files are staged and then applied together. What they add joins the head at once; what they take away stays
until the next sealing, since code moves between files. Forgetting alone acts at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from model.memory.lines import Flags, added
from model.memory.part import Part, build, dtype_of
from model.memory.suffixes import Ids

HEAD_TOKENS = 65_536
"""Of a head that is not full yet: some 20 ms to sort."""


@dataclass(frozen=True)
class Text:
    """One version of a path."""

    ids: Ids = field(repr=False)
    revision: str = ""
    """Of the source; what is replaced by the same revision stays as it is."""


@dataclass(frozen=True)
class Change:
    """What is staged of a path."""

    path: str
    text: Text | None
    """None: the path is gone."""


class Memory:
    """In one thread; `parts` may be read in others."""

    def __init__(self, vocab: int, ends_V: Flags, sealed: Mapping[str, Text] | None = None) -> None:
        """`ends_V`: model.memory.lines.line_ends of the tokenizer. `sealed`: the texts to begin with."""
        self._vocab, self._ends_V = vocab, ends_V
        self.texts: dict[str, Text] = dict(sealed or {})
        """The current version of every path."""
        self._staged: list[Change] = []
        self._head: list[tuple[str, Ids]] = []
        """What was added since the last sealing, by path, in the order in which it came."""
        self.parts: tuple[Part, Part] = (self._built(), build([], vocab))
        """Sealed, and head. Replaced, never changed."""

    @property
    def head_tokens(self) -> int:
        return sum(len(ids) for _, ids in self._head)

    @property
    def is_full(self) -> bool:
        """The head is: it is time to seal."""
        return self.head_tokens >= HEAD_TOKENS

    def replace(self, path: str, ids: Ids, revision: str = "") -> None:
        """Stages a new version of the path."""
        self._staged.append(Change(path, Text(ids.astype(dtype_of(self._vocab)), revision)))

    def remove(self, path: str) -> None:
        """Stages that the path is gone."""
        self._staged.append(Change(path, None))

    def apply(self) -> int:
        """What was staged is counted from now on: how many tokens the head has gained."""
        before, staged = self.head_tokens, self._staged
        self._staged = []
        for change in staged:
            old = self.texts.get(change.path)
            if change.text is None:
                self.texts.pop(change.path, None)
                continue
            if old is not None and old.revision and old.revision == change.text.revision:
                continue
            none = np.empty(0, change.text.ids.dtype)
            runs = added(none if old is None else old.ids, change.text.ids, self._ends_V)
            self._head += [(change.path, run) for run in runs]
            self.texts[change.path] = change.text
        if self.head_tokens != before:
            self.parts = self.parts[0], build((ids for _, ids in self._head), self._vocab)
        return self.head_tokens - before

    def seal(self) -> None:
        """Only current versions are counted from now on, and the head is empty."""
        self._head = []
        self.parts = self._built(), build([], self._vocab)

    def forget(self, paths: Collection[str] | None = None) -> int:
        """Nothing of these paths, or of any, is counted from now on: how many there were."""
        gone = [path for path in self._paths() if paths is None or path in paths]
        self._staged = [change for change in self._staged if change.path not in gone]
        for path in gone:
            self.texts.pop(path, None)
        self.seal()
        return len(gone)

    def _paths(self) -> Iterator[str]:
        staged = (change.path for change in self._staged)
        yield from dict.fromkeys([*self.texts, *(path for path, _ in self._head), *staged])

    def _built(self) -> Part:
        return build((text.ids for _, text in sorted(self.texts.items())), self._vocab)
