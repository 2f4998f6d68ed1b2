"""What a document is, in 16 bytes."""

from __future__ import annotations

import xxhash

from streams.document import Document


def identity(document: Document) -> bytes:
    """16 bytes of what the document says and where it stands: the key of every keyed choice about it."""
    hasher = xxhash.xxh3_128()
    for text in (document.kind, document.repository, document.path, str(document.number)):
        hasher.update(text.encode("utf-8", "replace") + b"\0")
    for part in document.parts:
        hasher.update(part.role.encode() + b"\0" + part.text.encode("utf-8", "replace") + b"\0")
    return hasher.digest()
