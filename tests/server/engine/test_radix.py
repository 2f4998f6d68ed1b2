"""The cache of prefixes against a model by brute force: never a wrong prefix, always the longest one, no page lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.engine.memory import Lease, Memory
from server.engine.radix import Node, common

SIZE = 4


class Written:
    """A store that remembers what was written where: a token's place holds all ids up to it."""

    def __init__(self, count: int, size: int = SIZE) -> None:
        self.size, self.count = size, count
        self.slots: dict[tuple[int, int], tuple[int, ...]] = {}

    def copy(self, source: int, target: int, tokens: int) -> None:
        for slot in range(tokens):
            self.slots[target, slot] = self.slots[source, slot]

    def drop(self, page: int) -> None:
        for slot in range(self.size):
            self.slots.pop((page, slot), None)

    def read(self, lease: Lease, at: int) -> tuple[int, ...] | None:
        return self.slots.get((int(lease.table[at // self.size]), at % self.size))

    def write(self, lease: Lease, at: int, ids: list[int]) -> None:
        self.slots[int(lease.table[at // self.size]), at % self.size] = tuple(ids[: at + 1])


@dataclass
class Running:
    lease: Lease
    ids: list[int]
    done: int
    session: str
    kept: list[tuple[int, ...]] = field(default_factory=list)


class World:
    """A memory, what runs in it, and all that was ever kept."""

    def __init__(self, pages: int) -> None:
        self.store = Written(pages)
        self.memory = Memory(self.store)
        self.running: list[Running] = []
        self.kept: list[tuple[int, ...]] = []
        self.evicted = False

    def longest(self, ids: list[int]) -> int:
        return min(max((common(k, tuple(ids)) for k in self.kept), default=0), len(ids) - 1)

    def begin(self, ids: list[int], more: int, session: str) -> None:
        before = self.memory.tree.pages
        lease = self.memory.begin(ids, len(ids) + more)
        self.evicted |= self.memory.tree.pages < before
        if lease is None:
            return
        assert lease.reused <= self.longest(ids)
        if not self.evicted:
            assert lease.reused == self.longest(ids)
        for at in range(lease.reused):
            assert self.store.read(lease, at) == tuple(ids[: at + 1]), "another prefix's tokens"
        self.running.append(Running(lease, [*ids, *range(90, 90 + more)], lease.reused, session))

    def advance(self, number: int, count: int) -> None:
        if not self.running:
            return
        one = self.running[number % len(self.running)]
        for at in range(one.done, min(len(one.ids), one.done + count)):
            self.store.write(one.lease, at, one.ids)
            one.done = at + 1

    def keep(self, number: int) -> None:
        if self.running:
            one = self.running[number % len(self.running)]
            self.memory.keep(one.lease, one.ids[: one.done], one.session)
            self.kept.append(tuple(one.ids[: one.done]))

    def end(self, number: int) -> None:
        if self.running:
            self.memory.end(self.running.pop(number % len(self.running)).lease)

    def check(self) -> None:
        """Every sequence finds what it has written; every page is held by those that have it, and no other."""
        for one in self.running:
            for at in range(one.done):
                assert self.store.read(one.lease, at) == tuple(one.ids[: at + 1]), "a page was written by another"
        held = Counter(page for one in self.running for page in one.lease.table.tolist())
        held.update(node.page for node in nodes(self.memory.tree._root))
        pool = self.memory.pool
        assert [held[page] for page in range(self.store.count)] == pool._holders
        assert sorted(pool._free) == [page for page in range(self.store.count) if not held[page]]


def nodes(node: Node) -> list[Node]:
    assert node.keys == sorted(node.keys) == [child.ids for child in node.children]
    assert not node.children or node.parent is None or len(node.ids) == SIZE
    return [n for child in node.children for n in (child, *nodes(child))]


IDS = st.lists(st.integers(0, 2), min_size=1, max_size=14)
NUMBER = st.integers(0, 5)
ACTION = st.one_of(
    st.tuples(st.just("begin"), IDS, st.integers(0, 6), st.sampled_from(["", "a", "b"])),
    st.tuples(st.just("advance"), NUMBER, st.integers(1, 9)),
    st.tuples(st.just("keep"), NUMBER),
    st.tuples(st.just("end"), NUMBER),
)


@settings(max_examples=400, deadline=None)
@given(st.integers(7, 40), st.lists(ACTION, max_size=40))
def test_whatever_is_asked_prefixes_are_right_and_no_page_is_lost(pages: int, actions: list[Any]) -> None:
    world = World(pages)
    for name, *arguments in actions:
        getattr(world, name)(*arguments)
        world.check()
    while world.running:
        world.end(0)
    world.check()
    assert world.memory.begin([99] * 20, 5 * SIZE) is not None, "all that is kept goes where room is needed"


def test_what_was_used_longest_ago_goes_first_and_a_session_s_own_last() -> None:
    world = World(6)
    for number, session in ((1, ""), (2, "s"), (3, "")):
        world.begin([number] * 8, 0, session)
        world.advance(0, 8)
        world.keep(0)
        world.end(0)
    assert world.memory.pool.free == 0
    world.begin([4] * 8, 0, "")
    world.end(0)
    assert [world.memory.tree.match([n] * 8)[1] for n in (1, 2, 3)] == [0, 8, 8]
    world.begin([5] * 16, 0, "")
    assert [world.memory.tree.match([n] * 8)[1] for n in (1, 2, 3)] == [0, 8, 0]
    assert world.memory.begin([6] * 20, 20) is None


def test_a_session_pins_its_newest_path_alone() -> None:
    world = World(12)
    for number in (1, 2):
        world.begin([number] * 8, 0, "s")
        world.advance(0, 8)
        world.keep(0)
        world.end(0)
    pins = {node.ids: node.pins for node in nodes(world.memory.tree._root) if not node.children}
    assert pins == {(1,) * 4: 0, (2,) * 4: 1}


@pytest.mark.parametrize("growing", [1, 3])
def test_a_sequence_that_grows_is_one_path(growing: int) -> None:
    """Kept again and again, as a session's prompts are: its last page is replaced, not doubled."""
    world = World(40)
    for length in range(growing, 25, growing):
        world.begin([7] * length, 0, "s")
        world.advance(0, length)
        world.keep(0)
        world.end(0)
    assert world.memory.pool.used == -(-length // SIZE) == world.memory.tree.pages
