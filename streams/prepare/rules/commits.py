"""Rules about a commit: its message, and how much it changes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model import bounds
from streams.index.letters import count_words
from streams.prepare.rules.examples import CODE_TEXT, commit
from streams.prepare.rules.rule import Found, NoParameters, Rule, RuleInput, counted
from streams.prepare.texts import changed_lines


@dataclass(frozen=True)
class MessageParameters:
    words: int = 2
    """The fewest words."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "words")


@dataclass(frozen=True)
class WordParameters:
    chars: float = 20.0
    """The greatest mean length of a word, characters."""

    def __post_init__(self) -> None:
        bounds.above(self, 0, "chars")


@dataclass(frozen=True)
class SpanParameters:
    least: int = 0
    """The fewest lines, taken away and added."""
    most: int = 1_000_000
    """The most."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "least", "most")
        bounds.in_order(self, "least", "most")


_TRIVIAL = frozenset(
    ("readme", "update", "dummy", "updated", "debug", "test", "wip", "fix", "update readme", "update readme.md",
     "updated readme", "updated readme.md", "initial commit", "auto commit", "update contributing")
)  # fmt: skip
_VERSION = re.compile(r"^v?\d+\.\d+(\.\d+)?([-.\w]*)$")
_AUTOMATIC = re.compile(r"(?:auto[- ]?commit\b[^\n]{0,40}|update contributing(?:\.\w+)?|<\?xml\b.*)\s*\Z", re.I | re.S)
"""The whole message is an editor's, a website's, or a file that got into its place."""


def message(s: RuleInput) -> str:
    return next((part.text for part in s.document.parts if part.role == "message"), "").strip()


def trivial_message(s: RuleInput, p: MessageParameters) -> Found:
    said = message(s)
    words = count_words(said)
    if said.lower() in _TRIVIAL or _VERSION.match(said):
        return float(words), "the message says nothing"
    return float(words), f"{counted(words, 'word')} of message, fewer than {p.words}" if words < p.words else ""


def automatic_message(s: RuleInput, p: NoParameters) -> Found:
    return (1.0, "a program's message") if _AUTOMATIC.match(message(s)) else (0.0, "")


def long_words(s: RuleInput, p: WordParameters) -> Found:
    said = message(s)
    mean = len(said) / max(1, count_words(said))
    return mean, f"{mean:.0f} characters a word of the message" if mean > p.chars else ""


def changed_lines_count(s: RuleInput, p: SpanParameters) -> Found:
    lines = len(changed_lines(s.document))
    if lines < p.least:
        return float(lines), f"{counted(lines, 'changed line')}, fewer than {p.least}"
    return float(lines), f"{counted(lines, 'changed line')}, more than {p.most}" if lines > p.most else ""


_KIND = ("commit",)
_WIDE = commit("Replace the table by one that is made", "", "x = 1\n" * 300)
_GOOD = (commit("Split the parser at its steps", CODE_TEXT),)

RULES: tuple[Rule, ...] = (
    Rule("trivial_message", _KIND, "The commit's message says nothing, or is a version alone, or too short.",
         trivial_message, (commit("wip"), commit("v1.2.3"), commit("更")), (*_GOOD, commit("修复解析器")),
         MessageParameters),
    Rule("automatic_message", _KIND, "A program's message.", automatic_message,
         (commit("Auto commit of the day"), commit('<?xml version="1.0"?>')), _GOOD),
    Rule("long_message_words", _KIND, "The message's words are so long that they are hashes or paths. bigcode "
         "divides by the blanks, which drops every Chinese message; letters of scripts without spaces are words here.",
         long_words,
         (commit("0123456789abcdef0123456789abcdef01234567"),), (*_GOOD, commit("修复解析器在第二个括号处停止的错误")),
         WordParameters),
    Rule("change_span", _KIND, "Few or many changed lines.", changed_lines_count, (_WIDE,), _GOOD,
         SpanParameters, SpanParameters(1, 200)),
)  # fmt: skip
