"""The claims of metadata that are TOML, JSON or INI; what cannot be read is unknown where it speaks of a
licence."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterable
from typing import Any

from streams.prepare.licences.naming import UNKNOWN
from streams.sources.licences.claim import Claim
from streams.sources.licences.markup import by_address


def pyproject(text: str) -> Claim:
    """Of PEP 621, of Poetry, and of Flit's older table."""
    tables = _toml(text)
    if tables is None:
        return unread(text)
    tool = _table(tables, "tool")
    places = (_table(tables, "project"), _table(tool, "poetry"), _table(_table(tool, "flit"), "metadata"))
    values = [value for place in places for value in _named(place.get("license"))]
    return Claim(values, classifiers=[c for place in places for c in _texts(place.get("classifiers"))])


def cargo(text: str) -> Claim:
    """Of the package, or of all members; where a member says `license.workspace = true`, the folder above says it."""
    tables = _toml(text)
    if tables is None:
        return unread(text)
    places = (_table(tables, "package"), _table(_table(tables, "workspace"), "package"))
    values = [value.replace("/", " OR ") for place in places for value in _texts(place.get("license"))]
    return Claim(values + [f"file {name}" for place in places for name in _texts(place.get("license-file"))])


def package_json(text: str) -> Claim:
    """`license` and the older `licenses`: a name, a table with `type`, or a list of them."""
    try:
        tables = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return unread(text)
    if not isinstance(tables, dict):
        return Claim()
    fields = [list(_named(tables.get(key))) for key in ("license", "licenses", "licence")]
    first, *others = [values for values in fields if values] or [[]]
    return Claim(first, [value for values in others for value in values])


def setup_cfg(text: str) -> Claim:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError):
        return unread(text)
    classifiers = [parser.get("metadata", key, fallback="") for key in ("classifiers", "classifier")]
    declared = [parser.get("metadata", key, fallback="").strip() for key in ("license", "licence")]
    return Claim(
        [value for value in declared if value],
        classifiers=[c.strip() for several in classifiers for c in several.split("\n")],
    )


def unread(text: str) -> Claim:
    """Of a file that cannot be read: it may say what it speaks of."""
    return Claim([UNKNOWN] if re.search(r"(?i)licen[cs]|\\u", text) else [])


def _toml(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text.lstrip("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _table(tables: Any, key: str) -> dict[str, Any]:
    value = tables.get(key) if isinstance(tables, dict) else None
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _named(value: Any) -> Iterable[str]:
    """Names, of whatever shape they are."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one.strip("()") if one.count("(") == one.count(")") == 1 and one.startswith("(") else one
        elif isinstance(one, dict):
            named = [v for key in ("text", "type", "name") if isinstance(v := one.get(key), str)]
            file = one.get("file")
            address = [by_address(v) for v in (one.get("url"),) if isinstance(v, str)]
            yield from named[:1] or ([f"file {file}"] if isinstance(file, str) else address)
