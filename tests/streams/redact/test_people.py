"""Names in a thread: everybody gets one number, whatever way they are named; what is no person stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.document import Document, Part
from streams.redact import people
from streams.redact.documents import redact_document


def thread(*said: tuple[str, str], title: str = "It fails", kind: str = "issue") -> Document:
    parts = [Part("title", title), *(Part("comment", text, f"{author}\ncommented") for author, text in said)]
    return Document(offset=0, index=0, kind=kind, parts=parts)  # pyright: ignore


def said(document: Document) -> list[str]:
    return [f"{p.label.partition(chr(10))[0]}: {p.text}" for p in redact_document(document).parts]


def test_authors_and_mentions_are_numbered_as_they_appear() -> None:
    message = thread(
        ("Ann", "Ask @bob or @Cat-1."), ("cat-1", "@ann, @BOB: done"), ("dep[bot]", "cc @ann"), title="For @dan"
    )
    assert said(message) == [
        ": For @username_1",
        "username_0: Ask @username_2 or @username_3.",
        "username_3: @username_0, @username_2: done",
        "username_4: cc @username_0",
    ]
    assert redact_document(message).redactions == {"name": 6}


@pytest.mark.parametrize(
    "text", [
        "a@b", "`@property` and\n```py\n@cache\ndef f(): ...\n```\n", "@types/node", "x.@y", "see @a.b",
        "user@example.com", "git@github.com:o/r.git", "@", "@@x", "~~~\n@Override\n~~~", "```\n@never closed",
    ],
)  # fmt: skip
def test_what_is_no_mention_stays(text: str) -> None:
    assert said(thread(("ann", text))) == [": It fails", f"username_0: {text}"]


def test_in_code_those_who_wrote_are_renamed() -> None:
    message = thread(("ann", "`@cache @bob`"), ("bob", "yes"))
    message.parts.insert(1, Part("hunk", "+@cache  # @ann", "a.py"))
    assert said(message)[1:] == ["a.py: +@cache  # @username_0", "username_0: `@cache @username_1`", "username_1: yes"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [("users/jane.roe@corp/notes.py", "users/"), ("home/ann@lab/x", "/x"), ("a/jane.roe@mail.org", "a/")],
)
def test_paths_that_name_people_do_not(path: str, kept: str) -> None:
    document = redact_document(Document(offset=0, index=0, kind="file", parts=[Part("text", "x")], path=path)).path
    assert "jane" not in document and "ann@lab" not in document and kept in document and "<EMAIL>" in document


@pytest.mark.parametrize("path", ["node_modules/@types/a.ts", "icon@2x.png", "react@18.2.0/a.js", "pkg@next/b.js"])
def test_other_paths_stay(path: str) -> None:
    assert people.path(path) == path


names = st.sampled_from(["ann", "bob", "Ann", "cat_x", "username_3", "", "username_0", "dep[bot]"])
words = st.lists(st.one_of(st.just("`@a`"), names.map("@{}".format), st.text(max_size=5)), max_size=6).map(" ".join)


@given(st.lists(st.tuples(names, words), max_size=5), words)
def test_twice_is_once(comments, title) -> None:
    once = redact_document(thread(*comments, title=title))
    again = redact_document(once)
    assert (again.parts, again.redactions) == (once.parts, once.redactions)
