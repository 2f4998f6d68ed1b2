"""Prepare a Document: every rule that can drop one, hashes, signature and shingles.

Nothing after this stage but the index drops a document, so nothing that is not trained on shadows
a copy of itself.
"""

from __future__ import annotations

import xxhash

from streams.document import Document
from streams.index.minhash import sketch
from streams.prepare.identity import identity
from streams.prepare.language import language
from streams.prepare.licences.expressions import together
from streams.prepare.licences.headers import header
from streams.prepare.recipes.recipe import Recipe
from streams.prepare.rules.rule import RuleInput, Verdict
from streams.prepare.shorten import shorten
from streams.prepare.texts import compared, judged, whole

__all__ = ["identity", "rule_input", "weigh"]


def weigh(document: Document, recipe: Recipe) -> Document | Verdict:
    """The document with its language, licence, hashes, signature and shingles; or why it is dropped."""
    verdict = recipe.judge(rule_input(document, recipe))
    if verdict is not None:
        return verdict
    document.id = identity(document)
    document.project = None
    text = compared(document)
    document.exact = xxhash.xxh3_128_digest(text.encode("utf-8", "replace"))
    document.signature, document.shingles = sketch(text)
    return document


def rule_input(document: Document, recipe: Recipe) -> RuleInput:
    """What rules look at; the document is shortened in place, and gets its language and licence."""
    shorten(document, recipe.lengths)
    if document.kind in ("file", "commit"):
        text = whole(document)
        document.language = language(document.path, text)
        document.licence = header(text) or document.licence
    elif document.kind == "notebook":
        document.licence = _cells_licence(document) or document.licence
    if recipe.edits:
        from streams.prepare.recipes.edits import apply  # with the grammars, which other recipes do without

        apply(document, recipe.edits)
    return RuleInput(document, judged(document))


def _cells_licence(document: Document) -> str:
    """What the first code cell, the first cell of text and the first raw one say, as the head of a file says it."""
    first: dict[str, str] = {}
    for part in document.parts:
        if part.role in ("code", "markdown", "raw") and part.text.strip():
            first.setdefault(part.role, part.text)
    return together(map(header, first.values()), repeated=True)
