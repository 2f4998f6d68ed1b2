"""What a source takes for text, and the name that a source gives to what it leaves out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

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
NOT_UTF8 = LeftOut("not UTF-8")


def text_of(value: bytes) -> str | LeftOut:
    """The text of a file's bytes. A byte-order mark is dropped; line ends stay as they are."""
    if len(value) > MAX_FILE_BYTES:
        return TOO_LARGE
    if b"\0" in value:
        return BINARY
    try:
        return value.decode("utf-8-sig")
    except UnicodeDecodeError:
        return NOT_UTF8


def clean(name: str) -> str:
    """A name from the file system or from JSON as text that can be encoded: what is no character becomes `?`."""
    return name.encode("utf-8", "replace").decode()
