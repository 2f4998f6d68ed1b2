"""A tree of token prefixes over pages: what any sequence has computed is found again by the ids that it stands for.

A node is a page: at most S ids behind those of its parent; only a full one has children. Two children may begin with
the same ids. Children are kept in the order of their ids, so the one that has most in common with other ids stands
beside the place where these would be.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from server.engine.pool import Pool


class Node:
    """A page of a prefix."""

    __slots__ = ("children", "ids", "keys", "page", "parent", "pins", "used")

    def __init__(self, ids: tuple[int, ...], page: int, parent: Node | None) -> None:
        self.ids, self.page, self.parent = ids, page, parent
        self.keys: list[tuple[int, ...]] = []
        self.children: list[Node] = []
        self.pins = 0
        self.used = 0

    def nearest(self, ids: tuple[int, ...]) -> tuple[Node | None, int]:
        """The child with the longest beginning in common with `ids`, and its length."""
        at, best, most = bisect_left(self.keys, ids), None, 0
        for near in self.children[max(0, at - 1) : at + 1]:
            if (same := common(near.ids, ids)) > most:
                best, most = near, same
        return best, most

    def add(self, child: Node) -> None:
        at = bisect_left(self.keys, child.ids)
        self.keys.insert(at, child.ids)
        self.children.insert(at, child)

    def remove(self, child: Node) -> None:
        at = bisect_left(self.keys, child.ids)
        del self.keys[at], self.children[at]


class Radix:
    """Owned by the engine's thread. Holds each of its pages once; `evict` gives up what was used longest ago."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._root = Node((), -1, None)
        self._clock = 0
        self._leaves: list[tuple[int, int, Node]] = []
        """A heap of (when it was used, its page, leaf): a leaf that was used again or pinned since has another entry,
        or will have one."""
        self.pages = 0

    def match(self, ids: Sequence[int]) -> tuple[Node, int]:
        """The deepest node of the longest prefix of `ids` in the tree, and that prefix's length: of the node's own ids
        perhaps not all are part of it."""
        size, node, at = self._pool.size, self._root, 0
        while at < len(ids):
            rest = tuple(ids[at : at + size])
            best, same = node.nearest(rest)
            if best is None:
                break
            node, at = best, at + same
            if same < size:
                break
        self._touch(node)
        return node, at

    def path(self, node: Node) -> list[int]:
        """Pages from the root to the node."""
        pages: list[int] = []
        while node.parent is not None:
            pages.append(node.page)
            node = node.parent
        return pages[::-1]

    def insert(self, ids: Sequence[int], table: Sequence[int]) -> Node:
        """Puts what a sequence has computed into the tree: its pages, where other ones do not hold the same already.
        Returns the deepest node."""
        size, node = self._pool.size, self._root
        for at in range(0, len(ids), size):
            node = self._below(node, tuple(ids[at : at + size]), table[at // size])
        self._touch(node)
        return node

    def _below(self, node: Node, ids: tuple[int, ...], page: int) -> Node:
        """The node's child that begins with `ids`: one that is there, one that ended before and is longer now, or a
        new one."""
        best, same = node.nearest(ids)
        if best is not None and same == len(ids):
            return best
        if best is not None and same == len(best.ids):  # it holds the beginning of these
            node.remove(best)
            if best.page != page:
                self._pool.share(page)
                self._pool.release(best.page)
            best.ids, best.page = ids, page
            node.add(best)
            return best
        self._pool.share(page)
        child = Node(ids, page, node)
        node.add(child)
        self.pages += 1
        return child

    def pin(self, node: Node) -> None:
        """Neither it nor what is above it is evicted until `unpin`."""
        node.pins += 1

    def unpin(self, node: Node) -> None:
        node.pins -= 1
        assert node.pins >= 0
        self._offer(node)

    def evict(self, free: int) -> bool:
        """Gives up leaves that nobody has pinned until so many pages are free; false when there are no more."""
        while self._pool.free < free and self._leaves:
            used, _, node = heappop(self._leaves)
            if node.used == used and node.parent is not None and not node.children and not node.pins:
                self._give_up(node, node.parent)
        return self._pool.free >= free

    def _give_up(self, node: Node, parent: Node) -> None:
        parent.remove(node)
        node.parent = None
        self.pages -= 1
        self._pool.release(node.page)
        self._offer(parent)

    def _touch(self, node: Node) -> None:
        self._clock += 1
        leaf = node
        while node.parent is not None:
            node.used = self._clock
            node = node.parent
        self._offer(leaf)

    def _offer(self, node: Node) -> None:
        """It may be evicted, if it is a leaf."""
        if node.parent is None or node.children or node.pins:
            return
        heappush(self._leaves, (node.used, node.page, node))
        if len(self._leaves) > 4 * self.pages + 64:
            self._leaves = list({id(entry[2]): entry for entry in self._leaves if entry[2].used == entry[0]}.values())
            heapify(self._leaves)


def common(one: Sequence[int], two: Sequence[int]) -> int:
    """How many ids both begin with."""
    limit = min(len(one), len(two))
    if one[:limit] == two[:limit]:
        return limit
    return next(i for i in range(limit) if one[i] != two[i])
