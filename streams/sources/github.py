"""GitHub's issue and comment events as whole threads: one `issue` event per repository and number.

Three shapes are read: GH Archive (one event a line), a webhook's payload, and lists of
`{"name": ..., "examples": [payload, ...]}`. A thread is what all given files together tell of it; the same
event twice changes nothing. Pushes of both schemas are counted: their commits come from git.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from streams.event import Comment, Issue, Repository
from streams.sources.text import Counts

HOST = "github.com"
MAX_LINE_BYTES = 32 * 1024 * 1024
"""GitHub caps a webhook at 25 MB."""

OF_THREADS = ("issues", "issue_comment", "pull_request", "pull_request_review_comment", "pull_request_review")
NAMES = {
    "IssuesEvent": "issues",
    "IssueCommentEvent": "issue_comment",
    "PullRequestEvent": "pull_request",
    "PullRequestReviewCommentEvent": "pull_request_review_comment",
    "PullRequestReviewEvent": "pull_request_review",
    "PushEvent": "push",
}
"""GH Archive's name to the webhook's."""
ENDINGS = ("closed", "reopened")


class UnreadableEvents(Exception):
    """The file is none of the three shapes."""


@dataclass(frozen=True)
class GitHubEvent:
    """One event, whatever shape it came in."""

    name: str
    payload: dict[str, Any]
    repository: dict[str, Any]
    actor: str
    date: str


@dataclass
class Thread:
    """What is known of one issue or pull request so far."""

    repository: Repository
    number: int
    seen: str = ""
    """Date of the newest event whose title, state and text were taken."""
    title: str = ""
    state: str = "open"
    pull_request: bool = False
    opening: Comment | None = None
    comments: dict[int, Comment] = field(default_factory=dict)
    turns: dict[tuple[str, str], Comment] = field(default_factory=dict)
    """By date and action: closed, reopened."""

    def event(self) -> Issue:
        later = [*self.comments.values(), *self.turns.values()]
        later.sort(key=lambda comment: (comment.date, comment.action != "commented", comment.author, comment.text))
        return Issue(
            repository=self.repository,
            number=self.number,
            title=self.title,
            comments=([self.opening] if self.opening else []) + later,
            state=self.state,
            pull_request=self.pull_request,
        )


def events(paths: Iterable[Path], left_out: Counts, name: str = "") -> Iterator[Issue]:
    """The threads of all files together, by repository and number. Raises UnreadableEvents.

    `name` is the webhook's event (its X-GitHub-Event header), where the payload does not tell.
    """
    threads: dict[tuple[str, int], Thread] = {}
    for path in paths:
        for told in read(path, left_out, name):
            take(threads, told, left_out)
    for _, thread in sorted(threads.items()):
        yield thread.event()


def take(threads: dict[tuple[str, int], Thread], told: GitHubEvent, left_out: Counts) -> None:
    """Adds one event to its thread, or counts why not."""
    if told.name == "push":
        left_out["push: needs git"] += 1
        return
    subject = _dict(told.payload.get("issue")) or _dict(told.payload.get("pull_request"))
    number = subject.get("number", told.payload.get("number"))
    repository = _repository(told.repository)
    if told.name not in OF_THREADS or not isinstance(number, int) or not repository.name:
        left_out[f"event without a thread: {told.name or 'unknown'}"] += 1
        return
    key = (repository.key, number)
    if told.name == "issues" and told.payload.get("action") == "deleted":
        threads.pop(key, None)
        left_out["issue deleted"] += 1
        return
    thread = threads.setdefault(key, Thread(repository, number))
    _subject(thread, subject, told)
    _comment(thread, told)


def _subject(thread: Thread, subject: dict[str, Any], told: GitHubEvent) -> None:
    """Title, state and opening text, as of the newest event; closings and reopenings, each once."""
    action, date = _str(told.payload.get("action")), told.date
    if told.name.startswith("pull_request") or "pull_request" in subject:
        thread.pull_request = True
    if told.name in ("issues", "pull_request") and action in ENDINGS:
        thread.turns[date, action] = Comment(text="", author=told.actor, action=action, date=date)
    if date < thread.seen or not subject.get("title"):
        return
    thread.seen, thread.title = date, _str(subject["title"])
    thread.state = _str(subject.get("state")) or thread.state
    author, opened = _str(_dict(subject.get("user")).get("login")), _str(subject.get("created_at"))
    thread.opening = Comment(text=_str(subject.get("body")), author=author, action="opened", date=opened)


def _comment(thread: Thread, told: GitHubEvent) -> None:
    raw = _dict(told.payload.get("comment")) or _dict(told.payload.get("review"))
    id_ = raw.get("id")
    if not isinstance(id_, int):
        return
    if told.payload.get("action") == "deleted":
        thread.comments.pop(id_, None)
    elif text := _str(raw.get("body")):
        date = _str(raw.get("created_at") or raw.get("submitted_at")) or told.date
        author = _str(_dict(raw.get("user")).get("login"))
        thread.comments[id_] = Comment(text=text, author=author, date=date)


def read(path: Path, left_out: Counts, name: str = "") -> Iterator[GitHubEvent]:
    """The events of one file of any of the three shapes. Raises UnreadableEvents."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        try:
            first = file.readline(MAX_LINE_BYTES)
            if not _is_archive_line(first):
                yield from _of_document(path, first + file.read(), name)
                return
            while first:
                yield from _of_line(first, left_out)
                first = file.readline(MAX_LINE_BYTES)
        except (OSError, EOFError) as error:
            raise UnreadableEvents(f"{path}: cannot be read to its end ({type(error).__name__})") from error


