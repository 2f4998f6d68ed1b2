"""A repository's memory: what a commit adds is counted at its end, what it takes away until the next sealing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from model.memory import matching, mixing
from model.memory.lines import added, line_ends
from model.memory.part import LONGEST, ORDERS, separator_of
from model.memory.repository import Memory
from tests.model.memory.test_counts import by_hand

VOCAB = 6
END = 5
"""The token that ends a line."""
ENDS = line_ends([b"a", b"b", b"c", b"d", b"e", b"\n"])
SEPARATOR = separator_of(np.uint16)
text = st.lists(st.integers(0, VOCAB - 1), max_size=30)
path = st.sampled_from(["a.py", "b.py", "c/d.py"])


def ids(of: list[int]) -> np.ndarray:
    return np.array(of, np.uint16)


def lines(of: list[int]) -> list[list[int]]:
    made: list[list[int]] = [[]]
    for token in of:
        made[-1].append(token)
        if token == END:
            made.append([])
    return [line for line in made if line]


@settings(deadline=None)
@given(text, text)
def test_new_lines_are_those_that_the_old_version_had_not(old: list[int], new: list[int]) -> None:
    runs = added(ids(old), ids(new), ENDS)
    fresh = [line for line in lines(new) if line not in lines(old)]
    flat = [token for run in runs for token in run.tolist()]
    for line in fresh:
        assert any(line == run.tolist()[at : at + len(line)] for run in runs for at in range(len(run)))
    assert bool(flat) == bool(fresh)
    assert len(flat) <= sum(map(len, fresh)) + LONGEST * len(runs)


class Commits(RuleBasedStateMachine):
    """Against texts that are kept by hand."""

    @initialize()
    def begin(self) -> None:
        self.memory = Memory(VOCAB, ENDS)
        self.current: dict[str, list[int]] = {}
        self.staged: list[tuple[str, list[int] | None]] = []
        self.counted: list[tuple[str, list[int]]] = []
        """Texts, and runs of them, that are counted now."""

    @rule(path=path, text=text)
    def replace(self, path: str, text: list[int]) -> None:
        self.memory.replace(path, ids(text))
        self.staged.append((path, text))

    @rule(path=path)
    def remove(self, path: str) -> None:
        self.memory.remove(path)
        self.staged.append((path, None))

    @rule()
    def apply(self) -> None:
        self.memory.apply()
        for path, text in self.staged:
            if text is None:
                self.current.pop(path, None)
                continue
            runs = added(ids(self.current.get(path, [])), ids(text), ENDS)
            self.counted += [(path, run.tolist()) for run in runs]
            self.current[path] = text
        self.staged = []

    @rule()
    def seal(self) -> None:
        self.memory.seal()
        self.counted = list(self.current.items())

    @rule(path=path)
    def forget(self, path: str) -> None:
        self.memory.forget([path])
        self.current.pop(path, None)
        self.staged = [one for one in self.staged if one[0] != path]
        self.counted = list(self.current.items())

    @invariant()
    def counts_are_those_by_hand(self) -> None:
        work = mixing.work(VOCAB)
        texts = [text for _, text in self.counted]
        for context in ([0, 1], [END], *(text[: len(text) // 2] for text in texts[-3:])):
            ranges = matching.beginning(2)
            for token in context:
                matching.advance(self.memory.parts, ranges, token)
            for n in ORDERS:
                _, found = mixing.counted(self.memory.parts, ranges, n, SEPARATOR, work)
                seen = {int(w): int(work.counts_V[w]) for w in work.seen_V[:found]}
                assert seen == by_hand(texts, context, n)
                work.counts_V[:] = 0


TestCommits = Commits.TestCase
TestCommits.settings = settings(deadline=None, max_examples=40, stateful_step_count=20)


def test_the_same_revision_changes_nothing() -> None:
    memory = Memory(VOCAB, ENDS)
    memory.replace("a.py", ids([1, 2, END]), "r1")
    assert memory.apply() == 3
    parts = memory.parts
    memory.replace("a.py", ids([1, 2, END]), "r1")
    assert memory.apply() == 0 and memory.parts is parts


def test_after_forgetting_no_context_returns_a_run() -> None:
    secret = [1, 2, 3, 4, 0, 1, 3, END] * 9
    memory = Memory(VOCAB, ENDS, {})
    memory.replace("a.py", ids(secret), "r1")
    memory.apply()
    memory.seal()
    memory.replace("b.py", ids([0, 0, 0, END]), "r1")
    memory.replace("a.py", ids([*secret, 2, 2, END]), "r2")
    memory.apply()
    memory.replace("a.py", ids(secret), "r3")
    assert memory.forget(["a.py"]) == 1
    memory.apply()
    found = [tuple(part.ids_N[at : at + 4].tolist()) for part in memory.parts for at in part.order_M.tolist()]
    runs = {tuple(secret[at : at + 4]) for at in range(len(secret) - 4)}
    assert not runs & set(found) and memory.texts.keys() == {"b.py"}
    assert memory.forget() == 1 and not any(len(part.order_M) for part in memory.parts)
