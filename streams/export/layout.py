"""A layout: how the rows of a shard lie in files, for one kind of trainer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from streams.document import Document, Source
from streams.export.state import Shard


class Writer(Protocol):
    """A shard being written. The same items in the same order make the same bytes."""

    def add(self, item: Any) -> None: ...
    def close(self) -> None: ...


class Layout(Protocol):
    """Items of one layout are of one type, a `Facts` with more. `base` is a shard's path without a suffix."""

    name: str
    suffixes: tuple[str, ...]
    """Of the files that a shard is made of."""
    unit: str
    """What an item's size is counted in."""

    def size(self, item: Any) -> int: ...
    def item(self, document: Document, source: Source) -> Any: ...
    def writer(self, base: Path) -> Writer: ...
    def read(self, base: Path) -> Iterator[Any]: ...

    def beside(self, shards: Iterable[Shard]) -> dict[str, bytes]:
        """Files that follow from the shards there are, by name."""
        ...
