"""How each kind of document reads to the model, in StarCoder's formats (facts of each: docs/formats.md).

A rendering is a head, which every piece of a cut document repeats, and a body: a list in which a
`Mark` is a sentinel and a plain string is text that may be cut at line ends. Only a file's body may
be permuted for infilling.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.fim import Mark, file_head, star_bucket
from streams.document import Document, Part

METADATA_SHARE = 0.2
"""Probability of the repository, and of the stars, in a file's head (StarCoderData)."""
WINDOW = 32
"""Lines kept on either side of a commit's change."""


@dataclass(frozen=True)
class Rendering:
    head: tuple[str, ...]
    body: tuple[str, ...]
    infill: bool


def render(document: Document) -> Rendering:
    match document.kind:
        case "file":
            return Rendering(tuple(_file_head(document)), (document.parts[0].text,), infill=True)
        case "commit":
            return _commit(document)
        case "issue":
            return _issue(document)
        case "notebook":
            return _notebook(document)


def _file_head(document: Document) -> list[str]:
    """Path always; repository and stars each with a probability of its own, keyed by the document's id."""
    draws = document.id or bytes(2)
    repository = document.repository if draws[0] < METADATA_SHARE * 256 else ""
    stars = star_bucket(document.stars) if document.stars is not None and draws[1] < METADATA_SHARE * 256 else ""
    return file_head(document.path, repository, stars)


def _commit(document: Document) -> Rendering:
    by_role = {p.role: p.text for p in document.parts}
    before, after = window(by_role.get("before", ""), by_role.get("after", ""))
    body = (
        Mark("<commit_before>"), before,
        Mark("<commit_msg>"), by_role.get("message", ""),
        Mark("<commit_after>"), after,
    )  # fmt: skip
    return Rendering(tuple(file_head(document.path)), body, infill=False)


def window(before: str, after: str) -> tuple[str, str]:
    """Both sides cut to the change and WINDOW lines around it; an added or deleted file stays whole."""
    if not before or not after:
        return before, after
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    start = max(0, first - WINDOW)
    cut = max(0, last - WINDOW)
    return "".join(old[start : len(old) - cut]), "".join(new[start : len(new) - cut])


def _issue(document: Document) -> Rendering:
    title = document.parts[0].text
    body: list[str] = [Mark("<issue_start>"), f"Title: {title}\n"]
    names: dict[str, int] = {}
    for part in document.parts[1:]:
        body += [Mark("<issue_comment>"), _said(part, names)]
    if document.state == "closed":
        body.append(Mark("<issue_closed>"))
    return Rendering((), tuple(body), infill=False)


def _said(part: Part, names: dict[str, int]) -> str:
    """Authors are numbered in the order of their appearance; a name never reaches the model."""
    author = part.label.split("\n")[0]
    number = names.setdefault(author, len(names))
    return f"username_{number}: {part.text}\n"


def _notebook(document: Document) -> Rendering:
    """The structured format: text, code and output in turn; a code cell without output has the empty mark."""
    body: list[str] = [Mark("<jupyter_start>")]
    for i, part in enumerate(document.parts):
        if part.role == "code":
            following = document.parts[i + 1].role if i + 1 < len(document.parts) else ""
            body += [Mark("<jupyter_code>"), part.text]
            body += [] if following == "output" else [Mark("<empty_output>")]
        else:
            body += [Mark("<jupyter_output>" if part.role == "output" else "<jupyter_text>"), part.text]
    return Rendering((), tuple(body), infill=False)
