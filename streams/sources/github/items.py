"""What an event tells of a thread: items with an identity and a version, of which the newest counts, in any order.

An item that was deleted stays deleted: GitHub gives no number or id twice, so what tells of it later comes late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from streams.event import Repository
from streams.prepare.shorten import middle
from streams.sources.github.shapes import MAX_NAME, GitHubEvent, login, moment, number_of, repository, table, text
from streams.sources.texts.text import Counts

MAX_PATH = 4096
MAX_TEXT = 256 * 1024
"""Characters of a text; GitHub takes 65,536 for a comment, more for a release. A longer one is cut in the middle."""
OPENING, FACTS, DIFF = "opening", "facts", "diff"
SUBJECTS = ("issue", "pull_request", "discussion")
"""Keys of a payload under which a numbered thread stands."""
NUMBERED = ("issues", "issue_comment", "discussion", "discussion_comment")
ENDS = ("closed", "reopened", "merged")
GONE = ("deleted", "transferred")
SAME_TURN_S = 60
"""An event of a closing and its thread's `closed_at` are so near; a list of old events has the last closing in all."""


class Opening(msgspec.Struct, omit_defaults=True, tag="opening"):
    """A thread's title, state and opening text."""

    title: str
    text: str
    author: str
    state: str
    date: int
    subject: str = "issue"
    """issue, pull, discussion, commit, release or wiki."""


class Remark(msgspec.Struct, omit_defaults=True, tag="remark"):
    """A comment, a review, or a turn without words."""

    text: str
    author: str
    action: str
    date: int
    path: str = ""
    hunk: str = ""
    subject: str = ""
    """As of an opening, where the remark tells it."""


class ThreadFacts(msgspec.Struct, omit_defaults=True, tag="facts"):
    """What is known of the repository; newer facts alone are no change of a thread."""

    licence: str = ""
    stars: int | None = None
    language: str = ""


class Diff(msgspec.Struct, omit_defaults=True, tag="diff"):
    """Changed files of a pull request: path and hunks."""

    files: list[tuple[str, str]]


Value = Opening | Remark | ThreadFacts | Diff


@dataclass(frozen=True)
class Item:
    key: str
    """Within its thread: `opening`, `comment 12`, `review 3`, `closed 1767225600`."""
    updated: int
    """Seconds since 1970: the newest counts."""
    seen: int
    """When the event happened that tells of it: the later one counts among those of one `updated`."""
    value: Value | None
    """None: it was deleted."""


@dataclass(frozen=True)
class Told:
    """What an event tells of one thread."""

    repository: Repository
    thread: str
    """`#7`, `commit 6dcb09b`, `release v1.0`, `wiki Home`."""
    items: list[Item] = field(default_factory=list)


def told(event: GitHubEvent, left_out: Counts) -> Iterator[Told]:
    """What the event tells, thread by thread; an event that tells nothing is counted."""
    if event.name == "push":
        left_out["push: needs git"] += 1
    elif not event.repository.name:
        left_out[f"event without a repository: {event.name or 'unknown'}"] += 1
    elif event.name == "gollum":
        yield from _pages(event, left_out)
    elif event.name == "release":
        yield from _release(event)
    elif event.name == "commit_comment":
        yield from _on_commit(event, left_out)
    elif event.name in NUMBERED or event.name.startswith("pull_"):
        yield from _numbered(event, left_out)
    else:
        left_out[f"event without a thread: {event.name or 'unknown'}"] += 1


def _numbered(event: GitHubEvent, left_out: Counts) -> Iterator[Told]:
    name = next((key for key in SUBJECTS if table(event.payload.get(key))), "")
    subject = table(event.payload.get(name))
    comment = table(event.payload.get("comment")) or table(event.payload.get("review"))
    address = text(comment.get("pull_request_url")) or text(comment.get("issue_url"))
    numbers = (subject.get("number"), event.payload.get("number"), event.number, number_of(address))
    number = next((n for n in numbers if type(n) is int and 0 < n < 1 << 62), 0)
    if not number:
        left_out[_without_thread(event)] += 1
        return
    kind = _subject(event, name, subject)
    items = [*_opening(event, name, subject, kind), *_turn(event, subject, kind), *_remark(event, comment, kind)]
    items += [*_diff(event, subject), *_facts(event, subject)]
    if not any(item.key != FACTS for item in items):
        left_out[_without_words(event)] += 1
    else:
        yield Told(event.repository, f"#{number}", items)


def _without_thread(event: GitHubEvent) -> str:
    old = "archive of before 2015, whose events name no thread" if event.is_old else "event without a thread"
    return f"{old}: {event.name}"


def _without_words(event: GitHubEvent) -> str:
    return f"{'archive of before 2015, ids in place of texts' if event.is_old else 'event without words'}: {event.name}"


def _subject(event: GitHubEvent, name: str, subject: dict[str, Any]) -> str:
    if event.name.startswith("pull_") or name == "pull_request" or "pull_request" in subject:
        return "pull"
    return "discussion" if event.name.startswith("discussion") or name == "discussion" else "issue"


