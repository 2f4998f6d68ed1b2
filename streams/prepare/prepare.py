"""Prepare a Document: every rule that can drop one, hashes and signature.

Nothing after this stage but the index drops a document, so nothing that is not trained on shadows
a copy of itself.
"""

from __future__ import annotations

import xxhash

from streams.document import Document
from streams.index.minhash import signature
from streams.prepare.language import language
from streams.prepare.licences.headers import header
from streams.prepare.measure import measure
from streams.prepare.rules import RuleInput, Verdict, judge
from streams.prepare.shorten import shorten
from streams.prepare.texts import compared, judged, whole
from streams.recipe import Recipe


def weigh(document: Document, recipe: Recipe) -> Document | Verdict:
    """The document with its language, licence, hashes and signature; or why it is dropped."""
    verdict = judge(rule_input(document, recipe), recipe)
    if verdict is not None:
        return verdict
    document.id = identity(document)
    text = compared(document)
    document.exact = xxhash.xxh3_128_digest(text.encode("utf-8", "replace"))
    document.signature = signature(text)
    return document


def rule_input(document: Document, recipe: Recipe) -> RuleInput:
    """What rules look at; the document is shortened in place, and gets its language and licence."""
    shorten(document, recipe)
    if document.kind in ("file", "commit"):
        text = whole(document)
        document.language = language(document.path, text)
        document.licence = header(text) or document.licence
    text = judged(document)
    return RuleInput(document, text, measure(text))


def identity(document: Document) -> bytes:
    """16 bytes of what the document says and where it stands: the key of every keyed choice about it."""
    hasher = xxhash.xxh3_128()
    for text in (document.kind, document.repository, document.path, str(document.number)):
        hasher.update(text.encode("utf-8", "replace") + b"\0")
    for part in document.parts:
        hasher.update(part.role.encode() + b"\0" + part.text.encode("utf-8", "replace") + b"\0")
    return hasher.digest()
