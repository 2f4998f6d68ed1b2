"""The rules that drop a document on its own merits. One rule: one small function and one row of RULES.

A row carries documents that must and that must not be dropped; the tests and docs/rules.md are made
from the table. A rule sees the document, its measures and the recipe, nothing else: the same
document always gets the same verdict.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.document import Document, Part
from streams.index.letters import count_words
from streams.prepare import names
from streams.prepare.bots import is_bot
from streams.prepare.generated import mark
from streams.prepare.language import DATA, MARKUP
from streams.prepare.licences import classify
from streams.prepare.texts import whole
from streams.recipe import Recipe

if TYPE_CHECKING:
    from streams.prepare.measure import Measure


@dataclass(frozen=True)
class Verdict:
    """Why a document is dropped."""

    rule: str
    reason: str
    measure: float = 0.0


@dataclass(frozen=True)
class RuleInput:
    """What a rule looks at."""

    document: Document
    text: str
    """What rules measure: streams.prepare.texts.judged."""
    measure: Measure


Check = Callable[[RuleInput, Recipe], tuple[str, float] | None]
"""None keeps; otherwise the reason and the measure that decided."""


@dataclass(frozen=True)
class Rule:
    name: str
    kinds: tuple[str, ...]
    says: str
    """One line for the documentation."""
    check: Check
    drops: tuple[Document, ...]
    keeps: tuple[Document, ...]


ALL = ("file", "commit", "issue", "notebook", "question", "pull")
_TRIVIAL_MESSAGES = frozenset(
    ("readme", "update", "dummy", "updated", "debug", "test", "wip", "fix", "update readme", "update readme.md",
     "updated readme", "updated readme.md", "initial commit", "auto commit", "update contributing")
)  # fmt: skip
_VERSION_ONLY = re.compile(r"^v?\d+\.\d+(\.\d+)?([-.\w]*)$")


def _opt_out(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    return ("the repository's owner has opted out", 1.0) if s.document.opt_out else None


def _licence(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    category = classify(s.document.licence)
    return None if category in r.licences else (f"licence {s.document.licence} is {category}", 0.0)


def _language(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    if not r.languages or s.document.language in r.languages:
        return None
    return (f"language {s.document.language or 'unknown'} is not in the recipe", 0.0)


def _binary(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    return (f"{s.measure.zeros} NUL characters", float(s.measure.zeros)) if s.measure.zeros else None


def _vendored(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    match = names.VENDORED.search(s.document.path)
    return (f"path goes through {match.group(0).strip('/')}", 1.0) if match else None


def _minimum(kind: str, r: Recipe) -> int:
    return {
        "issue": r.min_issue_chars,
        "question": r.min_issue_chars,
        "pull": r.min_issue_chars,
        "notebook": r.min_notebook_chars,
        "file": r.min_chars,
    }.get(kind, 0)


def _too_small(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    least = _minimum(s.document.kind, r)
    size = len(s.text.strip())
    return (f"{size} characters, fewer than {least}", float(size)) if size < least else None


def _too_large(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    size = s.document.size
    if size > r.max_chars:
        return (f"{size} characters, more than {r.max_chars}", float(size))
    lines = s.measure.lines
    return (f"{lines} lines, more than {r.max_lines}", float(lines)) if lines > r.max_lines else None


def _large_data(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    is_data = s.document.language in DATA or names.extension(s.document.path) in names.DATA
    if not is_data or s.document.size <= r.data_max_chars:
        return None
    return (f"{s.document.size} characters of data, more than {r.data_max_chars}", float(s.document.size))


def _no_code(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    if names.is_licence(s.document.path):
        return ("a licence's text", 1.0)
    extension = names.extension(s.document.path)
    return (f".{extension} holds no code", 1.0) if extension in names.NO_CODE else None


TABLE_CHARS = 500
"""Letters and digits from which numbers are a table: a change of some constants is none."""


def _numbers(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    share = s.measure.numeric / max(1, s.measure.alphanumeric)
    if s.document.language in MARKUP | DATA or share <= r.max_number_share or s.measure.alphanumeric < TABLE_CHARS:
        return None
    return (f"{share:.2f} of its letters and digits are numbers", share)


def _changed_too_much(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    sides = [len(p.text) for p in s.document.parts if p.role in ("before", "after")]
    largest = max(sides, default=0)
    return (f"{largest} characters on one side", float(largest)) if largest > r.max_changed_chars else None


def _long_lines(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    if s.document.language in MARKUP | DATA:
        return None
    longest, mean = s.measure.longest_line, s.measure.size / max(1, s.measure.lines)
    if longest > r.max_line_length:
        return (f"a line of {longest}, more than {r.max_line_length}", float(longest))
    return (f"mean line of {mean:.0f}, more than {r.mean_line_length:.0f}", mean) if mean > r.mean_line_length else None


def _alphanumeric(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    share = s.measure.alphanumeric / max(1, s.measure.size)
    return (f"{share:.2f} letters and digits", share) if share < r.min_alphanumeric else None


def _generated(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    if names.GENERATED.search(s.document.path) or names.COMPILED.search(s.document.path):
        return ("the name says so", 1.0)
    line = mark(whole(s.document))
    return ("a comment at its head says so", 1.0) if line else None


def _encoded(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    run, share = s.measure.longest_run, s.measure.encoded / max(1, s.measure.size)
    if run > r.max_encoded_run:
        return (f"{run} characters of encoded data in a row", float(run))
    return (f"{share:.2f} of it is encoded data", share) if share > r.max_encoded_share else None


def _trivial_message(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    message = next((p.text for p in s.document.parts if p.role == "message"), "").strip()
    words = count_words(message)
    if message.lower() in _TRIVIAL_MESSAGES or _VERSION_ONLY.match(message):
        return ("the message says nothing", float(words))
    if words < r.min_message_words:
        return (f"{words} words of message, fewer than {r.min_message_words}", float(words))
    return None


def _bots_only(s: RuleInput, r: Recipe) -> tuple[str, float] | None:
    authors = [p.label.split("\n")[0] for p in s.document.parts if p.role == "comment"]
    if authors and all(map(is_bot, authors)):
        return ("only bots wrote in it", float(len(authors)))
    return None


def _file(
    text: str, path: str = "a/b.py", language: str = "python", licence: str = "MIT", opt_out: bool = False
) -> Document:
    return Document(
        offset=0, index=0, kind="file", parts=[Part("text", text)], path=path, language=language,
        licence=licence, opt_out=opt_out,
    )  # fmt: skip


def _commit(message: str, before: str = "", after: str = "x = 1\n") -> Document:
    parts = [Part("message", message), Part("before", before), Part("after", after)]
    return Document(offset=0, index=0, kind="commit", parts=parts, path="a.py", language="python")


def _issue(author: str, text: str) -> Document:
    return Document(
        offset=0, index=0, kind="issue", parts=[Part("title", "It fails"), Part("comment", text, f"{author}\nopened")]
    )


_CODE = "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\nprint(add(3, 4))\n"
_HEX = "0123456789abcdef" * 70
_TALK = "The parser stops at the second bracket, and the error names the wrong line. " * 4
_OWN = (_file(_CODE),)

RULES: tuple[Rule, ...] = (
    Rule("opt_out", ALL, "The repository's owner has asked not to be trained on.", _opt_out,
         (_file(_CODE, opt_out=True),), _OWN),
    Rule("licence", ALL, "The licence's class is not among the recipe's (copyleft by default).", _licence,
         (_file(_CODE, licence="GPL-3.0-only"),), (_file(_CODE, licence=""), _file(_CODE, licence="MIT OR GPL-2.0"))),
    Rule("binary", ALL, "The text holds NUL characters.", _binary, (_file("ab\0c" + _CODE),), _OWN),
    Rule("vendored", ("file", "commit"), "The path goes through a folder of other people's code.", _vendored,
         (_file(_CODE, "x/node_modules/y.js"), _file(_CODE, "vendor/a.go"), _file(_CODE, "3rdparty/zlib/a.c")),
         (_file(_CODE, "src/vendors.py"), _file(_CODE, "src/external.py"))),
    Rule("no_code", ("file", "commit"), "A licence's text, a translation, a log, subtitles, a track.", _no_code,
         (_file(_CODE, "COPYING", ""), _file(_CODE, "locale/de/app.po", ""), _file(_CODE, "LICENSE-MIT", "")),
         (_file(_CODE, "src/license.py"), _file(_CODE, "src/licenses/check.py"))),
    Rule("language", ("file", "commit"), "The recipe names languages, and this is none of them.", _language, (), _OWN),
    Rule("too_small", ("file", "issue", "notebook", "question", "pull"), "Fewer characters than the kind's minimum.",
         _too_small,
         (_file("x = 1\n"), _issue("ann", "no")), (*_OWN, _issue("ann", _TALK))),
    Rule("too_large", ALL, "More characters or lines than the kind's maximum.", _too_large,
         (_file("x = 1\n" * 200_000),), _OWN),
    Rule("large_data", ("file", "commit"), "A data file (JSON, YAML, XML, ...) of more than a page.", _large_data,
         (_file('{"a": [1, 2, 3]}\n' * 400, "a.json", "json"),),
         (_file('{"a": [1, 2, 3]}\n' * 4, "a.json", "json"), _file(_CODE * 100))),
    Rule("changed_too_much", ("commit",), "The file is too large on one side of the commit.", _changed_too_much,
         (_commit("Shrink the table", "x = 1\n" * 30_000),), (_commit("Name the steps", _CODE),)),
    Rule("long_lines", ("file", "commit"), "A line, or the mean line, too long for written code.", _long_lines,
         (_file("x = [" + "1, " * 500 + "]\n"),), (*_OWN, _file("word " * 400, "a.md", "markdown"))),
    Rule("alphanumeric", ("file",), "Too few letters and digits.", _alphanumeric,
         (_file("+-*/ %$#@ !()[] {}<>\n" * 20),), _OWN),
    Rule("generated", ("file", "commit"), "A name, or a comment at the head, of what programs write.", _generated,
         (_file("# Code generated by protoc. DO NOT EDIT.\n" + _CODE), _file(_CODE, "static/app.min.js"),
          _file("#\n" * 20 + "# @generated\n" + _CODE), _file(_CODE, "lib/a.freezed.dart", "dart"),
          _file(_CODE, "dist/app.js", "javascript"), _file("// A Bison parser, made by GNU Bison 3.8.\n" + _CODE)),
         (_file("# How to generate the report\n" + _CODE), _file('"""Nodes generated by the parser."""\n' + _CODE),
          _file("// Decodes the blocks generated by block_builder.cc.\n" + _CODE),
          _commit("Remove auto-generated files from the tree", _CODE))),
    Rule("numbers", ("file", "commit"), "A table of numbers.", _numbers,
         (_file("static const z[] = {\n" + "0x77073096, 0xee0e612c, 0x990951ba,\n" * 60 + "};\n", "crc32.h", "c"),),
         (*_OWN, _file("x = 1\ny = 2\n" * 20), _commit("Double the limit", "LIMIT = 200000\n"))),
    Rule("encoded_data", ("file", "commit"), "A long run, or a large share, of base64, hexadecimal or escapes.",
         _encoded, (_file(f'DATA = "{_HEX}"\n'), _file('s = "' + "\\x41" * 300 + '"\n')),
         (_file("# " + "=" * 70 + "\n" + _CODE),)),
    Rule("trivial_message", ("commit",), "The commit's message says nothing.", _trivial_message,
         (_commit("wip"), _commit("v1.2.3")), (_commit("Split the parser at its steps"),)),
    Rule("bots_only", ("issue", "pull"), "Only bots wrote in the thread.", _bots_only,
         (_issue("dependabot[bot]", _TALK), _issue("travis-ci", _TALK), _issue("coveralls", _TALK)),
         (_issue("talbot", _TALK), _issue("codecovfan", _TALK), _issue("renovateme", _TALK))),
)  # fmt: skip


def judge(seen: RuleInput, recipe: Recipe) -> Verdict | None:
    """The first rule, in the table's order, that drops the document; None when none does."""
    for rule in RULES:
        if seen.document.kind in rule.kinds:
            verdict = rule.check(seen, recipe)
            if verdict is not None:
                return Verdict(rule.name, *verdict)
    return None