def _opening(event: GitHubEvent, name: str, subject: dict[str, Any], kind: str) -> Iterator[Item]:
    if event.name in ("issues", "pull_request", "discussion") and event.action in GONE:
        yield Item(OPENING, _updated(event, subject), event.at, None)
    elif text(subject.get("title")):
        author = login(subject.get("user"))
        state = (
            "merged"
            if subject.get("merged") is True or subject.get("merged_at")
            else text(subject.get("state"))[:MAX_NAME]
        )
        opening = Opening(
            _bounded(subject.get("title")), _bounded(subject.get("body")), author, state or "open",
            moment(subject.get("created_at")), kind,
        )  # fmt: skip
        yield Item(OPENING, _updated(event, subject), event.at, opening)


def _turn(event: GitHubEvent, subject: dict[str, Any], kind: str) -> Iterator[Item]:
    """Closed, reopened, merged: each once, whatever tells of it."""
    if event.name not in ("issues", "pull_request", "discussion") or event.action not in ENDS:
        return
    merged = subject.get("merged") is True or bool(subject.get("merged_at"))
    is_merged = event.action == "merged" or (event.action == "closed" and merged)
    at = moment(subject.get("closed_at")) if event.action != "reopened" else 0
    at = at if abs(at - event.at) <= SAME_TURN_S else event.at
    remark = Remark("", event.actor, "merged" if is_merged else event.action, at, subject=kind)
    yield Item(f"{'reopened' if event.action == 'reopened' else 'closed'} {at}", at, int(is_merged), remark)


def _remark(event: GitHubEvent, raw: dict[str, Any], kind: str) -> Iterator[Item]:
    id_ = raw.get("id")
    if not isinstance(id_, int):
        return
    is_review = event.name == "pull_request_review"
    on_code = event.name == "pull_request_review_comment"
    key = f"{'review' if is_review else 'code comment' if on_code else 'comment'} {id_}"
    state = text(raw.get("state")).lower() if is_review else ""
    action = state if state in ("approved", "changes_requested", "dismissed") else "commented"
    body = _bounded(raw.get("body"))
    if event.action == "deleted":
        yield Item(key, _updated(event, raw), event.at, None)
    elif body or action != "commented":
        author = login(raw.get("user"))
        date = moment(raw.get("created_at") or raw.get("submitted_at")) or event.at
        code = text(raw.get("path"))[:MAX_PATH], _bounded(raw.get("diff_hunk"))
        yield Item(key, _updated(event, raw), event.at, Remark(body, author, action, date, *code, subject=kind))


def _diff(event: GitHubEvent, subject: dict[str, Any]) -> Iterator[Item]:
    """Where somebody has put the list of a pull request's files into it."""
    files = subject.get("files")
    found = [table(file) for file in files] if isinstance(files, list) else []
    patches = [(text(f.get("filename"))[:MAX_PATH], _bounded(f.get("patch"))) for f in found if text(f.get("patch"))]
    if patches:
        yield Item(DIFF, _updated(event, subject), event.at, Diff(patches))


def _facts(event: GitHubEvent, subject: dict[str, Any]) -> Iterator[Item]:
    base = table(table(subject.get("base")).get("repo"))
    r = repository(base) if base else event.repository
    if r.licence or r.stars is not None or r.language:
        yield Item(FACTS, event.at, event.at, ThreadFacts(r.licence, r.stars, r.language))


def _release(event: GitHubEvent) -> Iterator[Told]:
    raw = table(event.payload.get("release"))
    tag = text(raw.get("tag_name"))[:MAX_NAME] or str(raw.get("id", ""))[:MAX_NAME]
    author = login(raw.get("author"))
    date = moment(raw.get("published_at") or raw.get("created_at"))
    opening = Opening(_bounded(raw.get("name")) or tag, _bounded(raw.get("body")), author, "open", date, "release")
    is_gone = event.action in ("deleted", "unpublished")
    item = Item(OPENING, _updated(event, raw), event.at, None if is_gone else opening)
    yield Told(event.repository, f"release {tag}", [item, *_facts(event, raw)])


def _on_commit(event: GitHubEvent, left_out: Counts) -> Iterator[Told]:
    raw = table(event.payload.get("comment"))
    items = list(_remark(event, raw, "commit"))
    commit = text(raw.get("commit_id"))[:MAX_NAME]
    if commit and items:
        yield Told(event.repository, f"commit {commit}", [*items, *_facts(event, raw)])
    else:
        left_out[_without_words(event)] += 1


def _pages(event: GitHubEvent, left_out: Counts) -> Iterator[Told]:
    """An event of a wiki names its pages; their texts are in the wiki's own git. A summary is all that may be here."""
    pages = event.payload.get("pages")
    for page in map(table, pages if isinstance(pages, list) and pages else ({},)):
        name = text(page.get("page_name"))[:MAX_NAME]
        if not name or not text(page.get("summary")):
            left_out["wiki page: its text is in the wiki's git"] += 1
            continue
        title = _bounded(page.get("title")) or name
        opening = Opening(title, _bounded(page["summary"]), event.actor, "open", event.at, "wiki")
        yield Told(event.repository, f"wiki {name}", [Item(OPENING, event.at, event.at, opening)])


def _updated(event: GitHubEvent, raw: dict[str, Any]) -> int:
    dates = (raw.get("updated_at"), raw.get("submitted_at"), raw.get("created_at"))
    return next((at for at in map(moment, dates) if at), event.at)


def _bounded(value: Any) -> str:
    return middle(text(value), MAX_TEXT)
