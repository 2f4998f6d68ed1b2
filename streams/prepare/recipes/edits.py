"""Edits: what a recipe changes in a document before its rules judge it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import xxhash

from model import bounds
from streams.document import Document, Part
from streams.draw import drawn
from streams.prepare.recipes.patches import replayable
from streams.prepare.rules.rule import NoParameters
from streams.prepare.syntax import Syntax, parse

SEED = 0


@dataclass(frozen=True)
class CommentedParameters:
    lines: int = 5
    """The fewest lines of a block."""
    share: float = 0.6
    """The smallest share of them that look like code."""
    rate: float = 1.0
    """Of such blocks, how many are taken out, by a keyed hash of each."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 1, "lines")
        bounds.shares(self, "share", "rate")


@dataclass(frozen=True)
class Edit:
    name: str
    says: str
    """What it changes, one line for the documentation."""
    apply: Callable[[Document, Any], None]
    """Changes the document in place, and counts what is left out in `Document.cut`."""
    parameters: type


_MARK = re.compile(r"^\s*(?:#+|//+|--+|;+|%+|/\*+|\*+/?|\*)?\s?")
_CODE = re.compile(
    r"(?:"
    r".*[;{}]\s*$"
    r"|(?:def|class|if|elif|for|while|with|try|except|else|switch|case|func|fn)\b.*[:{(]\s*$"
    r"|(?:return|import|from|raise|throw|assert|del|yield|await|break|continue|pass|let|var|const)\b[^.]*$"
    r"|[\w.\[\]\"']+\s*(?:[-+*/|&^%]|<<|>>|:)?=\s*[^\s=].*"
    r"|[\w.]+\([^)]*\)?.{0,3}$"
    r"|[)\]}]+[;,]?\s*$"
    r")"
)
"""A line that is code in one of the usual languages; prose ends with a full stop or with nothing."""


def commented_out(document: Document, p: CommentedParameters) -> None:
    """Of a file, blocks of comments whose lines are code."""
    part = next((part for part in document.parts if part.role == "text"), None)
    if part is None or document.kind != "file" or not document.language:
        return
    tree = parse(part.text, document.language)
    if tree is None:
        return
    data = part.text.encode("utf-8", "replace")
    kept, at = [], 0
    for start, end in _blocks(data, tree):
        block = data[start:end]
        rows = [_MARK.sub("", row[:400]).strip() for row in block.decode("utf-8", "replace").split("\n")]
        rows = [row for row in rows if row]
        if len(rows) < p.lines or sum(_CODE.match(row) is not None for row in rows) < p.share * len(rows):
            continue
        if drawn(xxhash.xxh3_128_digest(block), "commented_out", p.rate, SEED):
            kept.append(data[at:start])
            at = end
    if not at:
        return
    before = len(part.text)
    part.text = b"".join([*kept, data[at:]]).decode("utf-8", "replace")
    document.cut += before - len(part.text)


def _blocks(data: bytes, tree: Syntax) -> Iterator[tuple[int, int]]:
    """Whole lines of comments, those that follow each other together, with the end of the last line."""
    block: tuple[int, int] | None = None
    for start, end in tree.spans("comment"):
        line = data.rfind(b"\n", 0, start) + 1
        stop = data.find(b"\n", end)
        stop = len(data) if stop < 0 else stop + 1
        if data[line:start].strip() or data[end:stop].strip():  # code stands in the same line
            continue
        if block is not None and not data[block[1] : line].strip() and data[block[1] : line].count(b"\n") == 0:
            block = (block[0], stop)
            continue
        if block is not None:
            yield block
        block = (line, stop)
    if block is not None:
        yield block


@dataclass(frozen=True)
class AnswersParameters:
    answers: int = 10
    """The most answers of a question, those with the most votes."""
    least: int = 0
    """The fewest votes of an answer."""
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
    answers = _best([post for post in answers if _votes(post[0]) >= p.least], p.answers, lambda post: _votes(post[0]))
    before = document.size
    document.parts = [part for post in (question, *answers) for part in _with_remarks(post, p.comments)]
    document.cut += before - document.size


def _with_remarks(post: list[Part], most: int) -> list[Part]:
    remarks = [part for part in post if part.role == "remark"]
    return [part for part in post if part.role != "remark"] + _best(remarks, most, _votes)


def _best(given: list[Any], most: int, votes: Callable[[Any], int]) -> list[Any]:
    chosen = sorted(range(len(given)), key=lambda at: (-votes(given[at]), at))[:most]
    return [given[at] for at in sorted(chosen)]


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
            "Keeps the best answers of a question, and the best comments (InCoder).",
            best_answers,
            AnswersParameters,
        ),
    )
}


def apply(document: Document, edits: tuple[tuple[str, Any], ...]) -> None:
    """One after the other, in place."""
    for name, parameters in edits:
        EDITS[name].apply(document, parameters)
