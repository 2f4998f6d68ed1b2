"""A document of every kind around one text."""

from __future__ import annotations

from streams.document import Document, Part
from streams.prepare.prepare import identity

KINDS = {
    "file": lambda t: [Part("text", t)],
    "commit": lambda t: [Part("message", "Say why"), Part("before", t), Part("after", t + "more\n")],
    "issue": lambda t: [
        Part("title", "It fails"),
        Part("comment", t, "ann\nopened"),
        Part("comment", "Fixed.", "bob\n"),
    ],
    "pull": lambda t: [
        Part("title", "Mend it"),
        Part("diff", "@@ -1 +1 @@\n-a\n+b", "a.py"),
        Part("comment", t, "ann\nopened"),
        Part("hunk", "@@ -1 +1 @@\n-a\n+b", "a.py"),
        Part("comment", "Why?", "bob\ncommented"),
        Part("comment", "Fine", "bob\napproved"),
        Part("comment", "", "bob\nmerged"),
    ],
    "notebook": lambda t: [Part("markdown", "# Plot"), Part("code", t), Part("output", "3"), Part("code", "x = 1")],
}


def document(kind: str, text: str) -> Document:
    d = Document(offset=3, index=1, kind=kind, parts=KINDS[kind](text), path="a/b.py", language="python")  # type: ignore
    d.id = identity(d)
    return d
