"""The claims of metadata that are programs, XML or lines of fields. Programs are not run, and what stands in their
comments is none."""

from __future__ import annotations

import re
from collections.abc import Callable

from streams.sources.licences.claim import Claim

MAX_PROGRAM = 200_000
"""Characters of a program that are looked through."""
_TOKENS = re.compile(
    r"(?P<dropped>#[^\n]*+|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\")?|'{3}(?:[^'\\]|\\.|'(?!''))*+(?:'{3})?)"
    r"|\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?",
    re.S,
)
"""Comments and strings of several lines, and strings, in which `#` begins no comment."""
_LISP_COMMENTS = re.compile(r"(?m);[^\n]*")
_QUOTED = re.compile(r"[\"']([^\"'\n]{1,200})[\"']")
_KEYWORD = re.compile(r"\blicen[cs]e[ \t]{0,20}=[ \t\n]{0,20}[ru]?[\"']([^\"'\n]{1,200})[\"']")
_CLASSIFIER = re.compile(r"[\"'](License :: [^\"'\n]{1,200})[\"']")


def _program(text: str) -> str:
    """Without what its comments and its documentation say."""
    return _TOKENS.sub(lambda token: "" if token["dropped"] else token.group(), text[:MAX_PROGRAM])


def _markup(text: str) -> str:
    """Without the comments of XML."""
    first, *others = text.split("<!--")
    return first + "".join(after for other in others for after in other.split("-->", 1)[1:])


def setup_py(text: str) -> Claim:
    """A literal `license=`, and the classifiers."""
    program = _program(text)
    return Claim(list(dict.fromkeys(_KEYWORD.findall(program))), classifiers=_CLASSIFIER.findall(program))


_GEM = re.compile(r"\.licen[cs]es?[ \t]{0,80}=[ \t]{0,80}(?:\[|%w[\[({]|\{)?\s{0,80}([^\n\]]{1,300})")
_TYPE = re.compile(r":?type[\"']?[ \t]{0,9}(?:=>|:)[ \t]{0,9}[\"']([^\"'\n]{1,200})")


def gemspec(text: str) -> Claim:
    """RubyGems' `license =` and `licenses = [...]`, CocoaPods' `license = { :type => ... }`."""
    values: list[str] = []
    for match in _GEM.finditer(_program(text)):
        said = match.group(1)
        if kind := _TYPE.search(said):
            values.append(kind.group(1))
        elif "%w" in match.group():
            values += re.split(r"[\])}]", said)[0].split()
        else:
            values += _QUOTED.findall(said)
    return Claim(values)


def mix(text: str) -> Claim:
    """Elixir's `licenses: [...]`."""
    return _listed(r"\blicenses:\s{0,20}\[([^\]]{1,300})\]", _program(text))


def rockspec(text: str) -> Claim:
    """Lua's `license = "..."`."""
    return _listed(r"\blicense\s{0,20}=\s{0,20}([\"'][^\n]{1,200})", re.sub(r"(?m)--[^\n]*", "", text[:MAX_PROGRAM]))


def opam(text: str) -> Claim:
    return _listed(r"(?m)^license:\s{0,20}(\[[^\]]{1,300}\]|\"[^\"\n]{1,200}\")", text)


def _listed(pattern: str, text: str) -> Claim:
    return Claim([value for said in re.findall(pattern, text) for value in _QUOTED.findall(said)])


def dune(text: str) -> Claim:
    said = re.findall(r"\(license\s{1,20}([^()]{1,300})\)", _LISP_COMMENTS.sub("", text[:MAX_PROGRAM]))
    return Claim([value.strip().strip('"') for value in said])


def yaml(text: str) -> Claim:
    """The field `license` at the left edge of a file of YAML: a name, or a list of names below it."""
    values: list[str] = []
    lines = text[:MAX_PROGRAM].split("\n")
    for number, line in enumerate(lines):
        if not re.match(r"licen[cs]es?:", line):
            continue
        value = line.partition(":")[2].partition(" #")[0].strip()
        values += [value] if value else []
        for below in lines[number + 1 :] if not value else []:
            if not (item := re.match(r"\s*-\s+(.+)$", below)):
                break
            values.append(item.group(1))
    return Claim([value.strip("\"' ") for value in values])


def cabal(text: str) -> Claim:
    said = re.findall(r"(?mi)^license:[ \t]{0,40}(?:\n[ \t]{1,40})?([^\n]{1,200})", text[:MAX_PROGRAM])
    return Claim([value.strip() for value in said])


_R_FILE = re.compile(r"\s*[+|]?\s*file LICEN[CS]E\s*")
_R_VERSION = re.compile(r"\s*\(\s*(>?=?)\s*([\d.]+)\s*\)")


def description(text: str) -> Claim:
    """Of an R package: `GPL (>= 2) | MIT + file LICENSE`; `|` is a choice."""
    fields = _fields(text)
    said = next((value for name, value in fields if name == "License"), "")
    named = _R_VERSION.sub(lambda m: f"-{m[2]}{'+' if m[1] else ''}", _R_FILE.sub(" ", " ".join(said.split())))
    return Claim([named.replace("|", " OR ").strip()] if named.strip() else [])


def core_metadata(text: str) -> Claim:
    """Of a wheel: License-Expression, else License, and the classifiers."""
    fields = _fields(text)
    classifiers = [value for name, value in fields if name == "Classifier"]
    for wanted in ("License-Expression", "License"):
        if values := [value for name, value in fields if name == wanted and value.strip()]:
            return Claim(values, classifiers=classifiers)
    return Claim([], classifiers=classifiers)


def _fields(text: str) -> list[tuple[str, str]]:
    """Of the head: a line that begins with a space goes on with the field before."""
    found: list[tuple[str, str]] = []
    for line in text.split("\n\n", 1)[0].splitlines():
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and found:
            found[-1] = found[-1][0], f"{found[-1][1]}\n{line.strip(' |')}"
        elif colon:
            found.append((name, value.strip()))
    return found


def pom(text: str) -> Claim:
    plain = _markup(text)
    licences = re.findall(r"<license>((?:[^<]|<(?!/license>)){1,2000})</license>", plain)
    names = [found for one in licences for found in re.findall(r"<name>([^<]{1,200})</name>", one)[:1]]
    return Claim([" ".join(name.split()) for name in names])


_DOTNET: tuple[tuple[str, Callable[[str], str]], ...] = (
    (r"<PackageLicenseExpression>([^<]{1,200})<", str),
    (r"<license\s+type=\"expression\"\s*>([^<]{1,200})<", str),
    (r"<PackageLicenseFile>([^<]{1,200})<", "file {}".format),
    (r"<license\s+type=\"file\"\s*>([^<]{1,200})<", "file {}".format),
)


def dotnet(text: str) -> Claim:
    """Of NuGet: an expression, or the name of a file."""
    plain = _markup(text)
    return Claim([say(value.strip()) for pattern, say in _DOTNET for value in re.findall(pattern, plain)])
