"""Rules about a text's words: how many, how long, how often the same (OpenCoder, after Gopher and RedPajama)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from streams.prepare.rules.examples import CODE_TEXT, OWN, TALK, file, issue
from streams.prepare.rules.rule import ALL, Found, Range, Rule, RuleInput, at_most
from streams.prepare.words import MARKS, entropy, stands_alone


@dataclass(frozen=True)
class RunParameters:
    sizes: tuple[int, ...] = (2, 3, 4)
    """Words of a run."""
    most: tuple[float, ...] = (0.20, 0.18, 0.16)
    """The largest share of the words' characters, for each size."""

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.most) or not self.sizes or min(self.sizes) < 1 or max(self.sizes) > 64:
            raise ValueError("sizes must be from 1 to 64, and as many as most")
        if not all(0 <= share <= 1 for share in self.most):
            raise ValueError("most must be shares from 0 to 1")


REPEATED = RunParameters((5, 6, 7, 8, 9, 10), (0.80, 0.70, 0.70, 0.70, 0.70, 0.60))
STOP_WORDS = frozenset(
    ("the", "be", "to", "of", "and", "that", "have", "with", "a", "in", "is", "it", "for", "on", "as")
)
_HEXADECIMAL = re.compile(r"\b0[xX][0-9a-fA-F]+\b")
_LINK = re.compile(r"https?://\S+|<a\b[^<>]{0,2000}>|</a>", re.I)
_BULLET = re.compile(r"\s*(?:[-*+•●■□▪▫※·‣⁃◦]|\d+[.)])\s")
_MORE = re.compile(r"(?:\.\.\.|…|read more|more\s*>*|(?:阅读|查看|展开)(?:全文|更多))\s*$", re.I)
_END = re.compile(
    r"(?<![.!?…؟۔։።܀᙮‼⁇⁈⁉])[.!?…؟۔։።܀᙮‼⁇⁈⁉]+(?:\s|$)|[。．｡！？।॥၊။។៕༎༏]"
    r"|(?<=[ก-๛ກ-ໟ])(?:\s+(?=[ก-๛ກ-ໟ])|\s*\Z)"
)
"""Marks at which sentences end; in Thai and Lao, which have none, a space."""


def _shared(part: float, whole: float) -> float:
    return part / max(1.0, whole)


def replacements(s: RuleInput) -> float:
    return _shared(s.text.count("\ufffd"), len(s.text))


def word_count(s: RuleInput) -> float:
    return float(len(s.words))


def word_length(s: RuleInput, p: Range) -> Found:
    """Of the words that spaces part: a letter of a script without them is no short word."""
    parted = [word for word in s.words if word.isascii() or not stands_alone(word)]
    return p.found(_shared(sum(map(len, parted)), len(parted)), "mean characters a word") if parted else (0.0, "")


def unique_words(s: RuleInput) -> float:
    """Of the words that spaces part, where there are more than a few: letters of other scripts come again in any "
    "text."""
    parted = s.words if s.text.isascii() else [word for word in s.words if word.isascii() or not stands_alone(word)]
    return _shared(len(set(parted)), len(parted)) if len(parted) * 4 > len(s.words) else 1.0


def word_entropy(s: RuleInput) -> float:
    return entropy(s.words)


def capital_words(s: RuleInput) -> float:
    return _shared(sum(word.isupper() for word in s.words), len(s.words))


def repeated_lines(s: RuleInput) -> float:
    """Lines of one character, and `},`, are none."""
    counts = Counter("".join(line.split()) for line in s.lines)
    return _shared(sum(n for line, n in counts.items() if n > 1 and len(line) > 1 and line != "},"), len(s.lines))


def repeated_line_chars(s: RuleInput) -> float:
    counts = Counter("".join(line.split()) for line in s.lines)
    total = sum(len(line) * n for line, n in counts.items())
    return _shared(sum(len(line) * n for line, n in counts.items() if n > 1 and len(line) > 1), total)


