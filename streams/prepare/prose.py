"""The prose of a thread: its words without code, paths, stack frames and lines of logs; and what language they speak
for."""

from __future__ import annotations

import re

from streams.prepare.words import stands_alone
from streams.prepare.words import words as all_words

_APART = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|<!--.*?(?:-->|\Z)|`[^`\n]*`|^(?: {4}|\t)[^\n]*$|https?://\S+", re.S | re.M
)
"""Code, links, and the comments of a form that nobody sees."""
_MACHINE = re.compile(
    r"\s*(?:File \"|at \S*[.$/<(:]\S|#\d+ |\d+: \S*::|from \S+:\d+|Traceback \(|Caused by:|goroutine \d"
    r"|\[?\d{4}-\d\d-\d\d|\[?\d\d:\d\d:\d\d|\[?(?:DEBUG|INFO|WARN|WARNING|ERROR|FATAL|TRACE)\b|npm (?:ERR|WARN)"
    r"|[\w.]{0,99}(?:Error|Exception)\b:|[$%] \S|[-+]{3} \S|@@ )"
)
"""What lines of stack traces, logs, shells and diffs begin with."""
_STATEMENT = re.compile(r"[;{}]\s*$| (?::?=|[=!+]=|->|=>|&&|\|\|) ")
_PLAIN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_CAMEL = re.compile(r"[a-z][A-Z]")
_AROUND = "\"'`.,;:!?()[]*_-–—…“”„«»‘’"
"""What stands at either end of a word in a sentence."""
COMMON = frozenset(
    re.findall(
        r"\w+",
        "the and of to that with for this it be are have not you from but they we when if which there has does should "
        "would will what your its my can could after before because into than then them been were where how why only "
        "also still just like get getting use using used work works working need want any some other these those",
    )
)
"""English words that no other language of many speakers has among its common ones."""
_FOREIGN = frozenset(
    re.findall(
        r"\w+",
        "der die das und ist nicht ein eine ich mit auf dem den zu wird bei wenn aber auch kann nach sich von werden "
        "wie le la les des une est pas dans pour que qui sur avec je il ce du et en au mais plus sont vous "
        "el los las del una por con para no se lo como pero es al si cuando hay tengo "
        "os um uma não com mas ao quando dos da em isso ele foi "
        "il di che non per sono questo della ho nel anche ma quando "
        "het een niet van ik op zijn voor maar naar dat wordt geen "
        "yang dan untuk dengan tidak ini itu saya bisa ada ke dari "
        "nie jest na do jak ale czy się och att det som inte jag är på ve bir bu için ile",
    )
) - {"no", "do", "non", "si", "per", "on", "plus"}
"""The commonest words of other languages in Latin letters: German, French, Spanish, Portuguese, Italian, Dutch,
Indonesian, Polish, Swedish, Turkish; those that English texts have, too, are left out."""


def words(text: str) -> list[str]:
    """In small letters; each letter of a script without spaces is one."""
    found = [word for line in _APART.sub(" ", text).split("\n") for word in _words(line)]
    return all_words(" ".join(found).lower())


def _words(line: str) -> list[str]:
    """Of a line; none where it is a machine's, or less than half of it are words."""
    if _MACHINE.match(line) or _STATEMENT.search(line):
        return []
    tokens = [bare for token in line.split() if (bare := token.strip(_AROUND))]
    plain = [token for token in tokens if _is_word(token)]
    return plain if 2 * len(plain) >= len(tokens) else []


def _is_word(token: str) -> bool:
    """Whether it is no path, name of code or number; sentences of scripts without spaces are one token."""
    if not token.isascii() and stands_alone(token):
        return True
    return _PLAIN.fullmatch(token) is not None and not _CAMEL.search(token)


def is_foreign(word: str) -> bool:
    """Whether it speaks for another language than English: by its letters, or as one of the commonest words there."""
    return not word.isascii() or word in _FOREIGN
