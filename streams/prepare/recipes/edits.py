"""Edits: what a recipe changes in a document before its rules judge it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from model import bounds
from streams.document import Document, Part
from streams.prepare.recipes.commented import CommentedParameters, commented_out
from streams.prepare.recipes.patches import replayable
from streams.prepare.rules.rule import NoParameters


@dataclass(frozen=True)
class Edit:
    name: str
    says: str
    """What it changes, one line for the documentation."""
    apply: Callable[[Document, Any], None]
    """Changes the document in place, and counts what is left out in `Document.cut`."""
    parameters: type


@dataclass(frozen=True)
class AnswersParameters:
    answers: int = 10
    """The most answers of a question: the accepted one, then those with the most votes."""
    least: int = 0
    """The fewest votes of an answer that is not the accepted one."""
    comments: int = 5
    """The most comments on a question or an answer, those with the most votes."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "answers", "comments")


def best_answers(document: Document, p: AnswersParameters) -> None:
    """Of a question; what stays keeps its order."""
    if document.kind != "question":
        return
    posts: list[list[Part]] = [[]]  # the question, then each answer, with its remarks behind it
    for part in document.parts:
        if part.role == "answer":
            posts.append([])
        posts[-1].append(part)
    question, *answers = posts
    good = [post for post in answers if _is_accepted(post[0]) or _votes(post[0]) >= p.least]
    answers = _best(good, p.answers, lambda post: (_is_accepted(post[0]), _votes(post[0])))
    before = document.size
    document.parts = [part for post in (question, *answers) for part in _with_remarks(post, p.comments)]
    document.cut += before - document.size


def _with_remarks(post: list[Part], most: int) -> list[Part]:
    remarks = [part for part in post if part.role == "remark"]
    return [part for part in post if part.role != "remark"] + _best(remarks, most, _votes)


def _best(given: list[Any], most: int, rank: Callable[[Any], Any]) -> list[Any]:
    chosen = sorted(range(len(given)), key=lambda at: rank(given[at]), reverse=True)[:most]  # equal ones in their order
    return [given[at] for at in sorted(chosen)]


def _is_accepted(part: Part) -> bool:
    return part.label.split("\n")[2:3] == ["accepted"]


def _votes(part: Part) -> int:
    _, votes, *_ = (*part.label.split("\n"), "")
    return int(votes) if votes.lstrip("-").isdigit() else 0


def whole_hunks(document: Document, p: NoParameters) -> None:
    """A diff of which nothing is left goes with its path; the hunks that comments are on are cut by their host."""
    if document.kind != "pull":
        return
    before = document.size
    for part in document.parts:
        if part.role == "diff":
            part.text = replayable(part.text)
    document.parts = [part for part in document.parts if part.role != "diff" or part.text]
    document.cut += before - document.size


EDITS: dict[str, Edit] = {
    edit.name: edit
    for edit in (
        Edit(
            "commented_out",
            "Takes blocks of commented-out code out of files.",
            commented_out,
            CommentedParameters,
        ),
        Edit(
            "whole_hunks",
            "Drops the hunks of a pull request's diff that do not replay: too few lines, or places that do not follow.",
            whole_hunks,
            NoParameters,
        ),
        Edit(
            "best_answers",
            "Keeps the best answers of a question, the accepted one among them, and the best comments (InCoder).",
            best_answers,
            AnswersParameters,
        ),
    )
}


def apply(document: Document, edits: tuple[tuple[str, Any], ...]) -> None:
    """One after the other, in place."""
    for name, parameters in edits:
        EDITS[name].apply(document, parameters)