def bullets(s: RuleInput) -> float:
    return _shared(sum(bool(_BULLET.match(line)) for line in s.lines), len(s.lines))


def more_lines(s: RuleInput) -> float:
    return _shared(sum(bool(_MORE.search(line[-40:])) for line in s.lines), len(s.lines))


def sentences(s: RuleInput) -> float:
    return float(max(1, len(_END.findall(s.text))))


def hexadecimal(s: RuleInput) -> float:
    return _shared(sum(map(len, _HEXADECIMAL.findall(s.text))), len(s.text))


def links(s: RuleInput) -> float:
    return _shared(sum(map(len, _LINK.findall(s.text))), len(s.text))


def letters(s: RuleInput) -> float:
    """Among those that can be seen."""
    visible = "".join(s.text.split())
    marks = 0 if visible.isascii() else sum(map(MARKS.__contains__, visible))
    return _shared(sum(map(str.isalpha, visible)) + marks, len(visible))


def digits(s: RuleInput) -> float:
    return _shared(sum(map(str.isdigit, s.text)), len(s.text))


def blanks(s: RuleInput) -> float:
    return _shared(len(s.text) - sum(map(len, s.text.split())), len(s.text))


def curly_brackets(s: RuleInput) -> float:
    return _shared(s.text.count("{") + s.text.count("}"), len(s.text))


def full_brackets(s: RuleInput) -> float:
    """A heading of Chinese pages of news and shops."""
    return _shared(s.text.count("【"), len(s.words))


def stop_words(s: RuleInput) -> float:
    return _shared(sum(word.lower() in STOP_WORDS for word in s.words), len(s.words))


def signal(measure: Callable[[RuleInput], float], what: str) -> Callable[[RuleInput, Range], Found]:
    """A rule that holds a measure against a range."""

    def check(s: RuleInput, p: Range) -> Found:
        return p.found(measure(s), what)

    return check


def commonest_run(s: RuleInput, p: RunParameters) -> Found:
    return _runs(p, s.repetition.top, "the commonest run of {} words has {:.2f} of the characters, more than {:g}")


def repeated_runs(s: RuleInput, p: RunParameters) -> Found:
    return _runs(p, s.repetition.repeated, "repeated runs of {} words have {:.2f} of the characters, more than {:g}")


def _runs(p: RunParameters, measure: Callable[[int], float], says: str) -> Found:
    greatest = 0.0
    for size, most in zip(p.sizes, p.most, strict=True):
        share = measure(size)
        if share > most:
            return share, says.format(size, share, most)
        greatest = max(greatest, share)
    return greatest, ""


_REPEATING = file("raise ValueError(message)\n" * 30)
_VARIED = file(CODE_TEXT + "def sub(first, second):\n    return first - second\n\n\nassert sub(5, 2) == 3, 'wrong'\n")
_RUSSIAN = issue(("ann", "Разбор останавливается на второй скобке, и сообщение называет не ту строку исходного файла."))

_CHINESE = file("def 求和(列表):\n    return sum(数字 for 数字 in 列表)  # 返回列表中所有数字的总和。\n")
_THAI = file("ไลบรารีนี้อ่านตัวเลขจากไฟล์ ถ้าไฟล์ว่างเปล่าจะคืนค่าศูนย์\n", "a.md", "markdown")

