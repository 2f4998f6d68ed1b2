"""People in code: names in author fields and sign-offs, user names in home folders and remarks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.redact.detector import Detector, Span, Text

_LETTER = r"[^\W\d_]"
_PART = rf"(?:{_LETTER}[^\W\d_'’.-]*(?:['’-]{_LETTER}+)*\.?)"
_NAME = re.compile(
    rf"(?P<name>{_PART}(?:[ ](?:(?:van|von|de|der|den|da|di|del|la|le|bin|al|dos|y|af|zu|"
    rf"ter?|ten|'t|’t)[ ]){{0,2}}{_PART}){{1,3}})(?![\w@])"
)
_ONE = re.compile(r"(?P<name>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,8})(?!\w)")
"""In scripts without spaces between words."""
_FIELD = re.compile(
    rb"(?i)[\"'`]?(?:@?authors?|__author__|maintainers?|creator|contributors?|reviewer|contact|owner|created[ -]by|"
    rb"written[ -]by|"
    rb"modified[ -]by|developed[ -]by|maintained[ -]by|signed-off-by|co-authored-by|co-developed-by|reported-by|"
    rb"reviewed-by|tested-by|"
    rb"acked-by|suggested-by|(?:reported|suggested|contributed|submitted|spotted|reviewed)[ ]by|"
    rb"(?:thanks|kudos|credits?)[ ]to|courtesy[ ]of|cc|from|name)"
    rb"[\"'`]?[\s:=]{1,6}[\[({]{0,2}\s?(?:\\?[\"'`])?(?:name\s?[=:]\s?[\"'`])?"
)
_NAMED = re.compile(
    rb"(?i)<developer>\s{0,40}(?:<id>[^<]{0,60}</id>\s{0,40})?<name>"
    rb"|(?:authors?|contributors?|maintainers?|developers?)[\"'`]?\s?[=:]\s?[\[{]{1,2}\s{0,8}\{?\s?[\"']?name[\"']?\s?[=:]\s?[\"']"
)
_ANOTHER = re.compile(r"(?:\s?<[^<>]{0,80}>)?[\"']?\s?(?:,|&|and|;)\s?[\"']?")
_OTHERS = frozenset(
    re.findall(
        r"\S+",
        "inc ltd llc gmbh corp corporation company co team contributors foundation authors author developers "
        "developer project group "
        "community the and or of for by google microsoft facebook meta apple amazon oracle ibm redhat mozilla apache "
        "software labs lab "
        "university institute research open source license licence all rights reserved copyright public domain none "
        "unknown anonymous "
        "your name here first last full user test example todo this that file code module package library version "
        "see http https "
        "email mail date year created modified description title field string text value list data default null true "
        "false "
        "maintainers owner owners organization organisation department engineering systems solutions technologies "
        "technology services "
        "network networks studio studios limited association consortium committee agency is are was not with from to "
        "in on at as it "
        "new old add get set use used using when if else return import class function method object array type key "
        "id path url ids github gitlab permission permissions hereby redistribution redistributions",
    )
)
"""Words that no person's name has."""
_HOME = re.compile(rb"(?:/home/|/Users/|\\{1,2}Users\\{1,2}|/u/|~)(?P<user>[A-Za-z][\w.-]{1,31})(?=[/\\])")
_SHARED = frozenset(
    re.findall(
        r"\S+",
        "user users username name you me root admin administrator public shared default all test tester runner "
        "ubuntu debian centos "
        "ec2-user vagrant pi app node www www-data git jenkins travis circleci build builder builds ci docker linux "
        "windows home "
        "appuser developer dev guest example foo bar your-name yourname my_user someuser project workspace work vsts "
        "vscode codespace "
        "perf special later low high ux api docs doc types tests all nit next breaking cleanup security refactor bug "
        "gitpod coder jovyan postgres mysql nginx hadoop spark airflow nobody ansible deploy oracle system local src "
        "node_modules wwwlog wwwlogs www-root wwwroot distiller if-needed optional maybe "
        "idempotency performance perf testing release",
    )
)
_REMARK = re.compile(rb"(?:TODO|FIXME|XXX|HACK|NOTE|BUG)\s?\(\s?@?(?P<user>[a-z][\w.-]{1,31})\s?\)")


