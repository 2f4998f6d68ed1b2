"""GitHub's events become whole threads: every shape, every kind, bad lines, bad files, and any order."""

from __future__ import annotations

import gzip
import io
import json
import random
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from github_events import API, HUNK, ISSUE, OTHERS, PULL, archived, comment, hook, issue, pull, user
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.event import MAX_RECORD_BYTES, Event, Issue, Patch, Pull, decode, encode
from streams.sources.github import lines
from streams.sources.github.intake import send, take
from streams.sources.github.shapes import moment
from streams.sources.github.store import StoreError, ThreadStore
from streams.sources.github.threads import fitted


class Kafka:
    """A delivery that keeps what was sent, and can be told to fail."""

    def __init__(self, fails_at: int = -1) -> None:
        self.left_out: Counter[str] = Counter()
        self.events: list[Event] = []
        self.confirmed = 0
        self.fails_at = fails_at

    def send(self, event: Event) -> None:
        if len(self.events) == self.fails_at:
            raise RuntimeError("no broker")
        self.events.append(event)

    def confirm(self) -> None:
        self.confirmed = len(self.events)


def never() -> bool:
    return False


def ingest(folder: Path, *files: Path, name: str = "", kafka: Kafka | None = None) -> tuple[Kafka, list[str]]:
    """One run over the files, with the store in `folder`."""
    kafka = kafka or Kafka()
    with ThreadStore(folder / "threads.sqlite3") as store:
        failures = list(take(files, store, kafka.left_out, name, never))
        send(store, kafka, never)
    return kafka, failures


def write(path: Path, *values: Any) -> Path:
    path.write_text("\n".join(v if isinstance(v, str) else json.dumps(v) for v in values))
    return path


def said(event: Event) -> list[tuple[str, str, str]]:
    assert isinstance(event, Issue | Pull)
    return [(c.action, c.author, c.text) for c in event.comments]


THREAD = [
    ("opened", "ann", "Here is how"),
    ("commented", "bob", "Me too"),
    ("closed", "cat", ""),
    ("reopened", "ann", ""),
]


def test_an_issue_is_one_thread(tmp_path: Path) -> None:
    others = archived("WatchEvent", ""), archived("PushEvent", "")
    kafka, failures = ingest(tmp_path, write(tmp_path / "a.json", *ISSUE, *others))
    (made,) = kafka.events
    assert isinstance(made, Issue) and (made.number, made.title, made.state) == (7, "It failed", "open")
    assert (made.repository.key, made.updated) == ("github.com/o/r", "2026-01-04T00:00:00Z")
    assert said(made) == THREAD and not failures
    assert kafka.left_out == {"event without a thread: WatchEvent": 1, "push: needs git": 1}


def test_a_pull_request_has_its_reviews_path_and_hunk(tmp_path: Path) -> None:
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", *PULL))
    (made,) = kafka.events
    assert isinstance(made, Pull) and (made.number, made.title, made.state) == (8, "Mend it", "merged")
    assert said(made) == [
        ("opened", "ann", "Here is how"), ("commented", "bob", "Why two?"), ("approved", "bob", "Fine"),
        ("merged", "cat", ""),
    ]  # fmt: skip
    assert (made.comments[1].path, made.comments[1].hunk) == ("a.py", HUNK)
    assert made.repository.licence == "MIT"


def test_the_diff_is_taken_where_it_is_given(tmp_path: Path) -> None:
    given = hook(action="opened", pull_request=pull(files=[{"filename": "a.py", "patch": HUNK}, {"filename": "b.png"}]))
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", given))
    assert isinstance(kafka.events[0], Pull) and kafka.events[0].files == [Patch(path="a.py", text=HUNK)]


def test_discussions_commits_releases_and_wikis_are_texts_too(tmp_path: Path) -> None:
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", *OTHERS))
    made = [(e.subject, e.number, e.reference, e.title, said(e)) for e in kafka.events if isinstance(e, Issue)]
    assert made == [
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
    (made,) = kafka.events
    assert isinstance(made, Pull) and (made.title, made.state) == ("", "closed")
    assert [a for a, _, _ in said(made)] == ["commented", "approved", "closed"]
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
        (made,) = kafka.events
        assert said(made) == THREAD[:2]
        r = made.repository
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


BAD = ["", "{", "\u2028", '"a', "[" * 100_000, "not json", '{"a": 1}', "3", '{"type": 1, "payload": []}', "\x00", "}{"]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", [0, 1, 4])
def test_a_bad_line_costs_itself_alone(tmp_path: Path, bad: str, place: int) -> None:
    rows = [json.dumps(e) for e in ISSUE]
    kafka, failures = ingest(tmp_path, write(tmp_path / "a.json", *rows[:place], bad, *rows[place:]))
    assert [said(e) for e in kafka.events] == [THREAD] and not failures
    assert sum(kafka.left_out.values()) == (1 if bad else 0)


def test_half_a_character_becomes_a_question_mark(tmp_path: Path) -> None:
    line = json.dumps(ISSUE[0]).replace("Here is how", "Here \\ud83d is \\uD83D\\uDE00")
    kafka, _ = ingest(tmp_path, write(tmp_path / "a.json", line))
    assert said(kafka.events[0]) == [("opened", "ann", "Here ? is 😀")]


def test_a_line_is_bounded_before_it_is_decoded(tmp_path: Path) -> None:
    huge = b'{"a": "' + b"x" * (lines.MAX_LINE_BYTES + 5) + b'"}\n'
    rows = b"".join(json.dumps(e).encode() + b"\n" for e in ISSUE)
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(huge + rows + huge))
    kafka, failures = ingest(tmp_path, tmp_path / "a.json.gz")
    assert [said(e) for e in kafka.events] == [THREAD] and not failures
    assert kafka.left_out == {"line of more than 32 MiB": 2}


