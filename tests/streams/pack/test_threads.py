"""A thread as a document: its identity, what is cut, and how it reads."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.fim.formats import FORMATS, STARCODER
from streams import event as events
from streams.document import Document, Part
from streams.event import Comment, Issue, Patch, Pull, Question, Repository
from streams.pack.render import render
from streams.pack.threads import PULL_MARKS
from streams.prepare.bots import is_bot
from streams.prepare.expand import expand, seconds
from streams.prepare.prepare import weigh
from streams.prepare.rules.rule import Verdict
from streams.prepare.shorten import MARK, lines, parts
from tests.support.documents.recipes import default

REPOSITORY = Repository(name="o/r", host="github.com", licence="MIT")


def document(event: events.Event) -> Document:
    (made,) = expand(events.encode(event), 5).documents
    return made


def test_issues_and_pull_requests_of_a_number_are_one_thread() -> None:
    issue = document(Issue(repository=REPOSITORY, number=7, title="t", comments=[], updated="2026-01-02T00:00:00Z"))
    said = [Comment(text="c", date="2026-01-01T00:00:00Z"), Comment(text="d", date="2026-01-03T01:00:00+01:00")]
    pull = document(Pull(repository=REPOSITORY, number=7, title="t", comments=said))
    old = document(Issue(repository=REPOSITORY, number=7, title="t", comments=[], pull_request=True))
    assert (issue.kind, issue.thread, issue.updated) == ("issue", "#7", 1_767_312_000)
    assert (pull.kind, pull.thread, pull.updated) == ("pull", "#7", 1_767_398_400)
    assert (old.kind, old.thread, old.updated) == ("pull", "#7", 0)
    assert document(Question(repository=REPOSITORY, number=42, title="t", text="q")).thread == "#42"


def test_a_thread_without_a_number_is_identified_by_what_it_is_about() -> None:
    release = Issue(repository=REPOSITORY, title="1.0", comments=[], subject="release", reference="v1.0")
    assert document(release).thread == "release v1.0"
    assert document(Issue(repository=REPOSITORY, title="1.0", comments=[])).thread == ""


@pytest.mark.parametrize(
    "date", ["", "yesterday", "2026-13-01", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
)
def test_any_date_is_read(date: str) -> None:
    assert seconds(date) >= 0


def test_what_is_too_long_is_cut_in_the_middle_and_kept() -> None:
    said = [Comment(text=f"Line {n} of what I saw\n" * 200, author=f"a{n}") for n in range(40)]
    made = weigh(document(Issue(repository=REPOSITORY, number=1, title="It fails", comments=said)), default())
    assert not isinstance(made, Verdict)
    texts = [p.text for p in made.parts]
    assert all(text.count("\n") <= 80 for text in texts) and 48_000 < made.size <= 50_000
    assert texts[0] == "It fails" and "Line 0 of" in texts[1] and "Line 39 of" in texts[-1]
    assert sum(text.endswith(MARK) or text.startswith(MARK) for text in texts) == 2
    assert (
        made.cut == 40 * 200 * 22 - made.size + 8 + 1600 * 3 // 2 - sum(n < 10 for n in range(40)) * 0 or made.cut > 0
    )
    again = weigh(made, default())
    assert not isinstance(again, Verdict) and [p.text for p in again.parts] == texts


texts = st.text(st.sampled_from("ab \n"), max_size=60)


@given(st.lists(texts, min_size=1, max_size=8), st.integers(1, 200), st.integers(1, 12))
def test_cutting_keeps_both_ends_and_cuts_once(said: list[str], most: int, high: int) -> None:
    given_parts = [Part("comment", text) for text in said]
    cut = parts(given_parts, most)
    assert sum(len(p.text) for p in cut) <= max(most, 2 * len(MARK))
    assert cut == given_parts or sum(p.text.count(MARK) for p in cut) in (1, 2)
    short = [lines(text, high) for text in said]
    assert all(len(text.rstrip("\n").split("\n")) <= high + 1 for text in short)
    assert [lines(text, high) for text in short] == short


TURNS = [
    Comment(text="Why", author="ann", action="opened"),
    Comment(text="", author="bob", action="closed"),
    Comment(text="", author="ann", action="reopened"),
    Comment(text="Now", author="bob"),
]


def test_a_closing_stands_where_it_happened() -> None:
    body = render(document(Issue(repository=REPOSITORY, number=1, title="T", comments=TURNS, state="open"))).body
    assert body == (
        "<issue_start>", "Title: T\nusername_0: Why\n", "<issue_closed>", "<issue_comment>",
        "username_0 reopened this.\n", "<issue_comment>", "username_1: Now\n",
    )  # fmt: skip
    closed = render(document(Issue(repository=REPOSITORY, number=1, title="T", comments=TURNS, state="closed"))).body
    assert closed[-1] == "<issue_closed>" and closed[:-1] == body
    plain = render(document(Issue(repository=REPOSITORY, number=1, title="T", comments=TURNS)), FORMATS["plain"]).body
    assert plain == (
        "Title: T\n\nusername_0: Why\n\nusername_1 closed this.\n\nusername_0 reopened this.\n\nusername_1: Now\n",
    )


def test_a_review_says_where_it_speaks_of() -> None:
    said = [Comment(text="Do", author="ann"), Comment(text="No", author="bob", path="a.py", hunk="@@ -1 +1 @@\n+x")]
    said += [Comment(text="", author="bob", action="changes_requested")]
    made = Pull(repository=REPOSITORY, number=1, title="T", comments=said, files=[Patch(path="a.py", text="+x\n")])
    body = "".join(render(document(made), STARCODER).body)
    assert "--- a/a.py\n+++ b/a.py\n+x\n<issue_comment>username_1 on a.py:\n@@ -1 +1 @@\n+x\n\nNo\n" in body
    assert body.endswith("username_1 requested changes.\n")


def test_starcoder2s_template_of_a_pull_request() -> None:
    fmt = msgspec.structs.replace(FORMATS["starcoder2"], others=(*FORMATS["starcoder2"].others, *PULL_MARKS))
    said = [
        Comment(text="Do", author="ann", action="opened"),
        Comment(text="No", author="bob", path="a.py", hunk="+x"),
        Comment(text="Well", author="bob", action="changes_requested"),
        Comment(text="Now", author="ann"),
        Comment(text="", author="bob", action="closed"),
        Comment(text="", author="ann", action="reopened"),
        Comment(text="", author="bob", action="merged"),
    ]
    files = [Patch(path="a.py", text="+x")]
    made = document(Pull(repository=REPOSITORY, number=1, title="T", comments=said, files=files, state="merged"))
    assert "".join(render(made, fmt).body) == (
        "<pr>Title: T\nusername_0: Do<pr_status>opened<repo_name>github.com/o/r"
        "<pr_diff><pr_file>a.py<pr_diff_hunk>+x"
        "<pr_review_comment><pr_file>a.py<pr_diff_hunk>+x<pr_comment>username_1: No"
        "<pr_review>username_1: Well\n<pr_review_state>changes_required<pr_comment>username_0: Now"
        "<pr>username_1<pr_status>closed<pr_is_merged>False<pr>username_0<pr_status>reopened"
        "<pr>username_1<pr_status>closed<pr_is_merged>True"
    )
    assert render(made, FORMATS["starcoder2"]).body[0] == "<issue_start>"


BOTS = (
    "CLAassistant ImgBotApp msftbot elasticmachine azure-pipelines coderabbitai sourcery-ai Copilot copilot-swe-agent "
    "dependabot[bot] some-bot some_robot RunnerBot my.bot AppCI swift-ci TravisBOT x2Bot"
)
PEOPLE = (
    "abbot Abbot talbot Talbot cibot_fan robotnik Botond botanist ABBOT copilotfan luci LUCI marci nobot Cibot jbot"
)


def test_accounts_of_programs_are_known_and_people_are_not() -> None:
    assert [name for name in BOTS.split() if not is_bot(name)] == []
    assert [name for name in PEOPLE.split() if is_bot(name)] == []
