"""Rules that single recipes have: characters a token, what a file is made of, a sample."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from model import bounds
from model.languages import LANGUAGES
from streams.prepare.rules.examples import CODE_TEXT, OWN, file
from streams.prepare.rules.rule import ALL, CODE, Found, NoParameters, Rule, RuleInput, counted

if TYPE_CHECKING:
    from model.tokens.tokenizer import Tokenizer

VOCABULARY = Path(__file__).parent.parent / "vocabulary.json"
"""10,240 tokens, made by bench/vocabulary.py."""
VOCABULARY_HASH = "6c1d35b213ed7432c717953d287752309ed521810b745ab22aca4a966846bce7"


@dataclass(frozen=True)
class FertilityParameters:
    bars: dict[str, float] = field(default_factory=lambda: {"python": 2.32, "java": 2.56, "javascript": 2.45})
    """By language, the fewest characters a token; the published 2.5, 2.9 and 2.6 of a vocabulary of 49,152 tokens,
    brought to this one by bench/vocabulary.py."""
    others: float = 0.0
    """The same, of every other language."""
    vocabulary: str = VOCABULARY_HASH
    """SHA-256 of the vocabulary that the bars go with."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "others")
        bounds.among(self, "vocabulary", [VOCABULARY_HASH])
        known = {language.name for language in LANGUAGES}
        if unknown := [repr(name) for name in self.bars if name not in known]:
            raise ValueError(f"bars: there is no language {', '.join(unknown)}; docs/rules.md lists them")
        if low := [name for name, bar in self.bars.items() if bar < 0]:
            raise ValueError(f"bars must be at least 0, not {self.bars[low[0]]:g} ({low[0]})")


@dataclass(frozen=True)
class ShareParameters:
    lines: float = 0.05
    """Mentions a line from which it is one."""
    head: int = 5
    """Lines at the beginning in which one mention is enough."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "lines", "head")


@dataclass(frozen=True)
class AssignmentParameters:
    least: int = 5
    """The fewest `=`."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "least")


_FOREIGN = re.compile(r"[^\x00-\x7f]+")
"""What is not ASCII: the vocabulary was made of English code, and has their bytes alone."""
_CONFIGURATION = ("unit tests", "test file", "configuration file")
_KEYWORDS = ("def ", "class ", "for ", "while ")


@cache
def vocabulary() -> Tokenizer:
    from model.tokens.tokenizer import Tokenizer

    return Tokenizer.load(VOCABULARY)


def fertility(s: RuleInput, p: FertilityParameters) -> Found:
    bar = p.bars.get(s.document.language, p.others)
    if not bar:
        return 0.0, ""
    text = s.text if s.text.isascii() else _FOREIGN.sub("", s.text)
    if not text.strip():
        return 0.0, ""
    ratio = len(text) / max(1, vocabulary().array(text).size)
    return ratio, f"{ratio:.2f} characters a token, fewer than {bar:g}" if ratio < bar else ""


def configuration_or_test(s: RuleInput, p: ShareParameters) -> Found:
    lines = s.text.lower().split("\n")
    if any(phrase in line for line in lines[: p.head] for phrase in _CONFIGURATION):
        return 1.0, "its head says that it is a test or a configuration"
    most = max(sum("config" in line for line in lines), sum("test" in line for line in lines)) / max(1, len(lines))
    return most, f"{most:.2f} of its lines speak of tests or configuration" if most > p.lines else ""


def few_assignments(s: RuleInput, p: AssignmentParameters) -> Found:
    count = s.text.count("=")
    return float(count), f"{counted(count, 'assignment')}, fewer than {p.least}" if count < p.least else ""


def no_keywords(s: RuleInput, p: NoParameters) -> Found:
    lower = s.text.lower()
    found = any(word in lower for word in _KEYWORDS)
    return float(found), "" if found else "no function, class or loop"


def sample(s: RuleInput, p: NoParameters) -> Found:
    return 1.0, "not in the sample"


_WRITTEN = "def parse(text):\n    return [line.split() for line in text.splitlines() if line.strip()]\n"
_GREEK = "def άθροισμα(αριθμοί):\n    return sum(αριθμός for αριθμός in αριθμοί if αριθμός)  # το άθροισμα\n"
_PACKED = 's="' + "q7Zx0" * 60 + '"\n'

RULES: tuple[Rule, ...] = (
    Rule("fertility", CODE, "Few characters a token, by a small vocabulary of code that comes with Midstream: the "
         "stream's own tokenizer may not be there yet, and the text alone decides. Other letters than ASCII's are "
         "left out.", fertility,
         (file(_PACKED),), (file(_WRITTEN), file(_GREEK), file(_PACKED, "a.txt", "text")), FertilityParameters),
    Rule("configuration_or_test", CODE, "It speaks of tests or configuration.", configuration_or_test,
         (file("# A test file.\n" + CODE_TEXT), file("config = 1\n" * 9)), OWN, ShareParameters),
    Rule("few_assignments", CODE, "Few `=`.", few_assignments, OWN, (file("a = b = c\nd = e = f\ng = 1\n"),),
         AssignmentParameters),
    Rule("no_keywords", CODE, "No `def`, `class`, `for` or `while`.", no_keywords, (file("print(1)\n"),), OWN),
    Rule("sample", ALL, "Everything: with a rate, a sample of a kind or a language is left out.", sample, OWN,
         (), NoParameters),
)  # fmt: skip