def _is_archive_line(line: bytes) -> bool:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("type"), str) and isinstance(value.get("payload"), dict)


def _of_line(line: bytes, left_out: Counts) -> Iterator[GitHubEvent]:
    if not line.strip():
        return
    if not _is_archive_line(line):
        left_out["malformed line"] += 1
        return
    raw = msgspec.json.decode(line)
    kind, actor = _str(raw["type"]), _str(_dict(raw.get("actor")).get("login"))
    yield GitHubEvent(NAMES.get(kind, kind), raw["payload"], _dict(raw.get("repo")), actor, _str(raw.get("created_at")))


def _of_document(path: Path, value: bytes, name: str) -> Iterator[GitHubEvent]:
    try:
        document = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableEvents(f"{path}: neither JSON nor JSON lines") from error
    if isinstance(document, dict):
        yield _webhook(document, name)
        return
    if not isinstance(document, list):
        raise UnreadableEvents(f"{path}: JSON, but no GitHub events")
    for entry in document:
        for example in _dict(entry).get("examples") or ():
            if isinstance(example, dict):
                yield _webhook(example, _str(entry.get("name")))


def _webhook(payload: dict[str, Any], name: str) -> GitHubEvent:
    subject = _dict(payload.get("comment")) or _dict(payload.get("issue")) or _dict(payload.get("pull_request"))
    date = _str(subject.get("updated_at") or subject.get("created_at"))
    actor = _str(_dict(payload.get("sender")).get("login"))
    return GitHubEvent(name or _guess(payload), payload, _dict(payload.get("repository")), actor, date)


def _guess(payload: dict[str, Any]) -> str:
    if "issue" in payload:
        return "issue_comment" if "comment" in payload else "issues"
    if "pull_request" in payload:
        return "pull_request_review_comment" if "comment" in payload else "pull_request"
    return "push" if "ref" in payload and "after" in payload else ""


def _repository(raw: dict[str, Any]) -> Repository:
    licence, stars = _str(_dict(raw.get("license")).get("spdx_id")), raw.get("stargazers_count")
    return Repository(
        host=HOST,
        name=_str(raw.get("full_name") or raw.get("name")),
        licence="" if licence == "NOASSERTION" else licence,
        stars=stars if isinstance(stars, int) else None,
        language=_str(raw.get("language")),
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""
