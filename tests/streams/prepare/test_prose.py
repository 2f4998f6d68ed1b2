"""Prose of a thread: what of it are words, and whether they are English ones."""

from __future__ import annotations

import pytest

from streams.prepare import prose
from streams.prepare.rules.examples import issue
from streams.prepare.rules.rule import RuleInput
from streams.prepare.rules.table import RULES
from streams.prepare.texts import judged


@pytest.mark.parametrize(
    "line",
    [
        '  File "/usr/lib/app/main.py", line 12, in start', "at com.foo.Bar.baz(Bar.java:12)", "#3 main () from libc",
        "at Module._compile (node:internal/modules/cjs/loader:1105:14)", "  3: core::panicking::panic_fmt",
        "2024-01-02 12:00:00 INFO server starting now", "[12:30:01] build of the app", "ERROR the server stops",
        "KeyError: the name", "$ make install the thing", "return the_value;", "total = a sum", "/usr/lib/a /usr/lib/b",
        "some_name otherName x::y", "<!-- say what fails -->", "```\nwords of code\n```", "    words of code",
    ],
)  # fmt: skip
def test_what_a_machine_wrote_has_no_words(line: str) -> None:
    assert prose.words(line) == []


def test_a_sentence_has_its_words() -> None:
    assert " ".join(prose.words('The *first* parser\'s end-point, in "a.py", fails at the end.')) == (
        "the first parser s end point in fails at the end"
    )
    assert prose.words("安装失败，a") == [*"安装失败", "a"]


@pytest.mark.parametrize(
    ("text", "drops"),
    [
        ("Bonjour, quand je lance le programme, il plante avec une erreur. Je ne comprends pas pourquoi, car la "
         "version est la bonne et les fichiers sont dans le dossier.", True),
        ("Aplikacja nie działa po aktualizacji. Czy ktoś wie jak to naprawić? Próbowałem już wszystkiego ale bez "
         "skutku. Proszę o pomoc w tej sprawie.", True),
        ("安装失败，提示找不到模块。我已经尝试重新安装，但是问题依旧存在，请问怎么解决？", True),
        ("<!-- Say what you would expect, and what has happened. -->\nVersion: 3.2\nBeim Öffnen der Datei stürzt das "
         "Programm ab, ohne eine Meldung zu zeigen. Ich habe es mit der neuen Version versucht, es geht nicht.", True),
        ("Fails since today:\n" + "numpy\npandas\nscipy\nrequests\n" * 9, False),
        ("Names break sorting: Müller, Peña, Łukasz, François; expected order wrong everywhere, normalisation missing "
         "inside tables, results scrambled, tests red, servers down.", False),
        ("Abstürzt.\n" + 'at com.foo.Bar.baz(Bar.java:12)\n' * 30, False),
    ],
)  # fmt: skip
def test_few_english_words_drop_what_another_language_speaks(text: str, drops: bool) -> None:
    rule = RULES["not_english"]
    document = issue(("ann", text))
    _, reason = rule.check(RuleInput(document, judged(document)), rule.parameters())
    assert bool(reason) == drops
