"""What a source takes for text, and the name that a source gives to what it leaves out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from streams.sources.texts import encodings

MAX_FILE_BYTES = 1024 * 1024
"""A larger file is left out, with a count: of 47,160 code files 0.03 % are larger."""

Counts = Counter[str]
"""Reason to the number of things left out for it. Every drop at a source has one."""


@dataclass(frozen=True)
class LeftOut:
    """Why something is not text that can be sent."""

    reason: str


TOO_LARGE = LeftOut("larger than 1 MiB")
BINARY = LeftOut("binary")
UNKNOWN = LeftOut("unknown encoding")
LFS_POINTER = LeftOut("git LFS pointer")
LFS = b"version https://git-lfs.github.com/spec/v1"
MAX_POINTER_BYTES = 1024
"""A pointer is smaller (git-lfs, docs/spec.md)."""


def text_of(value: bytes) -> str | LeftOut:
    """The text of a file's bytes: UTF-8, or another encoding where it is certain which.

    A byte-order mark is dropped; line ends stay as they are.
    """
    if len(value) > MAX_FILE_BYTES:
        return TOO_LARGE
    if len(value) < MAX_POINTER_BYTES and value.startswith(LFS):
        return LFS_POINTER
    if b"\0" in value:
        return BINARY if (text := encodings.marked(value)) is None else text
    try:
        return value.decode("utf-8-sig")
    except UnicodeDecodeError:
        return UNKNOWN if (text := encodings.legacy(value)) is None else text


def words_of(value: bytes | LeftOut) -> str | None:
    """As `text_of`, where only the words count: what is no character in an unknown encoding becomes `\ufffd`."""
    text = value if isinstance(value, LeftOut) else text_of(value)
    if text is UNKNOWN and isinstance(value, bytes):
        return value.decode(errors="replace")
    return None if isinstance(text, LeftOut) else text


def clean(name: str) -> str:
    """A name from the file system or from JSON as text that can be encoded: what is no character becomes `?`."""
    return name.encode("utf-8", "replace").decode()
