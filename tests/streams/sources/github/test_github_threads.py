"""A thread of GitHub is assembled over files and runs, in any order, and sent when it says more."""

from __future__ import annotations

import random
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.event import MAX_RECORD_BYTES, Issue, Pull, encode
from streams.sources.github.intake import send, take
from streams.sources.github.store import StoreError, ThreadStore
from streams.sources.github.threads import fitted
from tests.support.sources.github_events import ISSUE, archived, comment, issue, pull
from tests.support.sources.github_runs import THREAD, Kafka, ingest, never, said, write


def test_comments_deleted_and_edited_come_in_any_order(tmp_path: Path) -> None:
    """S11: created, deleted, created again by a late delivery; and v1, v2, v1 again."""

    def one(action: str, text: str, at: str, event_at: str, id_: int) -> dict[str, Any]:
        remark = comment(id_, text, "bob", "2026-01-02T00:00:00Z", updated_at=at)
        return archived("IssueCommentEvent", event_at, "bob", action=action, issue=issue(), comment=remark)

    created = one("created", "gone", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", 1)
    deleted = one("deleted", "gone", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", 1)
    first = one("created", "v1", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", 2)
    edited = one("edited", "v2", "2026-01-04T00:00:00Z", "2026-01-04T00:00:00Z", 2)
    late = one("created", "v1", "2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", 2)
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", created, deleted, created, first, edited, late))
    assert said(kafka.events[0]) == [("opened", "ann", "Here is how"), ("commented", "bob", "v2")]
    again, _ = ingest(tmp_path, write(tmp_path / "a.json", created, late))
    assert again.events == [] and again.left_out == {"event that was known, or older than what is known": 2}


def test_a_deleted_thread_is_not_sent_and_does_not_come_back(tmp_path: Path) -> None:
    gone = archived("IssuesEvent", "2026-01-05T00:00:00Z", action="deleted", issue=issue())
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", *ISSUE, gone, *ISSUE))
    assert kafka.events == [] and kafka.left_out["what was deleted"] == 1
    assert kafka.left_out["thread without words, or deleted"] == 1


def test_a_thread_is_assembled_across_files_and_runs_and_sent_when_it_says_more(tmp_path: Path) -> None:
    first, _ = ingest(tmp_path, write(tmp_path / "1", *ISSUE[:2]))
    second, _ = ingest(tmp_path, write(tmp_path / "2", *ISSUE[1:]))
    third, _ = ingest(tmp_path, write(tmp_path / "3", *ISSUE))
    assert [said(e) for k in (first, second, third) for e in k.events] == [THREAD[:2], THREAD]
    labelled = archived(
        "IssuesEvent", "2026-02-01T00:00:00Z", action="labeled",
        issue=issue(title="It failed", updated_at="2026-02-01T00:00:00Z"),
    )  # fmt: skip
    fourth, _ = ingest(tmp_path, write(tmp_path / "4", labelled))
    assert fourth.events == [] and fourth.left_out == {"thread that says what was sent before": 1}


def test_what_kafka_has_not_confirmed_is_sent_again(tmp_path: Path) -> None:
    many = [archived("IssuesEvent", "2026-01-01T00:00:00Z", action="opened", issue=issue(n)) for n in range(1, 6)]
    with pytest.raises(RuntimeError):
        ingest(tmp_path, write(tmp_path / "a", *many), kafka=Kafka(fails_at=3))
    kafka, _ = ingest(tmp_path, write(tmp_path / "b", ISSUE[1]))
    assert [e.number for e in kafka.events if isinstance(e, Issue)] == [1, 2, 3, 4, 5, 7]
    assert ingest(tmp_path, write(tmp_path / "c", *many))[0].events == []


def test_a_thread_that_changes_while_it_is_sent_stays_to_be_sent(tmp_path: Path) -> None:
    kafka = Kafka()
    with ThreadStore(tmp_path / "s") as one, ThreadStore(tmp_path / "s") as other:
        list(take([write(tmp_path / "a", *ISSUE[:1])], one, Counter(), "", never))
        (thread,) = one.changed()
        list(take([write(tmp_path / "b", *ISSUE[1:])], other, Counter(), "", never))
        one.confirm([thread])
        assert one.waiting == 1
        send(one, kafka, never)
        assert [said(e) for e in kafka.events] == [THREAD] and one.waiting == 0


def test_the_store_is_private_versioned_and_says_when_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "state" / "threads.sqlite3"
    with ThreadStore(path) as store:
        list(take([write(tmp_path / "a", *ISSUE)], store, Counter(), "", never))
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with ThreadStore(path) as store:
        store._db.execute("PRAGMA user_version = 9")
    with pytest.raises(StoreError, match="later Midstream"):
        ThreadStore(path)
    path.write_bytes(b"not a database at all, of a kilobyte" * 99)
    with pytest.raises(StoreError, match="damaged"):
        ThreadStore(path)


def test_a_huge_thread_fits_a_record_and_keeps_both_ends(tmp_path: Path) -> None:
    rows = [
        archived(
            "IssueCommentEvent", "2026-01-02T00:00:00Z", action="created", issue=issue(),
            comment=comment(n, f"{n} says " + "\x01" * 60_000, "bob", f"2026-01-02T00:00:{n % 60:02}Z"),
        )
        for n in range(60)
    ]  # fmt: skip
    kafka, _ = ingest(tmp_path, write(tmp_path / "a", *rows))
    (thread,) = kafka.events
    assert len(encode(thread)) < MAX_RECORD_BYTES and kafka.left_out == {"middle of a thread too long for a record": 1}
    texts = [text for _, _, text in said(thread)]
    assert texts[0] == "Here is how" and texts[1].startswith("0 says") and "[Truncated]" in "".join(texts[2:])
    assert fitted(kafka.events[0])[1] is False  # pyright: ignore


def world(chance: random.Random) -> list[dict[str, Any]]:
    """Events of a few threads: comments made, edited and deleted, threads edited, closed, reopened and deleted."""
    events: list[dict[str, Any]] = []
    clock = 0

    def at() -> str:
        return f"2026-01-{1 + clock // 24:02}T{clock % 24:02}:00:00Z"

    for number in range(1, 4):
        thread = (pull if number == 3 else issue)(number)
        key = "pull_request" if number == 3 else "issue"
        kind = "PullRequestEvent" if number == 3 else "IssuesEvent"
        for _ in range(chance.randrange(1, 9)):
            clock += chance.randrange(2)
            act = chance.choice(
                ["opened", "closed", "reopened", "edited", "created", "created", "edit", "deleted", "end"]
            )
            thread |= {"updated_at": at()}
            if act in ("opened", "closed", "reopened", "edited"):
                state = {"closed": "closed", "reopened": "open"}.get(act, thread["state"])
                thread = thread | {"title": f"T{chance.randrange(3)}", "state": state}
                events.append(archived(kind, at(), action=act, **{key: thread}))
            elif act == "end" and chance.random() < 0.1:
                events.append(archived(kind, at(), action="deleted", **{key: thread}))
            else:
                id_ = number * 10 + chance.randrange(3)
                remark = comment(id_, f"c{chance.randrange(99)}", chance.choice(["ann", "bob"]), at())
                action = {"edit": "edited", "end": "created"}.get(act, act)
                events.append(archived("IssueCommentEvent", at(), action=action, issue=thread, comment=remark))
    return events


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1 << 30))
def test_any_order_split_and_repetition_gives_the_same_threads(tmp_path_factory: Any, seed: int) -> None:
    chance = random.Random(seed)
    rows = world(chance)
    finals: list[dict[int, bytes]] = []
    for _ in range(3):
        folder = tmp_path_factory.mktemp("w")
        finals.append({})
        given_rows = [*rows, *chance.choices(rows, k=3)] if rows else []
        if finals[1:]:
            chance.shuffle(given_rows)
        while given_rows:
            size = chance.randrange(1, len(given_rows) + 1)
            files = [write(folder / f"{n}", *given_rows[n:size:2]) for n in range(min(2, size))]
            kafka, _ = ingest(folder, *files)
            finals[-1] |= {e.number: encode(e) for e in kafka.events if isinstance(e, Issue | Pull)}
            given_rows = given_rows[size:]
        with ThreadStore(folder / "threads.sqlite3") as store:
            rows_now = store._db.execute("SELECT name, digest FROM threads ORDER BY name").fetchall()
            assert store.waiting == 0
        finals[-1] = {int(name[1:]): digest for name, digest in rows_now}
    assert finals[0] == finals[1] == finals[2]
