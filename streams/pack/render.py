"""How each kind of document reads to the model, in a format's own sentinels where it has them (docs/formats.md).

A rendering is a head, which every piece of a cut document repeats, and a body: a list in which a `Mark` is a sentinel
and a plain string is text that may be cut. Only a body of one text may be permuted for infilling. Where a format has no
sentinels for a kind, the document is plain text, laid out as people would write it.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.fim.fim import file_head, star_bucket
from model.fim.format import Format
from model.fim.formats import STARCODER
from streams.document import Document
from streams.draw import drawn
from streams.pack import cells, changes, threads
from streams.recipe import Shares

PUBLISHED = Shares()
"""The defaults."""


@dataclass(frozen=True)
class Rendering:
    head: tuple[str, ...]
    body: tuple[str, ...]
    infill: bool
    middle: tuple[int, int] | None = None
    """Characters of the body's one text that are to be the middle; None: chosen by `model.fim.fim.choose`."""


def render(document: Document, fmt: Format = STARCODER, shares: Shares = PUBLISHED, seed: int = 0) -> Rendering:
    """The same document and arguments give the same rendering."""
    match document.kind:
        case "file":
            head = tuple(_file_head(document, fmt, shares, seed))
            return Rendering(head, (document.parts[0].text,), infill=True)
        case "commit":
            return _commit(document, fmt, shares, seed)
        case "notebook":
            return _notebook(document, fmt, shares, seed)
        case "issue":
            return Rendering((), tuple(threads.issue(document, fmt)), infill=False)
        case "pull":
            return Rendering((), tuple(threads.pull(document, fmt)), infill=False)
        case "question":
            return Rendering((), tuple(threads.question(document, fmt)), infill=False)


def _file_head(document: Document, fmt: Format, shares: Shares, seed: int) -> list[str]:
    """Each with a probability of its own."""
    path = document.path if drawn(document.id, "path", shares.path, seed) else ""
    repository = document.repository if drawn(document.id, "repository", shares.repository, seed) else ""
    known = document.stars is not None and drawn(document.id, "stars", shares.stars, seed)
    stars = star_bucket(document.stars) if known and document.stars is not None else ""
    return file_head(path, repository, stars, fmt)


def _commit(document: Document, fmt: Format, shares: Shares, seed: int) -> Rendering:
    """In one form: as the first of `forms` would be, were they not both shown."""
    after = after_change(document, fmt) if drawn(document.id, "hunk", shares.hunk, seed) else None
    return after or change(document, fmt, margin_of(document, shares, seed))


def forms(document: Document, fmt: Format, shares: Shares, seed: int) -> tuple[Rendering | None, bool]:
    """Of a changed file: the file after the change, and whether the change itself is shown, too."""
    both = drawn(document.id, "both", shares.both, seed)
    after = after_change(document, fmt) if both or drawn(document.id, "hunk", shares.hunk, seed) else None
    return after, both or after is None


def after_change(document: Document, fmt: Format) -> Rendering | None:
    """The file after it, the changed lines in the middle; None where there is nothing to fill in."""
    before, after = _sides(document)
    middle = changes.hunk(before, after) if fmt.orders else None
    return Rendering(tuple(file_head(document.path, fmt=fmt)), (after,), infill=True, middle=middle) if middle else None


def margin_of(document: Document, shares: Shares, seed: int) -> int | None:
    """Lines that are shown around a change; None: the whole file."""
    fresh = document.line > 0 or document.copies < shares.copies  # a window is no whole file
    whole = fresh and drawn(document.id, "whole", shares.whole, seed)
    return None if whole else changes.margin(document.id, seed)


def change(document: Document, fmt: Format, lines: int | None) -> Rendering:
    """Message and change, with so many lines around it."""
    (before, after), head = _sides(document), tuple(file_head(document.path, fmt=fmt))
    message = next((p.text for p in document.parts if p.role == "message"), "")
    marked = changes.marked(fmt, message, before, after, lines)
    if marked:
        return Rendering(head, tuple(marked), infill=False)
    above = max(0, document.line - 1)
    shown = changes.diff(document.path, message, before, after, lines, document.former, above)
    return Rendering((), (shown,), infill=False)


def is_edit(document: Document) -> bool:
    """Whether the file was there before and is there after: of others all lines are the change."""
    return all(_sides(document))


def _sides(document: Document) -> tuple[str, str]:
    by_role = {p.role: p.text for p in document.parts}
    return by_role.get("before", ""), by_role.get("after", "")


def _notebook(document: Document, fmt: Format, shares: Shares, seed: int) -> Rendering:
    body = cells.structured(document, fmt)
    if body and not drawn(document.id, "script", shares.script, seed):
        return Rendering((), tuple(body), infill=False)
    head = file_head(cells.script_path(document), fmt=fmt)
    return Rendering(tuple(head), (cells.script(document),), infill=True)
