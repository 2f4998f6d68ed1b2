"""Name and licence of a repository or folder, found as its host's page would show them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from streams.prepare.licence_texts import recognise

MAX_LICENCE_TEXT = 4000
"""Characters: what a licence is recognised by stands there."""
LICENCE_FILE = re.compile(r"(?i)^(un)?(licen[cs]e|copying)([-_.].*)?$")
METADATA_FILE = re.compile(r"(?i)(^|/)(METADATA|PKG-INFO)$")

Read = Callable[[str], str | None]
"""The text of a path, or None when it is no text."""

NAMES: dict[str, str] = {
    "mit": "MIT",
    "mit license": "MIT",
    "apache 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause",
    "isc": "ISC",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mpl-2.0": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu general public license v2 (gplv2)": "GPL-2.0-only",
    "gnu general public license (gpl)": "GPL-2.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.0-or-later",
    "gnu library or lesser general public license (lgpl)": "LGPL-2.0-or-later",
    "gnu affero general public license v3": "AGPL-3.0-only",
}
"""How packages name a licence outside SPDX, in lower case: from classifiers and old `License` fields."""

EXPRESSION = re.compile(r"^[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+()-]+)*$")


def licence_of(names: Iterable[str], read: Read) -> tuple[str, str]:
    """(SPDX expression, beginning of the licence file where there is no expression), each empty when not found.

    The rules read the expression alone: a text beside it would be a fifth of all bytes of the events. `names` are the
    paths to look among: those of the root, and of a wheel's `*.dist-info` folder. What a
    package declares counts before what its licence text looks like.
    """
    found = sorted(names)
    texts = [text for name in found if LICENCE_FILE.match(name.rpartition("/")[2]) and (text := read(name))]
    for name in found:
        if (declare := _declaration(name)) and (value := read(name)) and (spdx := declare(value)):
            return spdx, ""
    recognised = sorted({spdx for text in texts if (spdx := recognise(text))})
    return " OR ".join(recognised), texts[0][:MAX_LICENCE_TEXT] if texts and not recognised else ""


def _declaration(name: str) -> Callable[[str], str] | None:
    if name == "pyproject.toml":
        return _from_pyproject
    if name == "package.json":
        return _from_package_json
    if name == "Cargo.toml":
        return _from_cargo
    return from_metadata if METADATA_FILE.search(name) else None


def spdx_of(name: str) -> str:
    """An SPDX expression from a licence's name as packages write it, or nothing."""
    name = " ".join(name.split())
    if name.lower() in NAMES:
        return NAMES[name.lower()]
    return name if EXPRESSION.match(name) and re.search(r"\d|MIT|ISC|Zlib|Unlicense", name) else ""


def from_metadata(text: str) -> str:
    """From a wheel's METADATA: License-Expression, else License, else the classifiers."""
    head = text.split("\n\n", 1)[0]
    fields = [line.partition(": ")[::2] for line in head.splitlines()]
    for wanted in ("License-Expression", "License"):
        for field, value in fields:
            if field == wanted and (spdx := spdx_of(value)):
                return spdx
    classifiers = [value for field, value in fields if field == "Classifier" and value.startswith("License ::")]
    return _joined(classifiers)


def _joined(classifiers: Iterable[str]) -> str:
    return " OR ".join(sorted({spdx for c in classifiers if (spdx := spdx_of(c.rpartition(" :: ")[2]))}))


def _from_pyproject(text: str) -> str:
    try:
        project = tomllib.loads(text).get("project", {})
        declared = project.get("license", "")
        named = declared.get("text", "") if isinstance(declared, dict) else declared
        return spdx_of(str(named)) or _joined(c for c in project.get("classifiers", []) if c.startswith("License ::"))
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        return ""


def _from_cargo(text: str) -> str:
    try:
        return spdx_of(str(tomllib.loads(text)["package"]["license"]).replace("/", " OR "))
    except (tomllib.TOMLDecodeError, KeyError, AttributeError, TypeError, RecursionError):
        return ""


def _from_package_json(text: str) -> str:
    try:
        declared = json.loads(text).get("license", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return spdx_of(str(declared.get("type", "") if isinstance(declared, dict) else declared).strip("()"))


def host_and_name(remote: str) -> tuple[str, str] | None:
    """(host, owner/name) of a remote's address, without any credentials; None for a local path."""
    if "://" in remote:
        try:
            parts = urlsplit(remote)
        except ValueError:  # no address: brackets without an IPv6 address
            return None
        host, path = parts.hostname or "", parts.path
    else:
        before, colon, path = remote.partition(":")
        host = before.rpartition("@")[2] if colon and "/" not in before else ""
    name = path.strip("/").removesuffix(".git")
    return (host, name) if host and name else None
