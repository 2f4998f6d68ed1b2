"""Name and licence of a repository or folder, found as its host's page would show them."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from streams.prepare.licences.classes import classify, parse
from streams.prepare.licences.texts import recognise

MAX_LICENCE_TEXT = 4000
"""Characters: what a licence is recognised by stands there."""
LICENCE_FILE = re.compile(
    r"(?i)^((un)?licen[cs]es?|copying|copyright)\d?([-_.][\w.-]*)?$|^[\w.]+-licen[cs]e(\.txt|\.md)?$"
)
_CHOICE = re.compile(r"(?i)^licen[cs]e[-_.](mit|apache(-?2(\.0)?)?|bsd|isc|zlib|cc0|unlicense|boost|bsl)(\.txt|\.md)?$")
"""Names by which a repository offers several licences to choose from: LICENSE-MIT beside LICENSE-APACHE."""
_NO_LICENCE = "LicenseRef-proprietary"
METADATA_FILE = re.compile(r"(?i)(^|/)(METADATA|PKG-INFO)$")

Read = Callable[[str], str | None]
"""The text of a path, or None when it is no text."""

NAMES: dict[str, str] = {
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "mit licence": "MIT",
    "the apache software license, version 2.0": "Apache-2.0",
    "the apache license, version 2.0": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache2": "Apache-2.0",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "the unlicense (unlicense)": "Unlicense",
    "zlib/libpng license": "Zlib",
    "mozilla public license 1.1 (mpl 1.1)": "MPL-1.1",
    "eclipse public license 2.0 (epl-2.0)": "EPL-2.0",
    "eclipse public license 1.0 (epl-1.0)": "EPL-1.0",
    "european union public licence 1.2 (eupl 1.2)": "EUPL-1.2",
    "gnu lesser general public license v2 (lgplv2)": "LGPL-2.0-only",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu affero general public license v3 or later (agplv3+)": "AGPL-3.0-or-later",
    "gpl": "GPL-2.0-or-later",
    "gplv2": "GPL-2.0-only",
    "gplv3": "GPL-3.0-only",
    "lgpl": "LGPL-2.1-or-later",
    "lgplv3": "LGPL-3.0-only",
    "agplv3": "AGPL-3.0-only",
    "public domain": "Unlicense",
    "cc0 1.0 universal (cc0 1.0) public domain dedication": "CC0-1.0",
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

UNFREE = frozenset(["unlicensed", "proprietary", "commercial", "closed source", "other/proprietary license"])
"""How packages say that nothing is allowed."""


def licence_of(names: Iterable[str], read: Read) -> tuple[str, str]:
    """(SPDX expression, beginning of the licence file where there is no expression), each empty when not found.

    The rules read the expression alone: a text beside it would be a fifth of all bytes of the events. `names` are the
    paths to look among: those of the root, and of a wheel's `*.dist-info` folder. What a package declares and what its
    texts are both hold (AND), unless the declaration names what the texts are: then it says how they go together.
    """
    paths = sorted(names)
    texts = {n: text for n in paths if LICENCE_FILE.match(n.rpartition("/")[2]) and (text := read(n))}
    declared = next(
        (spdx for n in paths if (declare := _declaration(n)) and (v := read(n)) and (spdx := declare(v))), ""
    )
    recognised = _together(texts)
    if declared and recognised:
        return _both(declared, recognised), ""
    expression = declared or recognised
    first = next(iter(texts.values()), "")
    return expression, "" if expression else first[:MAX_LICENCE_TEXT]


def _together(texts: Mapping[str, str]) -> str:
    """The texts' licences: one of them may be chosen where the files' names say so; else all hold."""
    found = {name: spdx for name, text in texts.items() if (spdx := recognise(text))}
    if not found:
        return ""
    is_choice = len(found) > 1 and all(_CHOICE.match(name.rpartition("/")[2]) for name in found)
    several = sorted({f"({spdx})" if " " in spdx and len(found) > 1 else spdx for spdx in found.values()})
    return (" OR " if is_choice else " AND ").join(several)


def _both(declared: str, recognised: str) -> str:
    """A GPL's text does not say whether a later one may be taken; the declaration does."""
    stated = {_base(name) for name in _NAMES.findall(declared)}
    own = {_base(name) for name in _NAMES.findall(recognised)}
    return declared if own <= stated else f"({declared}) AND ({recognised})"


_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


def _base(name: str) -> str:
    return "" if name in ("AND", "OR", "WITH") else re.sub(r"(\+|-only|-or-later)$", "", name.lower())


def _declaration(name: str) -> Callable[[str], str] | None:
    """What reads the declaration of a file with this name."""
    if METADATA_FILE.search(name):
        return from_metadata
    if name.endswith(".gemspec") and "/" not in name:
        return _from_gemspec
    return _READERS.get(name)


def spdx_of(name: str) -> str:
    """An SPDX expression from a licence's name as packages write it, or nothing."""
    name = " ".join(name.split())
    if name.lower() in NAMES:
        return NAMES[name.lower()]
    if name.lower() in UNFREE or name.lower().startswith("all rights reserved"):
        return _NO_LICENCE
    if len(name) > 200 or parse(name) is None:
        return ""
    return name if classify(name) != "unknown" or name.startswith("LicenseRef-") else ""


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
    """All of them hold: a package that offers a choice says so in an expression."""
    return " AND ".join(sorted({spdx for c in classifiers if (spdx := spdx_of(c.rpartition(" :: ")[2]))}))


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


def _from_composer(text: str) -> str:
    """One licence, or a list of which one may be chosen (Composer's schema)."""
    try:
        declared = json.loads(text).get("license", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    several = [spdx_of(str(one)) for one in (declared if isinstance(declared, list) else [declared])]
    return " OR ".join(several) if all(several) else ""


def _from_setup_cfg(text: str) -> str:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError):
        return ""
    declared = spdx_of(parser.get("metadata", "license", fallback=""))
    listed = parser.get("metadata", "classifiers", fallback="").split("\n")
    return declared or _joined(c.strip() for c in listed if c.strip().startswith("License ::"))


_POM = re.compile(r"<license>\s*<name>([^<]{1,200})</name>")
_GEM = re.compile(r"\.licen[cs]es?\s*=\s*\[?\s*([\"'][^\n\]]{1,200})")
_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")


def _from_pom(text: str) -> str:
    several = [spdx_of(name) for name in _POM.findall(text[:1_000_000])]
    return " OR ".join(sorted(set(several))) if several and all(several) else ""


def _from_gemspec(text: str) -> str:
    declared = _GEM.search(text)
    several = [spdx_of(name) for name in _QUOTED.findall(declared.group(1))] if declared else []
    return " OR ".join(several) if several and all(several) else ""


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


_READERS: dict[str, Callable[[str], str]] = {
    "pyproject.toml": _from_pyproject, "package.json": _from_package_json, "Cargo.toml": _from_cargo,
    "composer.json": _from_composer, "setup.cfg": _from_setup_cfg, "pom.xml": _from_pom,
}  # fmt: skip
"""What reads the declaration of a file in the root."""
