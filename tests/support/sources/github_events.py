"""Real-shaped events of GitHub, made here: one small history of each kind, and a world of generated ones."""

from __future__ import annotations

from typing import Any

API = "https://api.github.com/repos/o/r"


def user(login: str) -> dict[str, Any]:
    return {"login": login, "id": len(login), "type": "User", "url": f"https://api.github.com/users/{login}"}


def issue(number: int = 7, **changes: Any) -> dict[str, Any]:
    return {
        "url": f"{API}/issues/{number}", "repository_url": API, "id": 1000 + number, "number": number,
        "html_url": f"https://github.com/o/r/issues/{number}", "title": "It fails", "body": "Here is how",
        "state": "open", "user": user("ann"), "labels": [], "comments": 0, "closed_at": None,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", **changes,
    }  # fmt: skip


def pull(number: int = 8, **changes: Any) -> dict[str, Any]:
    base = {"ref": "main", "sha": "a" * 40, "repo": {"full_name": "o/r", "license": {"spdx_id": "MIT"}}}
    return issue(number) | {
        "url": f"{API}/pulls/{number}", "html_url": f"https://github.com/o/r/pull/{number}", "title": "Mend it",
        "diff_url": f"https://github.com/o/r/pull/{number}.diff", "merged": False, "merged_at": None, "base": base,
        **changes,
    }  # fmt: skip


def comment(id_: int, text: str, by: str, at: str, **changes: Any) -> dict[str, Any]:
    return {"id": id_, "body": text, "user": user(by), "created_at": at, "updated_at": at, **changes}


def archived(kind: str, at: str, by: str = "ann", name: str = "o/r", **payload: Any) -> dict[str, Any]:
    repo = {"id": 1, "name": name, "url": f"https://api.github.com/repos/{name}"}
    return {
        "id": "1", "type": kind, "actor": {"id": 1, "login": by, "display_login": by}, "repo": repo,
        "payload": payload, "public": True, "created_at": at,
    }  # fmt: skip


def hook(by: str = "ann", **payload: Any) -> dict[str, Any]:
    repository = {
        "full_name": "o/r", "html_url": "https://github.com/o/r", "license": {"spdx_id": "MIT"},
        "stargazers_count": 3, "language": "C",
    }  # fmt: skip
    return {**payload, "repository": repository, "sender": user(by)}


HUNK = "@@ -1,2 +1,2 @@\n-x = 1\n+x = 2\n y = 0"
ISSUE = [
    archived("IssuesEvent", "2026-01-01T00:00:00Z", action="opened", issue=issue()),
    archived(
        "IssueCommentEvent", "2026-01-02T00:00:00Z", "bob", action="created", issue=issue(),
        comment=comment(1, "Me too", "bob", "2026-01-02T00:00:00Z"),
    ),
    archived(
        "IssuesEvent", "2026-01-03T00:00:00Z", "cat", action="closed",
        issue=issue(
            state="closed", title="It failed", updated_at="2026-01-03T00:00:00Z", closed_at="2026-01-03T00:00:00Z",
        ),
    ),
    archived(
        "IssuesEvent", "2026-01-04T00:00:00Z", action="reopened",
        issue=issue(title="It failed", updated_at="2026-01-04T00:00:00Z"),
    ),
]  # fmt: skip
PULL = [
    archived("PullRequestEvent", "2026-01-01T00:00:00Z", action="opened", number=8, pull_request=pull()),
    archived(
        "PullRequestReviewCommentEvent", "2026-01-02T00:00:00Z", "bob", action="created", pull_request=pull(),
        comment=comment(5, "Why two?", "bob", "2026-01-02T00:00:00Z", path="a.py", diff_hunk=HUNK, line=1),
    ),
    archived(
        "PullRequestReviewEvent", "2026-01-03T00:00:00Z", "bob", action="created", pull_request=pull(),
        review={
            "id": 9, "user": user("bob"), "body": "Fine", "state": "approved", "submitted_at": "2026-01-03T00:00:00Z",
        },
    ),
    archived(
        "PullRequestEvent", "2026-01-04T00:00:00Z", "cat", action="closed", number=8, pull_request=pull(
            state="closed", merged=True, merged_at="2026-01-04T00:00:00Z", closed_at="2026-01-04T00:00:00Z",
            updated_at="2026-01-04T00:00:00Z",
        ),
    ),
]  # fmt: skip
DISCUSSION = {
    "number": 9, "title": "How to count?", "body": "From zero or one?", "state": "open", "user": user("dan"),
    "html_url": "https://github.com/o/r/discussions/9", "created_at": "2026-01-05T00:00:00Z",
    "updated_at": "2026-01-05T00:00:00Z",
}  # fmt: skip
OTHERS = [
    hook("dan", action="created", discussion=DISCUSSION),
    hook(
        action="created", discussion=DISCUSSION, comment=comment(20, "From one", "ann", "2026-01-06T00:00:00Z"),
    ),
    archived(
        "CommitCommentEvent", "2026-01-07T00:00:00Z", "bob", action="created", comment=comment(
            30, "This broke it", "bob", "2026-01-07T00:00:00Z", commit_id="c" * 40, path="a.py", position=4,
        ),
    ),
    archived("ReleaseEvent", "2026-01-08T00:00:00Z", action="published", release={
        "id": 40, "tag_name": "v1.0", "name": "One", "body": "The first", "author": user("ann"),
        "created_at": "2026-01-08T00:00:00Z", "published_at": "2026-01-08T00:00:00Z",
    }),
    archived("GollumEvent", "2026-01-09T00:00:00Z", pages=[
        {"page_name": "Home", "title": "Home", "summary": None, "action": "edited", "sha": "d" * 40},
        {"page_name": "Counting", "title": "Counting", "summary": "How we count", "action": "created", "sha": "e" * 40},
    ]),
]  # fmt: skip
