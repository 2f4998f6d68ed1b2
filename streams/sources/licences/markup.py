"""The claims of metadata that are XML. Each file is read once, tag by tag, and its comments say nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

from streams.prepare.licences.naming import OWN, UNKNOWN, whole
from streams.prepare.licences.notices import restricted
from streams.prepare.licences.parts import BINDING, families
from streams.sources.licences.claim import Claim

_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]{0,60})[^<>]*?(/?)>")
_OWN_PLACES = (["licenses", "license"], ["license"])
MAX_LICENCES = 50
"""Of one project; a file with more is unknown."""
MAX_NAME = 300
_WELL_KNOWN = re.compile(
    r"(?:licenses\.nuget\.org|opensource\.org/licen[cs]es?|spdx\.org/licenses)/([\w.+-]{1,60}?)(?:\.(?:html|php|txt))?/?$"
)
_NO_PLACE = re.compile(r"https?://aka\.ms/deprecateLicenseUrl/?", re.I)
"""What NuGet itself writes where the licence is a file or an expression."""


def plain(text: str) -> str:
    """Without the comments of XML, and with what CDATA hold as words."""
    first, *others = text.split("<!--")
    bare = first + "".join(after for other in others for after in other.split("-->", 1)[1:])
    first, *others = bare.split("<![CDATA[")
    return first + "".join(_words(*other.partition("]]>")) for other in others)


def _words(held: str, _: str, after: str) -> str:
    return held.replace("<", " ").replace(">", " ") + after


def by_address(address: str) -> str:
    """The licence that an address is known to show; else unknown."""
    known = _WELL_KNOWN.search(address)
    return (known.group(1) if known else whole(address)) or UNKNOWN


def pom(text: str) -> Claim:
    """Of the project itself: what its plugins and dependencies hold is not its own."""
    values: list[str] = []
    further: list[str] = []
    licences, is_whole = _licences(plain(text))
    if not is_whole and "</license>" in text:
        further.append(UNKNOWN)
    for licence in licences:
        name, address = licence.get("name", ""), licence.get("url", "")
        values += [name or (by_address(address) if address else "")] if name or address else []
        if remark := licence.get("comments", ""):
            further += [spdx for spdx in families(remark) if spdx in BINDING]
            further += [OWN] if restricted(remark.lower(), remark.lower()) else []
            further += [UNKNOWN] if re.search(r"(?i)\b(?:only|not|except|must|pay|commercial)\b", remark) else []
        if len(values) > MAX_LICENCES:
            return Claim([], [UNKNOWN])
    return Claim(values, further)


def _licences(text: str) -> tuple[list[dict[str, str]], bool]:
    """Each licence's fields, and whether each tag that opens is closed."""
    stack: list[str] = []
    found: list[dict[str, str]] = []
    begin = 0
    for tag in _TAG.finditer(text):
        name = tag[2].rpartition(":")[2]
        if tag[1]:
            if len(stack) <= 4 and _own(stack[:-1]) and stack[-1] == name and found:
                found[-1].setdefault(name, " ".join(text[begin : tag.start()][:MAX_NAME].split()))
            if stack and stack[-1] == name:
                stack.pop()
        elif not tag[3]:
            stack.append(name)
            begin = tag.end()
            if len(stack) <= 3 and _own(stack):
                found.append({})
    return found, not stack


def _own(stack: list[str]) -> bool:
    return (stack[1:] if stack[:1] == ["project"] else stack) in _OWN_PLACES


def _address(value: str) -> str:
    return "" if _NO_PLACE.fullmatch(value) else by_address(value)


_DOTNET: tuple[tuple[str, Callable[[str], str]], ...] = (
    (r"<PackageLicenseExpression\b[^<>]{0,200}>([^<]{1,200})<", str),
    (r"<license\s+type=[\"']expression[\"'][^<>]{0,99}>([^<]{1,200})<", str),
    (r"<PackageLicenseFile\b[^<>]{0,200}>([^<]{1,200})<", "file {}".format),
    (r"<license\s+type=[\"']file[\"'][^<>]{0,99}>([^<]{1,200})<", "file {}".format),
    (r"<(?:PackageLicenseUrl|licenseUrl)\b[^<>]{0,200}>([^<]{1,300})<", _address),
)


def dotnet(text: str) -> Claim:
    """Of NuGet: an expression, the name of a file, or an address."""
    bare = plain(text)
    return Claim([say(value.strip()) for pattern, say in _DOTNET for value in re.findall(pattern, bare)])
