"""Who holds which page: counts, and a list of the free ones."""

from __future__ import annotations

from model.decoder.stores import Store


class Pool:
    """A page is free when nobody holds it. It is written by the one that took it, and read by all that share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._holders = [0] * store.count
        self._free = list(range(store.count - 1, -1, -1))

    @property
    def size(self) -> int:
        """Tokens of a page."""
        return self._store.size

    @property
    def free(self) -> int:
        return len(self._free)

    @property
    def used(self) -> int:
        return len(self._holders) - len(self._free)

    def take(self, count: int) -> list[int]:
        """So many free pages, each held once: there must be as many."""
        assert count <= len(self._free)
        pages = [self._free.pop() for _ in range(count)]
        for page in pages:
            self._holders[page] = 1
        return pages

    def share(self, page: int) -> None:
        """One more holds it."""
        assert self._holders[page] > 0
        self._holders[page] += 1

    def release(self, page: int) -> None:
        """One less."""
        self._holders[page] -= 1
        assert self._holders[page] >= 0
        if not self._holders[page]:
            self._store.drop(page)
            self._free.append(page)

    def copy(self, source: int, target: int, tokens: int) -> None:
        self._store.copy(source, target, tokens)
