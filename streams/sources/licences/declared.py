"""What a package's metadata declare: of Python, JavaScript, Rust, PHP, Java and Ruby."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable

from streams.sources.licences.spellings import spdx_of

METADATA_FILE = re.compile(r"(?i)(^|/)(METADATA|PKG-INFO)$")


def declaration(name: str) -> Callable[[str], str] | None:
    """What reads the declaration of a file with this name: from its text to an SPDX expression, or nothing."""
    if METADATA_FILE.search(name):
        return from_metadata
    return _from_gemspec if name.endswith(".gemspec") else DECLARING.get(name.rpartition("/")[2])


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
    except (tomllib.TOMLDecodeError, AttributeError, TypeError, RecursionError):
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
_GEM = re.compile(r"\.licen[cs]es?\s{0,80}=\s{0,80}\[?\s{0,80}([\"'][^\n\]]{1,200})")
_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")


def _from_pom(text: str) -> str:
    several = [spdx_of(name) for name in _POM.findall(text[:1_000_000])]
    return " OR ".join(sorted(set(several))) if several and all(several) else ""


def _from_gemspec(text: str) -> str:
    declared = _GEM.search(text)
    several = [spdx_of(name) for name in _QUOTED.findall(declared.group(1))] if declared else []
    return " OR ".join(several) if several and all(several) else ""


_KEYWORD = re.compile(r"\blicen[cs]e\s*=\s*(?:[\"'])([^\"'\n]{1,200})[\"']")
_CLASSIFIER = re.compile(r"[\"'](License :: [^\"'\n]{1,200})[\"']")


def _from_setup_py(text: str) -> str:
    """Its program is not run: a literal `license=`, else the classifiers."""
    named = _KEYWORD.search(text[:MAX_SETUP])
    return (spdx_of(named.group(1)) if named else "") or _joined(_CLASSIFIER.findall(text[:MAX_SETUP]))


MAX_SETUP = 200_000
"""Characters of a `setup.py` that are looked through."""
DECLARING: dict[str, Callable[[str], str]] = {
    "pyproject.toml": _from_pyproject, "package.json": _from_package_json, "Cargo.toml": _from_cargo,
    "composer.json": _from_composer, "setup.cfg": _from_setup_cfg, "setup.py": _from_setup_py,
    "pom.xml": _from_pom,
}  # fmt: skip
"""What reads the declaration of a file, by its name."""