RULES: tuple[Rule, ...] = (
    Rule("replacement_chars", ALL, "Characters that stand for bytes which could not be decoded.",
         signal(replacements, "share of replacement characters"), (file("a\ufffd" * 50),), OWN, Range, at_most(0.01)),
    Rule("word_count", ALL, "Few or many words.", signal(word_count, "words"), (file("x = 1\n" * 5),), (_VARIED,),
         Range, Range(20)),
    Rule("word_length", ALL, "The mean word is short or long.", word_length,
         (file("abcdefghijklmnop " * 20),), (*OWN, _RUSSIAN, _CHINESE), Range, Range(2, 10)),
    Rule("unique_words", ALL, "Few different words.", signal(unique_words, "share of different words"),
         (_REPEATING,), (issue(("ann", "The parser stops at the second bracket.")),), Range, Range(0.4)),
    Rule("word_entropy", ALL, "The words say little, by their entropy in nats.", signal(word_entropy, "entropy"),
         (_REPEATING,), (_VARIED,), Range, Range(2)),
    Rule("capital_words", ALL, "Words in capitals.", signal(capital_words, "share of words in capitals"),
         (issue(("ann", "IT FAILS AND NOBODY SAYS WHY")),), OWN, Range, at_most(0.5)),
    Rule("repeated_lines", ALL, "Lines that are there more than once.",
         signal(repeated_lines, "share of repeated lines"),
         (_REPEATING,), (_VARIED,), Range, at_most(0.7)),
    Rule("repeated_line_chars", ALL, "Characters of lines that are there more than once.",
         signal(repeated_line_chars, "share of characters in repeated lines"), (_REPEATING,), (_VARIED,), Range,
         at_most(0.5)),
    Rule("bullets", ALL, "Lines that begin with a bullet.", signal(bullets, "share of lines with a bullet"),
         (file("- one\n- two\n* three\n1. four\n", "a.md", "markdown"),), OWN, Range, at_most(0.9)),
    Rule("more_lines", ALL, "Lines that end where more is promised.",
         signal(more_lines, "share of lines that break off"),
         (file("News of today...\nRead more\n", "a.md", "markdown"),), OWN, Range, at_most(0.3)),
    Rule("sentences", ALL, "Few sentences.", signal(sentences, "sentences"), (issue(("ann", "It fails.")),),
         (issue(("ann", TALK)), _THAI), Range, Range(2)),
    Rule("hexadecimal", ALL, "Hexadecimal numbers.", signal(hexadecimal, "share of hexadecimal numbers"),
         (file("0x10203040, " * 20),), OWN, Range, at_most(0.4)),
    Rule("links", ALL, "Links.", signal(links, "share of links"),
         (file("https://example.org/a/b/c/d/e\n" * 9, "a.md", "markdown"),), OWN, Range, at_most(0.5)),
    Rule("curly_brackets", ALL, "Curly brackets.", signal(curly_brackets, "share of curly brackets"),
         (file("{{}}{}" * 9),), OWN, Range, at_most(0.025)),
    Rule("full_brackets", ALL, "Words in full-width brackets.", signal(full_brackets, "full-width brackets a word"),
         (file("【新】【热】【促销】", "a.md", "markdown"),), OWN, Range, at_most(0.1)),
    Rule("stop_words", ALL, "Few of the commonest English words.", signal(stop_words, "share of stop words"),
         (issue(("ann", "Buy cheap watches now. Best price online. Order today, pay later.")),),
         (issue(("ann", TALK)),), Range, Range(0.1)),
    Rule("letters", ALL, "Few letters among the characters that can be seen, in any script.",
         signal(letters, "share of letters"), (file("0x10, 0x22, 0x93\n" * 9),), (*OWN, _RUSSIAN), Range, Range(0.45)),
    Rule("digits", ALL, "Many digits.", signal(digits, "share of digits"), (file("1234567890, 12\n" * 9),), OWN, Range,
         at_most(0.2)),
    Rule("blanks", ALL, "Many blanks.", signal(blanks, "share of blanks"), (file("a          b\n" * 9),), OWN, Range,
         at_most(0.5)),
    Rule("commonest_run", ALL, "One run of words fills much of the text.", commonest_run, (_REPEATING,), (_VARIED,),
         RunParameters, RunParameters((2, 3, 4), (0.3, 0.3, 0.3))),
    Rule("repeated_runs", ALL, "Runs of words that stood there before fill much of the text.", repeated_runs,
         (_REPEATING,), (_VARIED,), RunParameters, REPEATED),
)  # fmt: skip
