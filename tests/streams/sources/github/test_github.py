"""GitHub's events become whole threads: every kind of thread, every shape of a file."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from streams.event import Issue, Patch, Pull
from streams.sources.github import lines
from streams.sources.github.shapes import moment
from tests.support.sources.github_events import (
    API,
    HUNK,
    ISSUE,
    OTHERS,
    PULL,
    archived,
    comment,
    hook,
    issue,
    pull,
    user,
)
from tests.support.sources.github_runs import THREAD, ingest, said, write


def test_an_issue_is_one_thread(tmp_path: Path) -> None:
    others = archived("WatchEvent", ""), archived("PushEvent", "")
    kafka, failures = ingest(tmp_path, write(tmp_path / "a.json", *ISSUE, *others))
    (thread,) = kafka.events
    assert isinstance(thread, Issue) and (thread.number, thread.title, thread.state) == (7, "It failed", "open")
    assert (thread.repository.key, thread.updated) == ("github.com/o/r", "2026-01-04T00:00:00Z")
    assert said(thread) == THREAD and not failures
    assert kafka.left_out == {"event without a thread: WatchEvent": 1, "push: needs git": 1}


def test_a_pull_request_has_its_reviews_path_and_hunk(tmp_path: Path) -> None:
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", *PULL))
    (thread,) = kafka.events
    assert isinstance(thread, Pull) and (thread.number, thread.title, thread.state) == (8, "Mend it", "merged")
    assert said(thread) == [
        ("opened", "ann", "Here is how"), ("commented", "bob", "Why two?"), ("approved", "bob", "Fine"),
        ("merged", "cat", ""),
    ]  # fmt: skip
    assert (thread.comments[1].path, thread.comments[1].hunk) == ("a.py", HUNK)
    assert thread.repository.licence == "MIT"


def test_the_diff_is_taken_where_it_is_given(tmp_path: Path) -> None:
    event = hook(action="opened", pull_request=pull(files=[{"filename": "a.py", "patch": HUNK}, {"filename": "b.png"}]))
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", event))
    assert isinstance(kafka.events[0], Pull) and kafka.events[0].files == [Patch(path="a.py", text=HUNK)]


def test_discussions_commits_releases_and_wikis_are_texts_too(tmp_path: Path) -> None:
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", *OTHERS))
    threads = [(e.subject, e.number, e.reference, e.title, said(e)) for e in kafka.events if isinstance(e, Issue)]
    assert threads == [
        (
            "discussion",
            9,
            "",
            "How to count?",
            [("opened", "dan", "From zero or one?"), ("commented", "ann", "From one")],
        ),
        ("commit", 0, "c" * 40, "", [("commented", "bob", "This broke it")]),
        ("release", 0, "v1.0", "One", [("opened", "ann", "The first")]),
        ("wiki", 0, "Counting", "Counting", [("opened", "ann", "How we count")]),
    ]  # fmt: skip
    assert kafka.left_out == {"wiki page: its text is in the wiki's git": 1}


def test_a_trimmed_pull_request_is_known_by_what_was_said_of_it(tmp_path: Path) -> None:
    """Since October 2025 the Events API says of a pull request its number and its branches alone."""
    bare = {"url": f"{API}/pulls/8", "id": 1, "number": 8, "head": {"ref": "x"}, "base": {"ref": "main"}}
    trimmed = [event | {"payload": event["payload"] | {"pull_request": bare}} for event in PULL]
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", *trimmed))
    (thread,) = kafka.events
    assert isinstance(thread, Pull) and (thread.title, thread.state) == ("", "closed")
    assert [a for a, _, _ in said(thread)] == ["commented", "approved", "closed"]
    assert kafka.left_out == {"event without words: pull_request": 1}


SHAPES = {
    "lines": lambda events: "\n".join(map(json.dumps, events)),
    "array": json.dumps,
    "array over lines": lambda events: json.dumps(events, indent=2),
    "an element a line": lambda events: "[\n" + ",\n".join(map(json.dumps, events)) + "\n]\n",
    "pages": lambda events: json.dumps([events[:2], events[2:]]),
    "with a mark": lambda events: "\ufeff\n\n" + "\r\n".join(map(json.dumps, events)) + "\r\n",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_shape_of_a_file_gives_the_same_thread(tmp_path: Path, shape: str, packed: bool) -> None:
    data = SHAPES[shape](ISSUE).encode()
    (tmp_path / "x").write_bytes(gzip.compress(data[:300]) + gzip.compress(data[300:]) if packed else data)
    kafka, failures = ingest(tmp_path, tmp_path / "x")
    assert [said(e) for e in kafka.events] == [THREAD] and not failures and not kafka.left_out


def test_webhooks_alone_named_delivered_and_in_lists(tmp_path: Path) -> None:
    one = hook("bob", action="created", issue=issue(), comment=comment(1, "Me too", "bob", "2026-01-02T00:00:00Z"))
    shapes = [one, {"event": "issue_comment", "payload": one}, {"event": "issue_comment", "request": {"payload": one}}]
    shapes.append([{"name": "issue_comment", "examples": [one]}, {"name": "ping", "examples": [{"zen": "x"}]}])
    for number, shape in enumerate(shapes):
        folder = tmp_path / str(number)
        folder.mkdir()
        kafka, _ = ingest(folder, write(folder / "a.json", json.dumps(shape, indent=1)))
        (thread,) = kafka.events
        assert said(thread) == THREAD[:2]
        r = thread.repository
        assert (r.key, r.licence, r.stars, r.language) == ("github.com/o/r", "MIT", 3, "C")
    assert sum(kafka.left_out.values()) == 1


def test_rest_lists(tmp_path: Path) -> None:
    remark = comment(
        1, "Me too", "bob", "2026-01-02T00:00:00Z", issue_url=f"{API}/issues/7", url=f"{API}/issues/comments/1"
    )
    review = {"id": 9, "user": user("bob"), "body": "Fine", "state": "APPROVED", "submitted_at": "2026-01-03T00:00:00Z"}
    review |= {"pull_request_url": f"{API}/pulls/8", "url": f"{API}/pulls/8/reviews/9"}
    code = comment(
        5, "Why two?", "bob", "2026-01-02T00:00:00Z", path="a.py", diff_hunk=HUNK, url=f"{API}/pulls/comments/5"
    )
    code |= {"pull_request_url": f"{API}/pulls/8"}
    closing = {"id": 3, "url": f"{API}/issues/events/3", "event": "closed", "actor": user("cat"), "issue": issue()}
    closing |= {"created_at": "2026-01-03T00:00:00Z"}
    release = {"url": f"{API}/releases/1", "id": 1, "tag_name": "v1", "name": "", "body": "b", "author": user("ann")}
    lists = [[issue(), pull()], [remark], [review], [code], [closing], [release]]
    kafka, failures = ingest(tmp_path, *(write(tmp_path / f"{n}.json", x) for n, x in enumerate(lists)))
    by_number = {e.number: e for e in kafka.events if isinstance(e, Issue | Pull)}
    assert said(by_number[7]) == THREAD[:3] and by_number[7].state == "closed"
    assert [t for _, _, t in said(by_number[8])] == ["Here is how", "Why two?", "Fine"]
    assert isinstance(by_number[8], Pull) and said(by_number[0]) == [("opened", "ann", "b")]
    assert not failures and not kafka.left_out


def test_hosts_of_enterprises_are_kept(tmp_path: Path) -> None:
    one = archived("IssuesEvent", "2026-01-01T00:00:00Z", action="opened", issue=issue())
    one["repo"]["url"] = "https://git.corp.example/api/v3/repos/o/r"
    two = hook(action="opened", issue=issue())
    two["repository"]["html_url"] = "https://Git.corp.example/o/r"
    three = [issue() | {"url": "https://api.team.ghe.com/repos/o/r/issues/7"}]
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", one, two, *three, ISSUE[0]))
    assert [e.repository.key for e in kafka.events] == ["git.corp.example/o/r", "team.ghe.com/o/r", "github.com/o/r"]


def test_archives_of_before_2015_are_named_for_what_they_are(tmp_path: Path) -> None:
    old = {"type": "IssuesEvent", "actor": "ann", "actor_attributes": {"login": "ann"}, "public": True}
    old |= {"repository": {"name": "r", "owner": "o", "url": "https://github.com/o/r"}, "url": "https://github.com/o/r"}
    old |= {"payload": {"action": "opened", "issue": 4242, "number": 7}, "created_at": "2012/03/10 22:00:00 -0800"}
    comments = old | {"type": "IssueCommentEvent", "payload": {"issue_id": 4242, "comment_id": 5}}
    whole = old | {"type": "PullRequestEvent", "payload": {"action": "opened", "number": 8, "pull_request": pull()}}
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", old, comments, whole))
    assert [(e.repository.key, said(e)) for e in kafka.events] == [("github.com/o/r", THREAD[:1])]
    assert kafka.left_out == {
        "archive of before 2015, ids in place of texts: issues": 1,
        "archive of before 2015, whose events name no thread: issue_comment": 1,
    }


def test_folders_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "hours"
    (folder / "b").mkdir(parents=True)
    write(folder / "b" / "2.jsonl", *ISSUE[2:])
    write(folder / "1.json", *ISSUE[:2])
    write(folder / "notes.txt", "no")
    kafka, failures = ingest(tmp_path, folder)
    assert [said(e) for e in kafka.events] == [THREAD] and not failures
    assert kafka.left_out == {"file that is not called .json, .jsonl, .ndjson or .gz": 1}


def test_the_standard_input_is_read(tmp_path: Path) -> None:
    left_out: Counter[str] = Counter()
    reader = io.BufferedReader(io.BytesIO(gzip.compress(json.dumps(ISSUE).encode())))  # pyright: ignore
    assert list(lines.values(reader, "-", left_out)) == [ISSUE] and not left_out


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("packed", [True, False])
def test_files_in_utf_16_as_some_shells_write_them_are_read(tmp_path: Path, encoding: str, packed: bool) -> None:
    text = "\ufeff" + "\r\n".join(json.dumps(event, ensure_ascii=False) for event in ISSUE)
    value = text.replace("Here is how", "Here 日本 😀").encode(encoding)
    (tmp_path / "a.json").write_bytes(gzip.compress(value) if packed else value)
    kafka, failures = ingest(tmp_path, tmp_path / "a.json")
    assert not failures and not kafka.left_out
    assert said(kafka.events[0]) == [
        (action, who, text.replace("Here is how", "Here 日本 😀")) for action, who, text in THREAD
    ]


def test_a_date_that_is_true_or_false_is_none(tmp_path: Path) -> None:
    made = {**issue(), "created_at": True, "updated_at": False}
    kafka, failures = ingest(
        tmp_path,
        write(tmp_path / "a.json", archived("IssuesEvent", "2026-01-01T00:00:00Z", action="opened", issue=made)),
    )
    assert not failures and len(kafka.events) == 1


@pytest.mark.parametrize("date", [True, False, None, "", "soon", [], 1.5])
def test_what_is_no_date_is_none(date: Any) -> None:
    assert moment(date) == 0 and type(moment(date)) is int
