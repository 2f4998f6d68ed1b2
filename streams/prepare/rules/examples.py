"""Documents that rules must drop or must keep."""

from __future__ import annotations

from streams.document import Document, Part

CODE_TEXT = "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\nprint(add(3, 4))\n"
HEXADECIMAL = "0123456789abcdef" * 70
TALK = "The parser stops at the second bracket, and the error names the wrong line. " * 4


def file(
    text: str, path: str = "a/b.py", language: str = "python", licence: str = "MIT", opt_out: bool = False,
    stars: int | None = None,
) -> Document:  # fmt: skip
    return Document(
        offset=0, index=0, kind="file", parts=[Part("text", text)], path=path, language=language,
        licence=licence, opt_out=opt_out, stars=stars,
    )  # fmt: skip


def commit(message: str, before: str = "", after: str = "x = 1\n", path: str = "a.py") -> Document:
    parts = [Part("message", message), Part("before", before), Part("after", after)]
    return Document(offset=0, index=0, kind="commit", parts=parts, path=path, language="python")


def issue(*said: tuple[str, str], title: str = "It fails") -> Document:
    """Of comments: (author, text)."""
    comments = [Part("comment", text, f"{author}\nopened") for author, text in said]
    return Document(offset=0, index=0, kind="issue", parts=[Part("title", title), *comments])


def question(text: str, *answers: str) -> Document:
    parts = [Part("title", "It fails"), Part("question", text, "python\n3")]
    parts += [Part("answer", answer, "\n1\n") for answer in answers]
    return Document(offset=0, index=0, kind="question", parts=parts, number=7)


OWN = (file(CODE_TEXT),)
