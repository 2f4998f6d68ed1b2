"""The claims of metadata that are lines of fields."""

from __future__ import annotations

import re

from streams.prepare.licences.naming import OWN, UNKNOWN
from streams.prepare.licences.parts import BINDING, families
from streams.sources.licences.claim import Claim
from streams.sources.licences.programs import MAX_PROGRAM


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


def debian(text: str) -> Claim:
    """Debian's copyright file: what holds for all files (`Files: *`); of prose what binds."""
    paragraphs = [dict(_fields(each)) for each in re.split(r"\n[ \t]*\n", text[:MAX_PROGRAM].replace("\r\n", "\n"))]
    several = [fields for fields in paragraphs if "Files" in fields]
    if not several:
        return Claim([], [spdx for spdx in families(text[:MAX_PROGRAM]) if spdx in BINDING])
    own = [fields.get("License", "").split("\n")[0].strip() for fields in several if "*" in fields["Files"].split()]
    return Claim([re.sub(r"\bExpat\b", "MIT", value) or UNKNOWN for value in own])


_R_FILE = re.compile(r"\s*[+|]?\s*file LICEN[CS]E\s*")
_R_VERSION = re.compile(r"\s*\(\s*(>?=?)\s*([\d.]+)\s*\)")


def description(text: str) -> Claim:
    """Of an R package: `GPL (>= 2) | MIT + file LICENSE`; `|` is a choice."""
    fields = _fields(text)
    said = next((value for name, value in fields if name == "License"), "")
    named = _R_VERSION.sub(lambda m: f"-{m[2]}{'+' if m[1] else ''}", _R_FILE.sub(" ", " ".join(said.split())))
    is_kept = any(name == "License_restricts_use" and value.lower().startswith(("y", "t")) for name, value in fields)
    return Claim([named.replace("|", " OR ").strip()] if named.strip() else [], [OWN] if is_kept else [])


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
