"""What an export says of a document: its facts, and its text or its token ids."""

from __future__ import annotations

import msgspec

from streams.document import Document, Source
from streams.redact.people import speaker


class RowPart(msgspec.Struct):
    """A piece of a document that is more than one text."""

    role: str
    """message, before, after | title, diff, hunk, comment | markdown, code, raw, output | title, question, answer."""
    text: str
    label: str
    """Of a comment who and what, as in `username_0 commented`; of a question its tags and votes, of an answer
    nothing, its votes and `accepted` or nothing, a line each."""


class RowFacts(msgspec.Struct, kw_only=True):
    """The columns that every layout has, in their order."""

    origin: str
    id: str
    """Hex of 16 bytes of what the document says and where."""
    kind: str
    repository: str
    path: str
    language: str
    licence: str
    revision: str
    stars: int | None
    number: int
    """An issue's, else 0."""
    state: str
    redactions: dict[str, int]
    """What was replaced, by kind."""


class Row(RowFacts, kw_only=True):
    """A document to be read."""

    text: str
    parts: list[RowPart]
    """Empty for a file: its text is its only part."""


class Tokens(RowFacts, kw_only=True):
    """A document to be trained on as it is."""

    ids: bytes
    """Little endian, of the layout's width."""


def facts(document: Document, source: Source) -> dict[str, object]:
    """The fields of RowFacts."""
    d = document
    return {
        "origin": str(d.origin(source)), "id": d.id.hex(), "kind": d.kind, "repository": d.repository, "path": d.path,
        "language": d.language, "licence": d.licence, "revision": d.revision, "stars": d.stars, "number": d.number,
        "state": d.state, "redactions": d.redactions,
    }  # fmt: skip


def row(document: Document, source: Source) -> Row:
    parts = [] if document.kind == "file" else _parts(document)
    text = _text(parts) if parts else "".join(p.text for p in document.parts)
    return msgspec.convert({**facts(document, source), "text": text, "parts": parts}, Row)


def _parts(document: Document) -> list[RowPart]:
    """Authors are numbered as where the trainer's text is rendered: no names."""
    names: dict[str, int] = {}
    row_parts: list[RowPart] = []
    for part in document.parts:
        label = part.label
        if part.role == "comment":
            author, _, action = label.partition("\n")
            label = f"{speaker(author, names)} {action}".strip()
        row_parts.append(RowPart(part.role, part.text, label))
    return row_parts


def _text(parts: list[RowPart]) -> str:
    """The texts that are not empty, a blank line between two, a comment behind its author."""
    spoken = (f"{p.label.split(' ')[0]}: {p.text}" if p.role == "comment" else p.text for p in parts)
    return "\n\n".join(text for text in spoken if text)
