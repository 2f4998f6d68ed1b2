"""GitHub's events in any of the shapes in which they are kept: what happened, in which repository, and the payload.

GH Archive and the Events API (`type`, `payload`), alone or in arrays; a webhook's payload, alone, with its event's
name (`event`, `payload`), or in lists of `{"name", "examples"}`; what the REST API lists: issues, pull requests, their
comments and reviews, releases, comments on commits, events of issues. Archives of before 2015 are read where they hold
texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streams.event import Repository
from streams.prepare.expand import seconds
from streams.sources.texts.text import Counts

HOST = "github.com"
NAMES = {
    "IssuesEvent": "issues",
    "IssueCommentEvent": "issue_comment",
    "PullRequestEvent": "pull_request",
    "PullRequestReviewCommentEvent": "pull_request_review_comment",
    "PullRequestReviewEvent": "pull_request_review",
    "DiscussionEvent": "discussion",
    "DiscussionCommentEvent": "discussion_comment",
    "CommitCommentEvent": "commit_comment",
    "ReleaseEvent": "release",
    "GollumEvent": "gollum",
    "PushEvent": "push",
}
"""The Events API's name to the webhook's."""
_URL = re.compile(r"https?://([^/]{1,255})/(?:api/v3/)?(?:repos/)?([^/]{1,100}/[^/]{1,100})(?:/|$)")
_OLD_DATE = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)")
MAX_NAME = 1000
"""Characters of a name: of a person, a repository, a tag. GitHub's own are shorter; what is longer is none."""
DEPTH = 3
"""Arrays in arrays that are looked into: pages of a list, lists of examples."""


@dataclass(frozen=True)
class GitHubEvent:
    """One event, whatever shape it came in."""

    name: str
    """The webhook's name of it, or what it was called where it has none."""
    payload: dict[str, Any]
    repository: Repository
    actor: str
    at: int
    """When it happened, seconds since 1970; 0: unknown."""
    number: int = 0
    """Of the thread, where the payload does not hold it."""
    is_old: bool = False
    """From an archive of before 2015, whose events hold ids in place of most texts."""

    @property
    def action(self) -> str:
        return text(self.payload.get("action"))


def events(value: Any, left_out: Counts, name: str = "", depth: int = DEPTH) -> Iterator[GitHubEvent]:
    """The events of a JSON value; what is none is counted. `name`: the webhook's event where its payload is all."""
    if isinstance(value, list):
        if not value or not depth:
            left_out["list without events"] += 1
        for entry in value if depth else ():
            yield from events(entry, left_out, name, depth - 1)
        return
    if not isinstance(value, dict):
        left_out["JSON that is no GitHub event"] += 1
        return
    examples = value.get("examples") or value.get("items")
    if isinstance(examples, list) and depth:
        yield from events(examples, left_out, text(value.get("name")) or name, depth - 1)
        return
    found = _event(value, name)
    if found is None:
        left_out["JSON that is no GitHub event"] += 1
    else:
        yield found


def _event(value: dict[str, Any], name: str) -> GitHubEvent | None:
    payload, kind = value.get("payload"), text(value.get("type"))
    if isinstance(payload, dict):
        called = text(value.get("event"))
        return _archived(value, kind, payload) if kind else webhook(payload, called or name)
    request = table(value.get("request")).get("payload")
    if isinstance(request, dict):
        return webhook(request, text(value.get("event")) or name)
    if isinstance(value.get("repository"), dict) and ("sender" in value or "action" in value or name or guess(value)):
        return webhook(value, name)
    return _listed(value) or (webhook(value, name or guess(value)) if name or guess(value) else None)


def _archived(value: dict[str, Any], kind: str, payload: dict[str, Any]) -> GitHubEvent:
    raw = table(value.get("repo")) or table(value.get("repository"))
    actor = value.get("actor")
    who = text(actor)[:MAX_NAME] or login(actor)
    is_old = isinstance(actor, str) or "actor_attributes" in value
    return GitHubEvent(
        NAMES.get(kind, kind), payload, repository(raw, text(value.get("url"))), who,
        moment(value.get("created_at")), is_old=is_old,
    )  # fmt: skip


def webhook(payload: dict[str, Any], name: str) -> GitHubEvent:
    keys = ("comment", "review", "issue", "pull_request", "discussion", "release")
    subject = next((found for key in keys if (found := table(payload.get(key)))), {})
    at = moment(subject.get("updated_at") or subject.get("submitted_at") or subject.get("created_at"))
    actor = login(payload.get("sender"))
    found = repository(table(payload.get("repository")), text(subject.get("url")))
    return GitHubEvent(name or guess(payload), payload, found, actor, at)


