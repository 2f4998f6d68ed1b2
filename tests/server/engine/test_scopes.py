"""Where a line, a statement and a block end, however the text comes in."""

from __future__ import annotations

import pytest

from server.engine.scopes import Ended, language_of
from server.engine.stops import Stops
from server.request import Until

S, C = Until.STATEMENT, Until.SCOPE
IF = "if a:\n        b()\n    else:\n        c()"
IF_JS = "if (a) {\n    b();\n  } else {\n    c();\n  }"
CASES = [
    (S, "python", "def f():\n    ", "return 1", "\n    x = 2\n"),
    (S, "python", "def f():\n    x = ", "g(1,\n      2)", "\n    y = 3\n"),
    (S, "python", "    ", IF, "\n    d()\n"),
    (S, "python", "x = ", "1 + \\\n  2", "\ny=3\n"),
    (S, "python", "", "@cache\ndef f(x):\n    return x", "\n\n\ndef g():\n    pass\n"),
    (S, "python", "x = ", "'''a\nb\n'''", "\ny = 2\n"),
    (S, "python", "s = ", '"it\'s ("', "\nt = 1\n"),
    (S, "python", "", "# why (\nx = 1", "\ny = 2\n"),
    (S, "", "x = ", "f(1)", "\ny = 2\n"),
    (S, "javascript", "  const x = ", "a +\n    2;", "\n  bar();\n"),
    (S, "javascript", "  const f = () => ", "{\n    b(')');\n  };", "\n  d();\n"),
    (S, "javascript", "  ", IF_JS, "\n  d();\n"),
    (S, "c", "", "int f()\n{\n  return 1;\n}", "\nint g() {\n"),
    (S, "go", "\t", "if err != nil {\n\t\treturn err\n\t}", "\n\treturn nil\n}\n"),
    (C, "python", "def f():\n    ", "a = 1\n    for x in y:\n        b\n    return 2", "\n\ndef g():\n"),
    (C, "python", "def f():\n", "    a = 1\n    return 2", "\nx\n"),
    (C, "python", "    foo(", "a, b)\n    c", "\n\nd = 1"),
    (C, "c", "int f() {\n  ", "int a = 1;\n  if (a) { b(); }\n  return a;", "\n}\n\nint g() {"),
    (C, "rust", "fn f() { ", "g('a') ", "}\nfn h() {}"),
]


@pytest.mark.parametrize(("until", "language", "prefix", "text", "more"), CASES)
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_the_text_ends_there(until: Until, language: str, prefix: str, text: str, more: str, step: int) -> None:
    stops = Stops((), limits=[Ended(until, prefix, language)])
    shown, data = "", (text + more).encode()
    for at in range(0, len(data), step):
        shown += stops.push(data[at : at + step])
        if stops.stopped:
            break
    assert stops.stopped and shown == text


@pytest.mark.parametrize(("until", "language", "prefix", "text", "more"), CASES)
def test_what_is_held_back_comes_when_generation_ends_by_itself(
    until: Until, language: str, prefix: str, text: str, more: str
) -> None:
    """At the end of any of its lines."""
    for cut in (at for at in range(len(text) + 1) if text[at : at + 1] in ("", "\n")):
        stops = Stops((), limits=[Ended(until, prefix, language)])
        shown = stops.push(text[:cut].encode())
        assert shown + stops.finish() == text[:cut]


def test_a_stop_string_comes_before_the_end_of_a_statement() -> None:
    stops = Stops(("END",), limits=[Ended(S, "x = ", "python")])
    assert stops.push(b"1 EN") + stops.push(b"D\n") == "1 " and stops.stopped


def test_the_language_is_the_path_s_where_none_is_named() -> None:
    assert [language_of("a/b.py", ""), language_of("x", "Go"), language_of("a.zzz", "")] == ["python", "go", ""]