@pytest.mark.parametrize(
    "bad", [b"", b"not json", b"3", b"\x1f\x8b broken", gzip.compress(b"{}" * 9)[:-9], b"\xff\xfe{\x00"]
)
def test_a_bad_file_never_ends_the_others(tmp_path: Path, bad: bytes) -> None:
    (tmp_path / "bad.json").write_bytes(bad)
    kafka, failures = ingest(tmp_path, tmp_path / "bad.json", tmp_path / "none", write(tmp_path / "good", *ISSUE))
    assert [said(e) for e in kafka.events] == [THREAD]
    assert len(failures) == 2 and "bad.json: " in failures[0] and "none: cannot be opened" in failures[1]


def test_what_a_torn_archive_holds_is_kept(tmp_path: Path) -> None:
    data = gzip.compress(
        "\n".join(map(json.dumps, [*ISSUE, *(archived("WatchEvent", str(n)) for n in range(900))])).encode()
    )
    (tmp_path / "a.json.gz").write_bytes(data[: len(data) // 2])
    kafka, failures = ingest(tmp_path, tmp_path / "a.json.gz")
    assert [said(e) for e in kafka.events] == [THREAD] and "cannot be read to its end (EOFError)" in failures[0]


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


def test_comments_deleted_and_edited_come_in_any_order(tmp_path: Path) -> None:
    """S11: created, deleted, created again by a late delivery; and v1, v2, v1 again."""

    def one(action: str, text: str, at: str, event_at: str, id_: int) -> dict[str, Any]:
        made = comment(id_, text, "bob", "2026-01-02T00:00:00Z", updated_at=at)
        return archived("IssueCommentEvent", event_at, "bob", action=action, issue=issue(), comment=made)

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
        (seen,) = one.changed()
        list(take([write(tmp_path / "b", *ISSUE[1:])], other, Counter(), "", never))
        one.confirm([seen])
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
    (made,) = kafka.events
    assert len(encode(made)) < MAX_RECORD_BYTES and kafka.left_out == {"middle of a thread too long for a record": 1}
    texts = [text for _, _, text in said(made)]
    assert texts[0] == "Here is how" and texts[1].startswith("0 says") and "[Truncated]" in "".join(texts[2:])
    assert fitted(kafka.events[0])[1] is False  # pyright: ignore


def world(chance: random.Random) -> list[dict[str, Any]]:
    """Events of a few threads: comments made, edited and deleted, threads edited, closed, reopened and deleted."""
    made: list[dict[str, Any]] = []
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
                made.append(archived(kind, at(), action=act, **{key: thread}))
            elif act == "end" and chance.random() < 0.1:
                made.append(archived(kind, at(), action="deleted", **{key: thread}))
            else:
                id_ = number * 10 + chance.randrange(3)
                remark = comment(id_, f"c{chance.randrange(99)}", chance.choice(["ann", "bob"]), at())
                action = {"edit": "edited", "end": "created"}.get(act, act)
                made.append(archived("IssueCommentEvent", at(), action=action, issue=thread, comment=remark))
    return made


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


EVERYTHING = [
    *ISSUE,
    *PULL,
    *OTHERS,
    hook(action="created", issue=issue(), comment=comment(1, "x", "a", "2026")),
    [issue()],
]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.floats(), st.text(max_size=9), st.just([]),
    st.just({}), st.just("x" * 5000), st.just([{"a": [1]}]), st.just("https://api.github.com/repos/o/r/issues/9"),
)  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a JSON value: what holds it, and its key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    pairs = list(pairs)
    return [(value, key) for key, _ in pairs] + [place for _, inner in pairs for place in places(inner)]


@pytest.mark.parametrize("date", [True, False, None, "", "soon", [], 1.5])
def test_what_is_no_date_is_none(date: Any) -> None:
    assert moment(date) == 0 and type(moment(date)) is int


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_whatever_stands_in_an_event_gives_events_that_decode_or_is_counted(tmp_path_factory: Any, data: Any) -> None:
    event = json.loads(json.dumps(data.draw(st.sampled_from(EVERYTHING))))
    for _ in range(data.draw(st.integers(1, 4))):
        holder, key = data.draw(st.sampled_from(places(event) or [({"": 0}, "")]))
        holder[key] = json.loads(json.dumps(data.draw(ODD)))  # no two examples share a list
    folder = tmp_path_factory.mktemp("odd")
    kafka, failures = ingest(folder, write(folder / "a.json", json.dumps(event)))
    for one in kafka.events:
        assert encode(decode(encode(one))) == encode(one)
    assert kafka.events or failures or sum(kafka.left_out.values())
