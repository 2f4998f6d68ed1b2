"""Conversations: an issue's thread, and a question with its answers."""

from __future__ import annotations

from model.fim.fim import Mark
from model.fim.formats import Format
from streams.document import Document, Part

MARKS = ("<issue_start>", "<issue_comment>", "<issue_closed>")


def issue(document: Document, fmt: Format) -> list[str]:
    """`<issue_start>Title: …<issue_comment>username_0: …<issue_closed>`; in a format without these, paragraphs."""
    names: dict[str, int] = {}
    said = [_speak(part, names) for part in document.parts[1:]]
    title = f"Title: {document.parts[0].text}\n"
    if not set(MARKS) <= set(fmt.others):
        return ["\n".join((title, *said))]
    start, comment, closed = map(Mark, MARKS)
    body: list[str] = [start, title]
    for text in said:
        body += [comment, text]
    return [*body, closed] if document.state == "closed" else body


def _speak(part: Part, names: dict[str, int]) -> str:
    """Authors are numbered in the order of their appearance; a name never reaches the model."""
    author = part.label.split("\n")[0]
    number = names.setdefault(author, len(names))
    return f"username_{number}: {part.text}\n"


def question(document: Document, fmt: Format) -> list[str]:
    """A question with its tags and votes and its answers in the source's order; one text, as no format of the registry
    has sentinels for it. InCoder's has attributes: `<| q tags=a,b votes=1-10 |>` (arXiv 2204.05999, appendix)."""
    title, *posts = document.parts
    blocks = [f"Title: {title.text}"]
    for part in posts:
        tags, votes, accepted = (*part.label.split("\n"), "", "", "")[:3]
        if fmt.attributes:
            blocks.append(_attributes(part.role, tags, votes) + part.text)
        elif part.role == "question":
            blocks.append(f"Tags: {', '.join(tags.split())}\nVotes: {bucket(votes)}\n\n{part.text}")
        else:
            how = f"votes {bucket(votes)}{', accepted' if accepted else ''}"
            blocks.append(f"Answer ({how}):\n\n{part.text}")
    return ["\n\n".join(block.rstrip("\n") for block in blocks) + "\n"]


def _attributes(role: str, tags: str, votes: str) -> str:
    given = [f"tags={','.join(tags.split())}"] if tags.strip() else []
    return " ".join(["<|", role[0], *given, f"votes={bucket(votes)}", "|>\n"])


def bucket(votes: str) -> str:
    """<0, 0, 1-10, 10-100 or 100+: a number would have to be learnt digit by digit."""
    number = int(votes or 0)
    bounds = ((-1, "<0"), (0, "0"), (10, "1-10"), (100, "10-100"))
    return next((name for bound, name in bounds if number <= bound), "100+")
