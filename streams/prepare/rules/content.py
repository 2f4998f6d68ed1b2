"""Rules about what a file's text looks like: lines, letters, encoded data, tables, marks of programs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model import bounds
from streams.prepare import names
from streams.prepare.generated import mark
from streams.prepare.rules.examples import CODE_TEXT, HEXADECIMAL, OWN, commit, file
from streams.prepare.rules.rule import ALL, CODE, Found, NoParameters, Rule, RuleInput, counted
from streams.prepare.texts import whole
from streams.prepare.words import MARKS


@dataclass(frozen=True)
class LongParameters:
    longest: int = 1_000
    """The longest line, characters."""
    mean: float = 100.0
    """The greatest mean of all lines, characters."""
    least_mean: float = 0.0
    """The smallest."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 1, "longest")
        bounds.above(self, 0, "mean")
        bounds.at_least(self, 0, "least_mean")
        bounds.in_order(self, "least_mean", "mean")


@dataclass(frozen=True)
class ShareParameters:
    least: float = 0.25
    """The smallest share of all characters."""

    def __post_init__(self) -> None:
        bounds.shares(self, "least")


@dataclass(frozen=True)
class EncodedParameters:
    run: int = 1_024
    """The longest run of base64, hexadecimal or escaped data, characters."""
    share: float = 0.5
    """The largest share of the file that is such runs."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "run")
        bounds.shares(self, "share")


@dataclass(frozen=True)
class NumbersParameters:
    share: float = 0.6
    """The largest share of numbers among the letters and digits."""
    least: int = 500
    """Letters and digits from which numbers are a table: a change of some constants is none."""

    def __post_init__(self) -> None:
        bounds.shares(self, "share")
        bounds.at_least(self, 0, "least")


@dataclass(frozen=True)
class HtmlParameters:
    share: float = 0.2
    """The smallest share of visible text."""
    chars: int = 100
    """The fewest characters of it."""

    def __post_init__(self) -> None:
        bounds.shares(self, "share")
        bounds.at_least(self, 0, "chars")


_OPENED = re.compile(r"<!--|<(script|style)\b|<[^<>]*>", re.I)
_LETTER = re.compile("[^\\W\\d_]|[" + MARKS + "]")


def long_lines(s: RuleInput, p: LongParameters) -> Found:
    longest, mean = s.measure.longest_line, s.measure.size / max(1, s.measure.lines)
    if longest > p.longest:
        return float(longest), f"a line of {longest}, more than {p.longest}"
    if mean > p.mean:
        return mean, f"mean line of {mean:.0f}, more than {p.mean:.0f}"
    return float(longest), f"mean line of {mean:.1f}, less than {p.least_mean:g}" if mean < p.least_mean else ""


def alphanumeric(s: RuleInput, p: ShareParameters) -> Found:
    share = s.measure.alphanumeric / max(1, s.measure.size)
    return share, f"{share:.2f} letters and digits" if share < p.least else ""


def alphabetic(s: RuleInput, p: ShareParameters) -> Found:
    share = len(_LETTER.findall(s.text)) / max(1, len(s.text))
    return share, f"{share:.2f} letters" if share < p.least else ""


def generated(s: RuleInput, p: NoParameters) -> Found:
    if names.GENERATED.search(s.document.path) or names.COMPILED.search(s.document.path):
        return 1.0, "the name says so"
    return (1.0, "a comment at its head says so") if mark(whole(s.document)) else (0.0, "")


def numbers(s: RuleInput, p: NumbersParameters) -> Found:
    share = s.measure.numeric / max(1, s.measure.alphanumeric)
    dropped = share > p.share and s.measure.alphanumeric >= p.least
    return share, f"{share:.2f} of its letters and digits are numbers" if dropped else ""


def encoded_data(s: RuleInput, p: EncodedParameters) -> Found:
    run, share = s.measure.longest_run, s.measure.encoded / max(1, s.measure.size)
    if run > p.run:
        return float(run), f"{counted(run, 'character')} of encoded data in a row"
    return float(run), f"{share:.2f} of it is encoded data" if share > p.share else ""


def _visible(text: str) -> str:
    """Without tags, comments, scripts and styles; one that nobody closes goes on to the end."""
    kept: list[str] = []
    lower, at = text.lower(), 0
    while opened := _OPENED.search(text, at):
        kept.append(text[at : opened.start()])
        kind = opened.group(1)
        closing = "-->" if opened.group() == "<!--" else f"</{kind.lower()}" if kind else ""
        at = lower.find(closing, opened.end()) if closing else opened.end()
        if at < 0:
            return " ".join(kept)
        at += len(closing) if closing == "-->" else 0
    return " ".join([*kept, text[at:]])


_XML = re.compile(r"[\s\ufeff]{0,100}<\?xml version=")


def xml_head(s: RuleInput, p: NoParameters) -> Found:
    return (1.0, "it begins as XML does") if _XML.match(s.text) else (0.0, "")


def html_text(s: RuleInput, p: HtmlParameters) -> Found:
    visible = sum(map(len, _visible(s.text).split()))
    share = visible / max(1, len(s.text))
    if share < p.share:
        return share, f"{share:.2f} of it is visible text"
    return share, f"{counted(visible, 'character')} of visible text, fewer than {p.chars}" if visible < p.chars else ""


_HEX_TABLE = "static const z[] = {\n" + "0x77073096, 0xee0e612c, 0x990951ba,\n" * 60 + "};\n"
_PAGE = "<html><body><p>" + "The parser stops at the second bracket. " * 5 + "</p></body></html>\n"
_SHELL = '<html><head><script src="a.js"></script></head><body><div id="root"></div></body></html>\n' * 3

RULES: tuple[Rule, ...] = (
    Rule("long_lines", CODE, "A line, or the mean line, too long for written code.", long_lines,
         (file("x = [" + "1, " * 500 + "]\n"),), OWN, LongParameters),
    Rule("alphanumeric", CODE, "Too few letters and digits.", alphanumeric,
         (file("+-*/ %$#@ !()[] {}<>\n" * 20),), OWN, ShareParameters),
    Rule("alphabetic", CODE, "Too few letters.", alphabetic,
         (file("0x10, 0x22, 0x93\n" * 9),), OWN, ShareParameters),
    Rule("generated", CODE, "A name, or a comment at the head, of what programs write.", generated,
         (file("# Code generated by protoc. DO NOT EDIT.\n" + CODE_TEXT), file(CODE_TEXT, "static/app.min.js"),
          file("#\n" * 20 + "# @generated\n" + CODE_TEXT), file(CODE_TEXT, "lib/a.freezed.dart", "dart"),
          file(CODE_TEXT, "dist/app.js", "javascript"),
          file("// A Bison parser, made by GNU Bison 3.8.\n" + CODE_TEXT)),
         (file("# How to generate the report\n" + CODE_TEXT),
          file('"""Nodes generated by the parser."""\n' + CODE_TEXT),
          file("// Decodes the blocks generated by block_builder.cc.\n" + CODE_TEXT),
          commit("Remove auto-generated files from the tree", CODE_TEXT))),
    Rule("numbers", CODE, "A table of numbers.", numbers, (file(_HEX_TABLE, "crc32.h", "c"),),
         (*OWN, file("x = 1\ny = 2\n" * 20), commit("Double the limit", "LIMIT = 200000\n")), NumbersParameters),
    Rule("encoded_data", CODE, "A long run, or a large share, of base64, hexadecimal or escapes.", encoded_data,
         (file(f'DATA = "{HEXADECIMAL}"\n'), file('s = "' + "\\x41" * 300 + '"\n')),
         (file("# " + "=" * 70 + "\n" + CODE_TEXT),), EncodedParameters),
    Rule("xml_head", CODE, "It begins with an XML declaration.", xml_head,
         (file('<?xml version="1.0"?>\n<a/>\n', "a.svg", "svg"),),
         (file("x = '<?xml?>'\n" + CODE_TEXT), file("HEAD = '<?xml version=\"1.0\"?>'\n" + CODE_TEXT))),
    Rule("html_text", ALL, "Too little visible text among the tags; scripts and styles are none.", html_text,
         (file(_SHELL, "a.html", "html"),), (file(_PAGE, "b.html", "html"),), HtmlParameters),
)  # fmt: skip
