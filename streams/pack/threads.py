"""Conversations: an issue's thread, a pull request, and a question with its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from model.fim.fim import Mark
from model.fim.format import Format
from streams.document import Document, Part
from streams.redact.people import speaker

MARKS = ("<issue_start>", "<issue_comment>", "<issue_closed>")
PULL_MARKS = (
    "<pr>", "<pr_status>", "<pr_is_merged>", "<pr_file>", "<pr_diff>", "<pr_diff_hunk>", "<pr_comment>", "<pr_review>",
    "<pr_review_state>", "<pr_review_comment>",
)  # fmt: skip
REVIEWS = ("approved", "changes_requested", "dismissed")
STATES = {"changes_requested": "changes_required", "dismissed": "commented"}
"""GitHub's name of a review's state to StarCoder2's."""
ENDS = ("closed", "merged")
DID = {
    "closed": "closed this", "merged": "merged this", "reopened": "reopened this", "approved": "approved this",
    "changes_requested": "requested changes", "dismissed": "dismissed a review",
}  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """What one person said or did."""

    who: str
    action: str
    text: str
    path: str = ""
    hunk: str = ""

    @property
    def is_silent(self) -> bool:
        return not self.text and not self.path and not self.hunk

    def spoken(self) -> str:
        """One line for a turn without words; otherwise who, the code that it is about, and the words."""
        if self.is_silent and self.action in DID:
            return f"{self.who} {DID[self.action]}.\n"
        who = f"{self.who} ({self.action.replace('_', ' ')})" if self.action in REVIEWS else self.who
        if not self.path and not self.hunk:
            return f"{who}: {self.text}\n"
        hunk = f"{self.hunk.rstrip(chr(10))}\n\n" if self.hunk else ""
        return f"{who} on {self.path}:\n{hunk}{self.text}\n"


def issue(document: Document, fmt: Format) -> list[str]:
    """`<issue_start>Title: …username_0: …<issue_comment>username_1: …<issue_closed>` (StarCoder2, arXiv 2402.19173,
    section 5.3), a closing where it happened; in a format without these, paragraphs."""
    title, turns = document.parts[0].text, list(_turns(document))
    opening = (f"Title: {title}\n" if title else "") + (turns[0].spoken() if turns else "")
    patches = "".join(_patches(document))
    if not set(MARKS) <= set(fmt.others):
        first = [f"Title: {title}\n", *(t.spoken() for t in turns[:1]), *([patches] if patches else [])]
        return ["\n".join((*first, *(t.spoken() for t in turns[1:])))]
    start, comment, closed = map(Mark, MARKS)
    body: list[str] = [start, opening + patches]
    is_closed = False
    for turn in turns[1:]:
        if turn.action in ENDS and turn.is_silent:
            body += [] if is_closed else [closed]
            is_closed = True
            continue
        is_closed = is_closed and turn.action != "reopened"
        body += [comment, turn.spoken()]
    return [*body, closed] if document.state in ENDS and not is_closed else body


def pull(document: Document, fmt: Format) -> list[str]:
    """StarCoder2's template (section 5.2) in a format with its sentinels, without the base files and the ids, which
    nothing tells; otherwise as an issue is."""
    if not set(PULL_MARKS) <= set(fmt.others):
        return issue(document, fmt)
    opening, *turns = list(_turns(document)) or [Turn("username_0", "opened", "")]
    title = document.parts[0].text
    body: list[str] = [Mark("<pr>"), f"Title: {title}\n{opening.who}: {opening.text}", Mark("<pr_status>"), "opened"]
    if fmt.repository and document.repository:
        body += [Mark(fmt.repository), document.repository]
    diffs = [p for p in document.parts if p.role == "diff"]
    body += [Mark("<pr_diff>")] if diffs else []
    for part in diffs:
        body += [Mark("<pr_file>"), part.label, Mark("<pr_diff_hunk>"), part.text]
    last = opening.action
    for turn in turns:
        body += _marked(turn, document.state == "merged")
        last = turn.action if turn.action in (*ENDS, "reopened") else last
    if document.state in ENDS and last not in ENDS:
        merged = str(document.state == "merged")
        body += [Mark("<pr>"), opening.who, Mark("<pr_status>"), "closed", Mark("<pr_is_merged>"), merged]
    return body


def _marked(turn: Turn, is_merged: bool) -> list[str]:
    if turn.path or turn.hunk:
        code = [Mark("<pr_file>"), turn.path, Mark("<pr_diff_hunk>"), turn.hunk]
        return [Mark("<pr_review_comment>"), *code, Mark("<pr_comment>"), f"{turn.who}: {turn.text}"]
    if turn.action in REVIEWS:
        state = STATES.get(turn.action, turn.action)
        return [Mark("<pr_review>"), f"{turn.who}: {turn.text}\n", Mark("<pr_review_state>"), state]
    if turn.action == "reopened":
        return [Mark("<pr>"), turn.who, Mark("<pr_status>"), "reopened"]
    if turn.action in ENDS:
        merged = str(is_merged and turn.action == "merged")
        return [Mark("<pr>"), turn.who, Mark("<pr_status>"), "closed", Mark("<pr_is_merged>"), merged]
    return [Mark("<pr_comment>"), f"{turn.who}: {turn.text}"]


def _turns(document: Document) -> Iterator[Turn]:
    """Authors are numbered in the order of their appearance where they are not yet; a name never reaches the model."""
    names: dict[str, int] = {}
    code = Part("hunk", "")
    for part in document.parts[1:]:
        if part.role == "hunk":
            code = part
        elif part.role == "comment":
            author, _, action = part.label.partition("\n")
            yield Turn(speaker(author, names), action, part.text, code.label, code.text)
            code = Part("hunk", "")


def _patches(document: Document) -> Iterator[str]:
    for part in document.parts:
        if part.role == "diff":
            yield f"--- a/{part.label}\n+++ b/{part.label}\n{part.text.rstrip(chr(10))}\n"


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
        elif part.role == "remark":
            blocks.append(f"Comment: {part.text}")
        else:
            how = f"votes {bucket(votes)}{', accepted' if accepted else ''}"
            blocks.append(f"Answer ({how}):\n\n{part.text}")
    return ["\n\n".join(block.rstrip("\n") for block in blocks) + "\n"]


def _attributes(role: str, tags: str, votes: str) -> str:
    attributes = [f"tags={','.join(tags.split())}"] if tags.strip() else []
    return " ".join(["<|", "c" if role == "remark" else role[0], *attributes, f"votes={bucket(votes)}", "|>\n"])


def bucket(votes: str) -> str:
    """<0, 0, 1-10, 10-100 or 100+: a number would have to be learnt digit by digit."""
    number = int(votes or 0)
    bounds = ((-1, "<0"), (0, "0"), (10, "1-10"), (100, "10-100"))
    return next((name for bound, name in bounds if number <= bound), "100+")