def _is_name(name: str) -> bool:
    parts = [part for part in re.split(r"[ ]", name) if part]
    words = [part.strip(".'’").lower() for part in parts]
    if not _OTHERS.isdisjoint(words) or len(name) > 60:
        return False
    capital = [part[0].isupper() or (not part[0].isascii() and not part[0].islower()) for part in parts]
    return (
        len(parts) > 1
        and capital[0]
        and capital[-1]
        and any(len(word) > 1 for word in words)
        and not name.isupper() | name.islower()
    )


def _ended(name: str) -> str:
    """Without the words behind it that are none of it."""
    parts = name.split(" ")
    while len(parts) > 1 and parts[-1][:1].islower():
        parts.pop()
    return " ".join(parts)


def field(text: Text, start: int, end: int) -> Iterator[Span]:
    """A name behind what says that one follows; several with commas between them."""
    head = text.match(_NAMED, start, 200) or text.match(_FIELD, start, 80)
    if head is None:
        return
    at, stop = head.end(), min(head.end() + 200, len(text.data))
    line = text.data.find(b"\n", at, stop)
    said = text.window(at, line if line >= 0 else stop).decode("utf-8", "replace")
    offset = 0
    for _ in range(8):
        match = _ONE.match(said, offset) or _NAME.match(said, offset)
        name = "" if match is None else _ended(match["name"])
        if not name or "\ufffd" in name or not ((match and match.re is _ONE) or _is_name(name)):
            return
        begin = at + len(said[:offset].encode())
        yield begin, begin + len(name.encode()), "name"
        following = _ANOTHER.match(said, offset + len(name))
        if following is None:
            return
        offset = following.end()


def home(text: Text, start: int, end: int) -> Iterator[Span]:
    yield from _user(text, start, _HOME)


def remark(text: Text, start: int, end: int) -> Iterator[Span]:
    yield from _user(text, start, _REMARK)


def _user(text: Text, start: int, pattern: re.Pattern[bytes]) -> Iterator[Span]:
    match = text.match(pattern, start, 60)
    if match and match["user"].decode().lower() not in _SHARED:
        yield match.start("user"), match.end("user"), "username"


PERSONS: tuple[Detector, ...] = (
    Detector(
        "field",
        "name",
        (
            "<developer>",
            *(
                rf"(?i){word}[\"'`]?[\s:=]"
                for word in (
                    "author",
                    "authors",
                    "__author__",
                    "maintainer",
                    "maintainers",
                    "creator",
                    "contributor",
                    "contributors",
                    "reviewer",
                    "(?:created|written|modified|developed|maintained)[ -]by",
                    "(?:reported|suggested|contributed|submitted|spotted|reviewed) by",
                    "(?:thanks|kudos|credits?) to",
                    "courtesy of",
                    "(?:signed-off|co-authored|co-developed|reported|reviewed|tested|acked|suggested)-by",
                )
            ),
        ),
        field,
        (
            "# Author: Jane Roe",
            " * @author Jane van der Roe",
            '__author__ = "Jane Roe"',
            "Signed-off-by: Jane Roe <x>",
            '"author": "Jane Roe"',
            'authors = [{name = "Jane Roe"}]',
            "// Created by José Núñez on 1/2/20.",
            "author: 山田太郎",
            '"contributors": [{"name": "Jane Roe"}]',
            "<developer>\n  <id>jroe</id>\n  <name>Jane Roe</name>",
            "Authors: Jane Roe, John Q. Public",
            "// Thanks to Jane Roe for the report.",
            'authors = ["Jane van \'t Roe <x>"]',
        ),
        (
            "author: The Example Team",
            "# Author: unknown",
            "author = get_author(x)",
            "written by hand",
            "author_name",
            "Author Name Here",
            "authors: Google Inc.",
            "thanks to the new Index",
            "errors reported by Mergo when it finds",
        ),
    ),
    Detector(
        "home",
        "username",
        (r"/home/[A-Za-z]", r"/Users/[A-Za-z]", r"\\Users\\"),
        home,
        ("open('/home/jroe/x.py')", "/Users/jane.roe/Desktop/a", "C:\\Users\\jroe\\x"),
        ("/home/user/x", "/home/runner/work/x", "/Users/Shared/x", "/home/jroe"),
    ),
    Detector(
        "remark",
        "username",
        (r"(?:TODO|FIXME|XXX|HACK|NOTE|BUG) ?\(",),
        remark,
        ("# TODO(jroe): mend", "// FIXME (@jane-roe) slow"),
        ("// TODO(#123): mend", "# TODO(user): x", "// NOTE(A): b"),
    ),
)
