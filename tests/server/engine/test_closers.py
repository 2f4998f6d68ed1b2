"""Closers behind the cursor: out of the prompt, behind the answer, and the session's tokens are found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from server import served
from server.engine.closers import Closed, taken_out
from server.engine.stops import Stops
from server.request import Finish, Request
from tests.support.models.driven import answer, engine
from tests.support.models.tiny import texts, write_checkpoint

KEYS = {
    "a call": ("foo(", ")"), "an index": ("x = a[", "]"), "a dict": ("x = {", "}"), "a string": ('print("', '")'),
    "a character": ("x = '", "'"), "a call in a list": ("x = [f(", ")]"), "a template": ("x = `", "`"),
    "an argument more": ("foo(a, b", ")"), "a nested call": ("foo(bar(1), g(", "))"),
}  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("rest", ["", "\nrest()\n", " + 1\n", ";\n"])
def test_they_are_taken_out_where_the_line_has_opened_them(name: str, rest: str) -> None:
    prefix, closers = KEYS[name]
    assert taken_out("if x:\n    " + prefix, closers + rest) == (closers, rest)


@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [
        ("foo", ")\n"), ("foo(a)", ")\n"), ("foo(", "]\n"), ("(\n", ")\n"), ("foo(", " )\n"), ("# don't (", ")\n"),
        ('x = ")" + foo', ")"), ("", ""), ("foo(", ""),
    ],
)  # fmt: skip
def test_others_stay(prefix: str, suffix: str) -> None:
    assert taken_out(prefix, suffix) == ("", suffix)


@pytest.mark.parametrize(
    ("closers", "text", "shown"),
    [
        (")", "a, g(b)) + c", "a, g(b)"), (")", "')', x) y", "')', x"), ("]", "i + a[0]] x", "i + a[0]"),
        ('")', 'it\\"s (x") y', 'it\\"s (x'), ("'", "x\nmore", "x"), ("}", "'a': {1: 2}}", "'a': {1: 2}"),
        (")", "a\n)", "a\n"), (")", "a # (:\n)", "a # (:\n"), ("`", "a ${b} c` d", "a ${b} c"),
    ],
)  # fmt: skip
def test_the_answer_ends_where_they_come(closers: str, text: str, shown: str) -> None:
    for step in (1, 2, 100):
        stops = Stops((), limits=[Closed(closers)])
        got = ""
        for at in range(0, len(text), step):
            got += stops.push(text[at : at + step].encode())
            if stops.stopped:
                break
        assert (got, stops.stopped) == (shown, True)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> served.Served:
    root: Path = tmp_path_factory.mktemp("checkpoints")
    write_checkpoint(root, 60)
    return served.load(root / "step-00000060")


@pytest.mark.parametrize("name", KEYS)
def test_a_session_finds_its_tokens_again(loaded: served.Served, name: str) -> None:
    """Key after key, the editor adding what closes; then the closer typed over."""
    made, (typed, closers) = engine(loaded), KEYS[name]
    before, after = texts()[3][:40] + "\n", "\n" + texts()[4][:60]
    states = [(typed[:end], "") for end in range(1, len(typed))] + [(typed, closers), (typed + "a", closers)]
    states.append((typed + "a" + closers, ""))
    computed: list[int] = []
    for line, behind in states:
        request = Request(before + line, behind + after, "m.py", session="s", max_tokens=4)
        got = answer(made, request)
        computed.append(got.prompt_tokens - got.reused_tokens)
    assert max(computed[1:]) <= 8 < computed[0], computed


def test_the_answer_goes_between_cursor_and_closer(loaded: served.Served) -> None:
    """Without the bracket behind it, and no other than with it but for where it ends."""
    text = texts()[20]
    at = text.index("(") + 1
    closed = answer(engine(loaded), Request(text[:at], ")" + text[at:][text[at:].index(")") + 1 :], "m.py"))
    plain = answer(engine(loaded), Request(text[:at], text[at:][text[at:].index(")") + 1 :], "m.py"))
    assert closed.finish is Finish.STOP and ")" not in closed.text
    assert plain.text.startswith(closed.text + ")")
