"""Rules about what is said in a thread, and by whom."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model import bounds
from streams.prepare import prose
from streams.prepare.bots import is_bot
from streams.prepare.rules.examples import TALK, issue, question
from streams.prepare.rules.rule import THREADS, Found, NoParameters, Rule, RuleInput, counted


@dataclass(frozen=True)
class TalkParameters:
    people: int = 2
    """From as many people on a thread is kept."""
    chars: int = 7_000
    """Up to as many characters one of fewer people is kept,"""
    comments: int = 10
    """and up to as many comments."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "people", "chars", "comments")


@dataclass(frozen=True)
class EnglishParameters:
    share: float = 0.15
    """The smallest share of the commonest English words among the words of its prose."""
    words: int = 20
    """Words of prose from which a text is judged."""
    foreign: float = 0.3
    """Up to this share of words that speak for another language, a text with few English ones is only terse."""

    def __post_init__(self) -> None:
        bounds.shares(self, "share", "foreign")
        bounds.at_least(self, 1, "words")


@dataclass(frozen=True)
class AnswersParameters:
    least: int = 1
    """The fewest answers of a question."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "least")


_AUTOMATIC = re.compile(
    r"\A\s*(?:bumps? \[?[\w@/.-]+\]?(?:\([^)]*\))? from \d"
    r"|this (?:issue|pull request) (?:was|has been) (?:automatically|auto-)"
    r"|<!-- (?:generated|auto)|update dependency \S+ to)",
    re.I,
)


def authors(s: RuleInput) -> list[str]:
    return [part.label.split("\n")[0] for part in s.document.parts if part.role == "comment"]


def bots_only(s: RuleInput, p: NoParameters) -> Found:
    said = authors(s)
    people = sum(not is_bot(author) for author in said)
    return float(people), "only bots wrote in it" if said and not people else ""


def little_talk(s: RuleInput, p: TalkParameters) -> Found:
    said = authors(s)
    people = len({author for author in said if not is_bot(author)})
    if people >= p.people or (len(s.text) <= p.chars and len(said) <= p.comments):
        return float(people), ""
    told = f"{counted(len(said), 'comment')} and {counted(len(s.text), 'character')}"
    return float(people), f"{told} of {counted(people, 'person', 'people')}"


def automatic(s: RuleInput, p: NoParameters) -> Found:
    first = next((part.text for part in s.document.parts if part.role in ("comment", "question")), "")
    return (1.0, "a program's text") if _AUTOMATIC.match(first) else (0.0, "")


def not_english(s: RuleInput, p: EnglishParameters) -> Found:
    words = prose.words(s.text)
    total = max(1, len(words))
    share = sum(word in prose.COMMON for word in words) / total
    if len(words) < p.words or share >= p.share:
        return share, ""
    foreign = sum(map(prose.is_foreign, words)) / total
    return share, f"{share:.2f} of its words are common English ones" if foreign > max(share, p.foreign) else ""


def unanswered(s: RuleInput, p: AnswersParameters) -> Found:
    answers = sum(part.role == "answer" for part in s.document.parts)
    return float(answers), f"{counted(answers, 'answer')}, fewer than {p.least}" if answers < p.least else ""


_GERMAN = "Der Parser bleibt bei der zweiten Klammer stehen, und die Meldung nennt die falsche Zeile. " * 3
_RUSSIAN = "Разбор останавливается на второй скобке, и сообщение называет не ту строку. " * 4
_TRACE = "\n\nTraceback (most recent call last):\n" + '  File "/usr/lib/app/main.py", line 12, in start_app\n' * 20
_FORM = (
    "Version: 1.2.3\nSystem: Windows\nBrowser: Firefox\nSteps: open app, click button, choose file, press save, close "
    "window, restart app\nExpected: data saved\nActual: crash, data lost, log empty, every time\n"
)
_MONOLOGUE = tuple(("ann", TALK) for _ in range(12))

RULES: tuple[Rule, ...] = (
    Rule("bots_only", THREADS[:2], "Only bots wrote in the thread.", bots_only,
         (issue(("dependabot[bot]", TALK)), issue(("travis-ci", TALK)), issue(("coveralls", TALK))),
         (issue(("talbot", TALK)), issue(("codecovfan", TALK)), issue(("renovateme", TALK)))),
    Rule("little_talk", THREADS[:2], "A long thread of fewer people than a talk needs; bots are none.", little_talk,
         (issue(*_MONOLOGUE),), (issue(("ann", TALK)), issue(*_MONOLOGUE, ("bo", TALK))), TalkParameters),
    Rule("automatic_text", THREADS, "The first comment is a program's.", automatic,
         (issue(("ann", "Bumps [lodash](https://x.org) from 4.17.20 to 4.17.21.\n" + TALK)),), (issue(("ann", TALK)),)),
    Rule("not_english", THREADS, "Not in English, by its common words and those of other languages; code, paths, stack "
         "traces, logs and links are left out. The published filter has none, though its paper names one.", not_english,
         (issue(("ann", _GERMAN)), issue(("ann", _RUSSIAN)), issue(("ann", _GERMAN + _TRACE))),
         (issue(("ann", TALK)), issue(("ann", "```\n" + _GERMAN + "```")), issue(("ann", "Crash on start.\n" + _TRACE)),
          issue(("ann", _FORM))), EnglishParameters),
    Rule("unanswered", ("question",), "Nobody answered, or too few did.", unanswered, (question(TALK),),
         (question(TALK, TALK),), AnswersParameters),
)  # fmt: skip
