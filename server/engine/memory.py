"""What sequences of one model take of its pages, and what of it stays for the ones after them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.decoder.stores import Store
from server.engine.pool import Pool
from server.engine.radix import Node, Radix

MOST_SESSIONS = 4096
"""Names that are remembered at most."""


@dataclass
class Lease:
    """Pages of a running sequence."""

    table: NDArray[np.int32]
    reused: int
    """Tokens at its beginning that others have computed."""
    node: Node


class Memory:
    """Owned by the engine's thread. The bound is the number of pages: running sequences, the tree and the sessions'
    pins share them. What is pinned by sessions goes last, that of the session used longest ago first."""

    def __init__(self, store: Store) -> None:
        self.pool = Pool(store)
        self.tree = Radix(self.pool)
        self._sessions: OrderedDict[str, Node] = OrderedDict()

    def begin(self, ids: Sequence[int], tokens: int) -> Lease | None:
        """Pages for `tokens` tokens, the first of which are `ids`; at least the last of these is left to compute, since
        no logits are kept. None: so many are not free now."""
        size = self.pool.size
        node, same = self.tree.match(ids)
        reused = min(same, len(ids) - 1)
        path, full = self.tree.path(node), reused // size
        needed = -(-tokens // size) - full
        self.tree.pin(node)
        if not self._make_free(needed):
            self.tree.unpin(node)
            return None
        for page in path[:full]:
            self.pool.share(page)
        fresh = self.pool.take(needed)
        if reused % size:
            self.pool.copy(path[full], fresh[0], reused % size)
        return Lease(np.array([*path[:full], *fresh], np.int32), reused, node)

    def keep(self, lease: Lease, ids: Sequence[int], session: str = "") -> None:
        """What the sequence has computed, `ids`, is found by others from now on, and pinned for the session."""
        node = self.tree.insert(ids, lease.table.tolist())
        self.tree.pin(node)
        self.tree.unpin(lease.node)
        lease.node = node
        if session:
            self._pin(session, node)

    def end(self, lease: Lease) -> None:
        """Gives the sequence's pages back."""
        self.tree.unpin(lease.node)
        for page in lease.table.tolist():
            self.pool.release(page)

    def _pin(self, session: str, node: Node) -> None:
        self.tree.pin(node)
        former = self._sessions.pop(session, None)
        if former is not None:
            self.tree.unpin(former)
        self._sessions[session] = node
        if len(self._sessions) > MOST_SESSIONS:
            self._forget()

    def _forget(self) -> None:
        _, node = self._sessions.popitem(last=False)
        self.tree.unpin(node)

    def _make_free(self, pages: int) -> bool:
        while not self.tree.evict(pages):
            if not self._sessions:
                return False
            self._forget()
        return True
