"""Prepare: an event into Documents, every rule that can drop one, hashes and signature.

Nothing after this stage but the index drops a document, so nothing that is not trained on shadows
a copy of itself.
"""

from __future__ import annotations

from collections import Counter

import xxhash

from streams import event as events
from streams.document import Document, Part
from streams.index.minhash import signature
from streams.prepare.language import language
from streams.prepare.licences import spdx_line
from streams.prepare.measure import measure
from streams.prepare.rules import Seen, Verdict, judge
from streams.recipe import Recipe


def explode(event: events.Event, offset: int) -> list[Document]:
    """The event's documents in their order, before any filter; `index` counts them from 0."""
    repository = event.repository
    match event:
        case events.Files():
            documents = [_file(event, f) for f in event.files]
        case events.Commit():
            documents = [_commit(event, f) for f in event.files]
        case events.Issue():
            documents = [_issue(event)]
        case events.Notebook():
            documents = [_notebook(event)]
        case events.Question():
            documents = [_question(event)]
    for index, d in enumerate(documents):
        d.offset, d.index = offset, index
        d.repository, d.stars, d.opt_out = repository.key, repository.stars, repository.opt_out
    return documents


def weigh(document: Document, recipe: Recipe) -> Document | Verdict:
    """The document with its language, licence, hashes and signature; or why it is dropped."""
    text = compared(document)
    head = document.parts[0].text if document.parts else ""
    if document.kind in ("file", "commit"):
        document.language = language(document.path, text if document.kind == "commit" else head)
        document.licence = spdx_line(text) or document.licence
    verdict = judge(Seen(document, text, measure(text)), recipe)
    if verdict is not None:
        return verdict
    document.id = identity(document)
    document.exact = xxhash.xxh3_128_digest(text.encode("utf-8", "replace"))
    document.signature = signature(text)
    return document


def compared(document: Document) -> str:
    """What the index compares: a file's text, a commit's message and changed lines, the words of an issue
    or a question, a notebook's sources."""
    parts = document.parts
    if document.kind == "commit":
        by_role = {p.role: p.text for p in parts}
        return by_role.get("message", "") + "\n" + changed_lines(by_role.get("before", ""), by_role.get("after", ""))
    if document.kind == "notebook":
        return "\n".join(p.text for p in parts if p.role != "output")
    return "\n".join(p.text for p in parts)


def changed_lines(before: str, after: str) -> str:
    """The lines that only one side has, removed ones first, in their order; linear in the lines' number."""
    old, new = before.splitlines(), after.splitlines()
    return "\n".join([*_surplus(old, Counter(new)), *_surplus(new, Counter(old))])


def _surplus(lines: list[str], others: Counter[str]) -> list[str]:
    surplus: list[str] = []
    for line in lines:
        if others[line] > 0:
            others[line] -= 1
        else:
            surplus.append(line)
    return surplus


def identity(document: Document) -> bytes:
    """16 bytes of what the document says and where it stands: the key of every keyed choice about it."""
    hasher = xxhash.xxh3_128()
    for text in (document.kind, document.repository, document.path, str(document.number)):
        hasher.update(text.encode("utf-8", "replace") + b"\0")
    for part in document.parts:
        hasher.update(part.role.encode() + b"\0" + part.text.encode("utf-8", "replace") + b"\0")
    return hasher.digest()


def _file(event: events.Files, file: events.SourceFile) -> Document:
    return Document(
        offset=0, index=0, kind="file", parts=[Part("text", file.text)], path=file.path,
        licence=event.repository.licence, revision=event.revision,
    )  # fmt: skip


def _commit(event: events.Commit, file: events.ChangedFile) -> Document:
    parts = [Part("message", event.message), Part("before", file.before or ""), Part("after", file.after or "")]
    return Document(
        offset=0, index=0, kind="commit", parts=parts, path=file.path,
        licence=event.repository.licence, revision=event.sha,
    )  # fmt: skip


def _issue(event: events.Issue) -> Document:
    comments = [Part("comment", c.text, f"{c.author}\n{c.action}") for c in event.comments]
    return Document(
        offset=0, index=0, kind="issue", parts=[Part("title", event.title), *comments],
        licence=event.repository.licence, number=event.number, state=event.state,
    )  # fmt: skip


def _notebook(event: events.Notebook) -> Document:
    parts: list[Part] = []
    for cell in event.cells:
        parts.append(Part(cell.type, cell.source))
        if cell.output:
            parts.append(Part("output", cell.output))
    return Document(
        offset=0, index=0, kind="notebook", parts=parts, path=event.path,
        licence=event.repository.licence, language=event.language,
    )  # fmt: skip


def _question(event: events.Question) -> Document:
    tags = " ".join("-".join(tag.split()) for tag in event.tags)
    parts = [Part("title", event.title), Part("question", event.text, f"{tags}\n{event.votes}")]
    parts += [Part("answer", a.text, f"\n{a.votes}\n{'accepted' if a.accepted else ''}") for a in event.answers]
    return Document(
        offset=0, index=0, kind="question", parts=parts, licence=event.repository.licence, number=event.number
    )
