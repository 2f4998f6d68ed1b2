"""An event into its Documents, weighed while it expands (architecture §2, Large events).

A small event may become something that no topic could hold: a commit's message stands in the Document of every file,
and an empty file of twenty bytes becomes a Document of hundreds. So the weight is taken document by document, before
any rule, and an event above a limit dies whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from model.languages import kernel
from streams import event as events
from streams.document import Document, Part, Project
from streams.frame import own_bytes
from streams.prepare.elements import UNREADABLE, Broken, salvage
from streams.prepare.licences.texts import recognise
from streams.sharing import shared_bytes

MIB = 1024 * 1024
MAX_EVENT_BYTES = 16 * MIB
"""An event's share of an encoded Frame. A source record of 8 MiB becomes little more than that when it holds texts; a
topic of Frames takes 24 MiB, and redaction and tokens are left the difference."""
MAX_EVENT_TEXT = 48 * MIB
"""Bytes of all documents where each holds all that it says: what the stages work through, and what their dead letters
would hold. Some seconds of work for the slowest stage."""
ADDED_BYTES = 400
"""What prepare adds to a document: signature (256), identity and hash (32), language, licence, its place in a tally or
its rejection. Not its set of shingles: where an event has no room for these, it goes without (`streams.fit`)."""


class TooLargeWhenExpanded(ValueError):
    """The documents of the event are too large together."""


@dataclass(frozen=True)
class Expansion:
    """What an event holds."""

    documents: list[Document]
    broken: list[Broken] = field(default_factory=list)

    @property
    def seen(self) -> int:
        return len(self.documents) + len(self.broken)


def expand(value: bytes, offset: int) -> Expansion:
    """The documents of an event, before any filter; `index` counts them, the broken ones too, from 0.

    Raises one of UNREADABLE on what is no event, TooLargeWhenExpanded, and OverflowError when a
    number does not fit 64 bits.
    """
    try:
        event, indexes, broken = events.decode(value), None, []
    except UNREADABLE as error:
        event, indexes, broken = _salvaged(value, error)
    documents: list[Document] = []
    text = sum(len(b.value) for b in broken)
    size = shared = 0
    for number, document in enumerate(_documents(event)):
        document.offset, document.index = offset, number if indexes is None else indexes[number]
        once = shared_bytes(document)
        own = own_bytes(document) + ADDED_BYTES
        size, shared, text = size + own, max(shared, once), text + own + once
        if size + shared > MAX_EVENT_BYTES or text > MAX_EVENT_TEXT:
            raise TooLargeWhenExpanded
        documents.append(document)
    if text > MAX_EVENT_TEXT:
        raise TooLargeWhenExpanded
    return Expansion(documents, broken)


def _salvaged(value: bytes, error: Exception) -> tuple[events.Event, list[int], list[Broken]]:
    """Raises `error` when no file can be read by itself, or none is the reason of it."""
    try:
        remains = salvage(value)
    except UNREADABLE:
        raise error from None
    return remains.event, remains.indexes, remains.broken


def _documents(event: events.Event) -> Iterator[Document]:
    """The event's documents in their order, not yet numbered."""
    repository = event.repository
    licence = repository.licence or recognise(repository.licence_text)
    project = Project(repository.commits, repository.tests, repository.language)
    for document in _bare(event):
        document.licence = document.licence or licence
        document.project = project if project != Project() else None
        document.repository, document.stars, document.opt_out = repository.key, repository.stars, repository.opt_out
        yield document


def _bare(event: events.Event) -> Iterator[Document]:
    match event:
        case events.Files():
            yield from (_file(event, f) for f in event.files)
        case events.Commit():
            yield from (_commit(event, f) for f in event.files)
        case events.Issue() | events.Pull():
            yield _thread(event)
        case events.Notebook():
            yield _notebook(event)
        case events.Question():
            yield _question(event)


def _file(event: events.Files, file: events.SourceFile) -> Document:
    return Document(
        offset=0, index=0, kind="file", parts=[Part("text", file.text)], path=file.path,
        revision=event.revision, licence=file.licence,
    )  # fmt: skip


def _commit(event: events.Commit, file: events.ChangedFile) -> Document:
    parts = [Part("message", event.message), Part("before", file.before or ""), Part("after", file.after or "")]
    return Document(
        offset=0, index=0, kind="commit", parts=parts, path=file.path,
        revision=event.sha, former=file.former, line=max(0, file.line), copies=max(0, file.copies),
        licence=file.licence,
    )  # fmt: skip


def _thread(event: events.Issue | events.Pull) -> Document:
    """A pull request's diff stands before what was said of it, each comment on code behind its hunk."""
    pull = isinstance(event, events.Pull)
    parts = [Part("title", event.title)]
    if pull:
        parts += [Part("diff", file.text, file.path) for file in event.files]
    for c in event.comments:
        if c.path or c.hunk:
            parts.append(Part("hunk", c.hunk, c.path))
        parts.append(Part("comment", c.text, f"{c.author}\n{c.action}"))
    return Document(
        offset=0, index=0, kind="pull" if pull or event.pull_request else "issue", parts=parts,
        number=event.number, state=event.state,
        thread=_name(event), updated=max(map(seconds, (event.updated, *(c.date for c in event.comments)))),
    )  # fmt: skip


def _name(event: events.Issue | events.Pull) -> str:
    """What identifies the thread in its repository: issues, pull requests and discussions are numbered together."""
    if event.number:
        return f"#{event.number}"
    return f"{event.subject} {event.reference}" if isinstance(event, events.Issue) and event.reference else ""


def seconds(date: str) -> int:
    """Of an ISO 8601 date and time, seconds since 1970; 0 for what is none. Without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(date)
        return max(0, int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError):
        return 0


def _notebook(event: events.Notebook) -> Document:
    parts: list[Part] = []
    for cell in event.cells:
        parts.append(Part(cell.type, cell.source))
        if cell.output:
            parts.append(Part("output", cell.output))
    return Document(
        offset=0, index=0, kind="notebook", parts=parts, path=event.path,
        language=kernel(event.language), licence=event.licence,
    )  # fmt: skip


def _question(event: events.Question) -> Document:
    tags = " ".join("-".join(tag.split()) for tag in event.tags)
    parts = [Part("title", event.title), Part("question", event.text, f"{tags}\n{event.votes}")]
    parts += map(_remark, event.comments)
    for answer in event.answers:
        parts.append(Part("answer", answer.text, f"\n{answer.votes}\n{'accepted' if answer.accepted else ''}"))
        parts += map(_remark, answer.comments)
    return Document(
        offset=0, index=0, kind="question", parts=parts, number=event.number,
        thread=f"#{event.number}" if event.number else "", updated=seconds(event.updated),
    )  # fmt: skip


def _remark(remark: events.Remark) -> Part:
    return Part("remark", remark.text, f"\n{remark.votes}")
