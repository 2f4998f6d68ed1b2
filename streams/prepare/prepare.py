"""Prepare a Document: every rule that can drop one, hashes and signature.

Nothing after this stage but the index drops a document, so nothing that is not trained on shadows
a copy of itself.
"""

from __future__ import annotations

from collections import Counter

import xxhash

from model.lines import bare
from streams.document import Document
from streams.index.minhash import signature
from streams.prepare.language import language
from streams.prepare.licences import spdx_line
from streams.prepare.measure import measure
from streams.prepare.rules import RuleInput, Verdict, judge
from streams.prepare.shorten import shorten
from streams.recipe import Recipe


def weigh(document: Document, recipe: Recipe) -> Document | Verdict:
    """The document with its language, licence, hashes and signature; or why it is dropped."""
    shorten(document, recipe)
    text = compared(document)
    head = document.parts[0].text if document.parts else ""
    if document.kind in ("file", "commit"):
        document.language = language(document.path, text if document.kind == "commit" else head)
        document.licence = spdx_line(text) or document.licence
    verdict = judge(RuleInput(document, text, measure(text)), recipe)
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
    old, new = bare(before), bare(after)
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
