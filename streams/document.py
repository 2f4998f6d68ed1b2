"""A Document: what one file version, changed file, issue thread or notebook is between the stages."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Kind = Literal["file", "commit", "issue", "notebook", "question", "pull"]
_ORIGIN = re.compile(r"[0-9a-f]{32}:\d{1,9}:\d{1,18}:\d{1,9}", re.ASCII)
"""Numbers that fit 64 bits."""


class Source(msgspec.Struct, frozen=True, order=True):
    """One partition of one source topic. A re-created topic has another id, so it is another source."""

    topic: str
    """Without the prefix: commits, issues, notebooks, files or retries."""
    topic_id: str
    """Kafka's topic id as 32 hex digits."""
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"

    @property
    def key(self) -> str:
        """What marks and counts are kept by: `topic id:partition`."""
        return f"{self.topic_id}:{self.partition}"


class Origin(msgspec.Struct, frozen=True, order=True):
    """Where a document came from: the identity that delivery is counted by (architecture §2.2)."""

    topic_id: str
    partition: int
    offset: int
    index: int
    """Position in the event, counted before any filter."""

    def __str__(self) -> str:
        return f"{self.topic_id}:{self.partition}:{self.offset}:{self.index}"

    @staticmethod
    def is_one(text: str) -> bool:
        """Whether `str` may have written this."""
        return _ORIGIN.fullmatch(text) is not None

    @classmethod
    def parse(cls, text: str) -> Origin:
        """The origin that `str` wrote. Raises ValueError on anything else: anybody may write the key of a retry."""
        if not cls.is_one(text):
            raise ValueError("no origin")
        topic_id, partition, offset, index = text.split(":")
        return cls(topic_id, int(partition), int(offset), int(index))


class Part(msgspec.Struct, omit_defaults=True):
    """A piece of a document's text with its role; every part goes through redaction."""

    role: str
    """text | message, before, after | title, diff, hunk, comment | markdown, code, raw, output | title, question,
    answer, remark. A hunk belongs to the comment behind it, a remark to the question or answer before it."""
    text: str
    label: str = ""
    """What the renderer needs beside the text: a comment's author and action, the path of a diff or a hunk."""
    shared: int = 0
    """In an encoded Frame alone: the text is `Frame.texts[shared - 1]`. 0: it stands here."""


class Project(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a repository as a whole; the stars stand in the document."""

    commits: int | None = None
    tests: int | None = None
    """Files that are tests by their names."""
    language: str = ""
    """The main one, as its host names it."""


class Document(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Unknown fields are ignored and new ones have defaults: Frames of version N-1 stay readable."""

    offset: int
    index: int
    kind: Kind
    parts: list[Part]
    id: bytes = b""
    """16 bytes of what the document says and where (kind, repository, path, parts): keys every keyed choice."""
    exact: bytes = b""
    """16 bytes of the compared text alone."""
    signature: bytes = b""
    """256 MinHash values of 8 bits, from prepare to dedup; empty below five tokens."""
    shingles: bytes = b""
    """The set of its shingles (`streams.index.shingles`), from prepare to dedup; empty below five tokens, and where an
    event has no room for it: then the signature alone decides."""
    repository: str = ""
    """`host/name`."""
    path: str = ""
    language: str = ""
    licence: str = ""
    stars: int | None = None
    revision: str = ""
    number: int = 0
    """An issue's number."""
    state: str = ""
    thread: str = ""
    """What identifies a thread in its repository, whatever it has grown to: `#7`, `commit 6dcb09b`; empty: none."""
    updated: int = 0
    """When anything in the thread changed last, seconds since 1970; 0: unknown."""
    cut: int = 0
    """Characters that were left out in the middle of what was too long."""
    opt_out: bool = False
    project: Project | None = None
    """What rules see of its repository; in no Frame."""
    former: str = ""
    """Of a changed file: its path before the commit, where that renames it."""
    line: int = 0
    """Of a changed file: its first line where the parts hold not the whole file but the change and lines around it."""
    copies: int = 0
    """Of a changed file: whole versions of the path that its source sent before."""
    redactions: dict[str, int] = {}
    """What was replaced in the parts, by kind (streams.redact)."""

    def origin(self, source: Source) -> Origin:
        return Origin(source.topic_id, source.partition, self.offset, self.index)

    @property
    def size(self) -> int:
        """Characters of text in all parts."""
        return sum(len(p.text) for p in self.parts)
