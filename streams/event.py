"""The public JSON schemas of the source topics. Anyone may produce them with any Kafka client.

One JSON object a record, its key the repository (`host/name`). The field `kind` says which struct
it is. Unknown fields are ignored, so a producer may be newer than a worker. docs/events.md shows
an example of each.
"""

from __future__ import annotations

from typing import Literal

import msgspec

MAX_RECORD_BYTES = 8 * 1024 * 1024
"""The largest source record, key and value together (architecture §1)."""


class Repository(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What prepare must know of a repository, so that it needs no state."""

    name: str
    """`owner/name`, or a folder's name for local sources."""
    host: str = "local"
    licence: str = ""
    """SPDX expression, empty when unknown."""
    licence_text: str = ""
    """The beginning of the licence file, of which 4,000 characters are read; needed where `licence` is empty alone."""
    stars: int | None = None
    commits: int | None = None
    tests: int | None = None
    """Files that are tests by their names."""
    language: str = ""
    opt_out: bool = False

    @property
    def key(self) -> str:
        return f"{self.host}/{self.name}"


class SourceFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of one file."""

    path: str
    text: str
    blob: str = ""
    """The git blob id, when known."""
    licence: str = ""
    """SPDX expression, where it is another than the repository's: a folder's below the root, or the file's own."""


class ChangedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of a commit, on both sides of it."""

    path: str
    before: str | None = None
    """None when the commit adds the file."""
    after: str | None = None
    """None when the commit deletes the file."""
    former: str = ""
    """The path before the commit, where it renames the file."""
    line: int = 0
    """Where `before` and `after` are not the whole file but the change with some lines around it: the lines of the file
    that come before both, and one. 0: the whole file."""
    copies: int = 0
    """Whole versions of this path that were sent before; with many, the change is shown without the whole file."""
    licence: str = ""
    """SPDX expression, where it is another than the repository's: a folder's below the root, or the file's own."""


class Comment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A turn of a thread."""

    text: str
    author: str = ""
    action: str = "commented"
    """opened, commented, closed, reopened, merged; of a review: approved, changes_requested, dismissed."""
    date: str = ""
    path: str = ""
    """Of a comment on code: the file that it speaks of."""
    hunk: str = ""
    """The part of the diff that it speaks of, in unified form."""


class Patch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A changed file of a pull request: its hunks in unified form."""

    path: str
    text: str


class Cell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cell of a notebook."""

    type: Literal["code", "markdown", "raw"]
    source: str
    output: str = ""
    """The text that the formats use; everything else of the outputs is stripped at the source."""


class Files(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="files"):
    """Versions of files of one repository; each file is a Document."""

    repository: Repository
    files: list[SourceFile]
    revision: str = ""


class Commit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="commit"):
    """A commit, or part `part` of `parts` of one too large for a record; each changed file is a Document."""

    repository: Repository
    sha: str
    message: str
    files: list[ChangedFile]
    date: str = ""
    part: int = 0
    parts: int = 1


class Issue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="issue"):
    """A whole thread, assembled by the source: one Document. The opening text is the first comment."""

    repository: Repository
    number: int = 0
    """0 where a thread has none; then `reference` identifies it."""
    title: str
    comments: list[Comment]
    state: str = "open"
    pull_request: bool = False
    """A pull request's thread, by a producer that does not know the kind `pull`."""
    subject: str = "issue"
    """What the thread is about: issue, discussion, commit, release, wiki."""
    reference: str = ""
    """A commit's hash, a release's tag, a page's name."""
    updated: str = ""
    """When anything in it changed last; of two versions of a thread, the later one counts."""


class Pull(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="pull"):
    """A whole pull request: one Document. Its description is the first comment; comments on code say path and hunk."""

    repository: Repository
    number: int
    title: str
    comments: list[Comment]
    state: str = "open"
    """open, closed or merged."""
    files: list[Patch] = []
    """The diff, where the source knows it."""
    updated: str = ""


class Notebook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="notebook"):
    """One notebook, outputs stripped to text: one Document."""

    repository: Repository
    path: str
    cells: list[Cell]
    language: str = "python"
    licence: str = ""
    """SPDX expression, where it is another than the repository's: a folder's below the root, or the file's own."""


class Remark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A comment on a question or an answer."""

    text: str
    votes: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer of a question."""

    text: str
    votes: int = 0
    accepted: bool = False
    comments: list[Remark] = []


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="question"):
    """A question of a Stack Exchange site with its answers, best first: one Document. The site is the repository."""

    repository: Repository
    number: int
    title: str
    text: str
    tags: list[str] = []
    votes: int = 0
    comments: list[Remark] = []
    answers: list[Answer] = []
    updated: str = ""


Event = Files | Commit | Issue | Pull | Notebook | Question

TOPIC_OF: dict[type, str] = {
    Files: "files", Commit: "commits", Issue: "issues", Pull: "issues", Notebook: "notebooks", Question: "issues",
}  # fmt: skip

_decoder = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


def decode(value: bytes) -> Event:
    """The event of a record's value.

    Raises msgspec.DecodeError (bad JSON, bad UTF-8) or msgspec.ValidationError (a field is missing
    or of another type).
    """
    return _decoder.decode(value)


def encode(event: Event) -> bytes:
    """The value of a record that carries the event: JSON."""
    return _encoder.encode(event)
