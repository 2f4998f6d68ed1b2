"""The rows of the table that documents, and the log's insertions, become."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xxhash

from streams.document import Document
from streams.index.minhash import PERMUTATIONS
from streams.index.probe import Columns
from streams.index.shingles import PADDING, is_set
from streams.index.signatures import Insertion

KINDS = ("file", "commit", "issue", "notebook", "question", "pull")
"""By their numbers in the log: new ones at the end."""
_UNSIGNED = bytes(PERMUTATIONS)


def path_id(document: Document) -> int:
    """64 bits of repository and path, or of repository and thread, for what has versions; 0 otherwise."""
    if document.thread:
        return xxhash.xxh3_64_intdigest(f"{document.repository}\0\0{document.thread}".encode()) or 1
    if document.kind not in ("file", "notebook") or not document.path:
        return 0
    return xxhash.xxh3_64_intdigest(f"{document.repository}\0{document.path}".encode()) or 1


def version(document: Document) -> int:
    """Of a thread: later is greater, and of the same time, longer; 0 for what is none."""
    if not document.thread:
        return 0
    return min(max(document.updated, 0), 2**40 - 1) << 24 | min(document.size + document.cut + 1, 2**24 - 1)


def of_documents(documents: Sequence[Document], paths: Sequence[int], versions: Sequence[int]) -> Columns:
    given = zip(documents, paths, versions, strict=True)
    return _columns([(KINDS.index(d.kind), d.exact, path, v, d.signature, d.shingles) for d, path, v in given])


def of_insertions(insertions: Sequence[Insertion]) -> Columns:
    return _columns([(i.kind, i.exact, i.path, i.version, i.signature, i.shingles) for i in insertions])


def _columns(rows: Sequence[tuple[int, bytes, int, int, bytes, bytes]]) -> Columns:
    """Rows of (kind, exact, path, version, signature, set of shingles)."""
    n = len(rows)
    sets = [r[5] if is_set(r[5]) and r[4] else b"" for r in rows]
    sizes = np.fromiter(map(len, sets), np.int64, n)
    return Columns(
        np.fromiter((r[0] for r in rows), np.uint8, n),
        np.frombuffer(b"".join(r[1] for r in rows), "<u8").reshape(n, 2),
        np.fromiter((r[2] for r in rows), np.uint64, n),
        np.fromiter((r[3] for r in rows), np.uint64, n),
        np.frombuffer(b"".join(r[4] or _UNSIGNED for r in rows), np.uint8).reshape(n, PERMUTATIONS),
        np.fromiter((bool(r[4]) for r in rows), np.bool_, n),
        np.where(sizes > 0, 1 + np.cumsum(sizes) - sizes, 0),
        np.frombuffer(b"".join((b"\0", *sets, bytes(PADDING))), np.uint8),
    )
