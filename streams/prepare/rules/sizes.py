"""Rules about how much a document holds."""

from __future__ import annotations

from dataclasses import dataclass

from model import bounds
from streams.index.letters import count_words
from streams.prepare import names
from streams.prepare.language import DATA
from streams.prepare.rules.examples import CODE_TEXT, OWN, TALK, commit, file, issue
from streams.prepare.rules.rule import ALL, CODE, Found, NoParameters, Rule, RuleInput, counted


@dataclass(frozen=True)
class SmallParameters:
    chars: int = 50
    """The fewest characters, blanks at both ends left out."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "chars")


@dataclass(frozen=True)
class LargeParameters:
    chars: int = 1_000_000
    """The most characters."""
    lines: int = 100_000
    """The most lines of what rules measure."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 1, "chars", "lines")


@dataclass(frozen=True)
class DataParameters:
    chars: int = 5_000
    """The most characters of a file of JSON, YAML, XML or similar."""
    least: int = 0
    """The fewest."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "chars", "least")
        bounds.in_order(self, "least", "chars")


@dataclass(frozen=True)
class LinesParameters:
    least: int = 10
    """The fewest lines."""
    most: int = 100_000
    """The most lines."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "least", "most")
        bounds.in_order(self, "least", "most")


@dataclass(frozen=True)
class WordsParameters:
    least: int = 30
    """The fewest words, in any script."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "least")


@dataclass(frozen=True)
class ChangeParameters:
    chars: int = 100_000
    """The most characters of the file on either side of its commit."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 1, "chars")


def binary(s: RuleInput, p: NoParameters) -> Found:
    zeros = s.measure.zeros
    return float(zeros), counted(zeros, "NUL character") if zeros else ""


def too_small(s: RuleInput, p: SmallParameters) -> Found:
    size = len(s.text.strip())
    return float(size), f"{counted(size, 'character')}, fewer than {p.chars}" if size < p.chars else ""


def too_large(s: RuleInput, p: LargeParameters) -> Found:
    size = s.document.size
    if size > p.chars:
        return float(size), f"{counted(size, 'character')}, more than {p.chars}"
    lines = s.measure.lines
    return float(size), f"{counted(lines, 'line')}, more than {p.lines}" if lines > p.lines else ""


def large_data(s: RuleInput, p: DataParameters) -> Found:
    size = s.document.size
    if s.document.language not in DATA and names.extension(s.document.path) not in names.DATA:
        return float(size), ""
    if size > p.chars:
        return float(size), f"{counted(size, 'character')} of data, more than {p.chars}"
    return float(size), f"{counted(size, 'character')} of data, fewer than {p.least}" if size < p.least else ""


def line_count(s: RuleInput, p: LinesParameters) -> Found:
    lines = s.measure.lines
    if lines < p.least:
        return float(lines), f"{counted(lines, 'line')}, fewer than {p.least}"
    return float(lines), f"{counted(lines, 'line')}, more than {p.most}" if lines > p.most else ""


def few_words(s: RuleInput, p: WordsParameters) -> Found:
    words = count_words(s.text)
    return float(words), f"{counted(words, 'word')}, fewer than {p.least}" if words < p.least else ""


def changed_too_much(s: RuleInput, p: ChangeParameters) -> Found:
    largest = max((len(part.text) for part in s.document.parts if part.role in ("before", "after")), default=0)
    return float(largest), f"{counted(largest, 'character')} on one side" if largest > p.chars else ""


RULES: tuple[Rule, ...] = (
    Rule("binary", ALL, "The text holds NUL characters.", binary, (file("ab\0c" + CODE_TEXT),), OWN),
    Rule("too_small", ALL, "Few characters.", too_small,
         (file("x = 1\n"), issue(("ann", "no"))), (*OWN, issue(("ann", TALK))), SmallParameters),
    Rule("too_large", ALL, "Many characters or lines.", too_large, (file("x = 1\n" * 200_000),), OWN, LargeParameters),
    Rule("large_data", CODE, "A data file (JSON, YAML, XML, ...) of more than a page.", large_data,
         (file('{"a": [1, 2, 3]}\n' * 400, "a.json", "json"),),
         (file('{"a": [1, 2, 3]}\n' * 4, "a.json", "json"), file(CODE_TEXT * 100)), DataParameters),
    Rule("line_count", ALL, "Few or many lines.", line_count, (file(CODE_TEXT),), (file(CODE_TEXT * 2),),
         LinesParameters),
    Rule("few_words", ALL, "Few words; each letter of a script without spaces is one.", few_words,
         (file("x = 1\n" * 5),), (file(CODE_TEXT * 3), issue(("ann", TALK))), WordsParameters),
    Rule("changed_too_much", ("commit",), "The file is too large on one side of the commit.", changed_too_much,
         (commit("Shrink the table", "x = 1\n" * 30_000),), (commit("Name the steps", CODE_TEXT),), ChangeParameters),
)  # fmt: skip