def guess(payload: dict[str, Any]) -> str:
    """The webhook's event by what its payload holds."""
    for subject, words in (("issue", "issue_comment"), ("discussion", "discussion_comment")):
        if isinstance(payload.get(subject), dict):
            return words if "comment" in payload else subject + ("s" if subject == "issue" else "")
    if isinstance(payload.get("pull_request"), dict):
        if "review" in payload:
            return "pull_request_review"
        return "pull_request_review_comment" if "comment" in payload else "pull_request"
    if "commit_id" in table(payload.get("comment")):
        return "commit_comment"
    if isinstance(payload.get("pages"), list):
        return "gollum"
    if isinstance(payload.get("release"), dict):
        return "release"
    return "push" if "ref" in payload and "after" in payload else ""


def _listed(value: dict[str, Any]) -> GitHubEvent | None:
    """An element of a list of the REST API, as the webhook that would tell of it; its address says where it belongs."""
    address = text(value.get("url"))
    found = repository({}, address) if address else Repository(name="", host=HOST)
    thread = text(value.get("issue_url")) or text(value.get("pull_request_url"))
    at = moment(value.get("updated_at") or value.get("submitted_at") or value.get("created_at"))
    if not found.name:
        return None
    name, payload, actor = "", {}, login(value.get("user") or value.get("author"))
    if isinstance(value.get("event"), str):
        name, payload = "issues", {"action": value["event"], "issue": value.get("issue")}
        actor = login(value.get("actor"))
    elif "tag_name" in value:
        name, payload = "release", {"release": value}
    elif "pull_request_url" in value:
        is_comment = "diff_hunk" in value or "path" in value
        name = "pull_request_review_comment" if is_comment else "pull_request_review"
        payload = {"comment" if is_comment else "review": value}
    elif "issue_url" in value and "title" not in value:
        name, payload = "issue_comment", {"comment": value}
    elif "commit_id" in value and "body" in value:
        name, payload = "commit_comment", {"comment": value}
    elif isinstance(value.get("number"), int) and "title" in value:
        kind = next((k for k in ("pulls", "discussions") if f"/{k}/" in address), "issues")
        name = {"pulls": "pull_request", "discussions": "discussion"}.get(kind, "issues")
        payload = {"issue" if kind == "issues" else name: value}
    return GitHubEvent(name, payload, found, actor, at, number_of(thread)) if name else None


def number_of(address: str) -> int:
    """The number at the end of a thread's address; 0 when there is none."""
    tail = address.rstrip("/").rpartition("/")[2].partition("#")[0]
    return int(tail) if tail.isascii() and tail.isdigit() and len(tail) < 16 else 0


def repository(raw: dict[str, Any], address: str = "") -> Repository:
    """By its own fields; where they do not tell, by an address in it. An Enterprise server keeps its name."""
    licence, stars = text(table(raw.get("license")).get("spdx_id")), raw.get("stargazers_count")
    address = text(raw.get("html_url")) or text(raw.get("url")) or address
    found = _URL.match(address)
    name, owner = text(raw.get("full_name")) or text(raw.get("name")), text(raw.get("owner"))
    if owner and "/" not in name:
        name = f"{owner}/{name}"
    name = name or (found.group(2) if found else "")
    return Repository(
        host=host(found.group(1)) if found else HOST,
        name=name if len(name) <= MAX_NAME else "",
        licence="" if licence == "NOASSERTION" else licence[:MAX_NAME],
        stars=stars if type(stars) is int and abs(stars) < 1 << 62 else None,
        language=text(raw.get("language"))[:MAX_NAME],
    )


def host(name: str) -> str:
    """The host that people know, of one of its interfaces."""
    name = name.lower()
    if name in ("api.github.com", "www.github.com"):
        return HOST
    return name.removeprefix("api.") if name.endswith(".ghe.com") else name


def moment(date: Any) -> int:
    """Seconds since 1970 of a date as GitHub has written it, in any year; 0 for what is none."""
    if isinstance(date, int) and not isinstance(date, bool):
        return max(0, min(date, 1 << 40))
    found = _OLD_DATE.fullmatch(text(date))
    return seconds("{}-{}-{}T{}{}:{}".format(*found.groups()) if found else text(date))


def login(user: Any) -> str:
    """Of a person or a bot as a payload shows them; "" for an account that is gone."""
    return text(table(user).get("login"))[:MAX_NAME]


def table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""
