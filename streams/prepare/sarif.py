"""Findings of static analysers, from SARIF files (2.1.0)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from posixpath import normpath
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

MAX_BYTES = 256 * 1024 * 1024

Findings = Counter[tuple[str, str]]
"""Of one file: (rule, level) to how many."""


class Unreadable(ValueError):
    """A SARIF file that cannot be read; the message says why."""


class _Location(msgspec.Struct, rename="camel", frozen=True):
    uri: str = ""
    uri_base_id: str = ""
    index: int = -1


class _Physical(msgspec.Struct, rename="camel", frozen=True):
    artifact_location: _Location = _Location()


class _Place(msgspec.Struct, rename="camel", frozen=True):
    physical_location: _Physical = _Physical()


class _Named(msgspec.Struct, frozen=True):
    id: str = ""
    index: int = -1


class _Suppression(msgspec.Struct, frozen=True):
    status: str | None = None


class _Result(msgspec.Struct, rename="camel"):
    rule_id: str = ""
    rule_index: int = -1
    rule: _Named = _Named()
    level: str = ""
    kind: str = "fail"
    baseline_state: str = ""
    suppressions: list[_Suppression] | None = None
    locations: list[_Place] = []


class _Configuration(msgspec.Struct, frozen=True):
    level: str = "warning"


class _Rule(msgspec.Struct, rename="camel", frozen=True):
    id: str = ""
    default_configuration: _Configuration = _Configuration()


class _Driver(msgspec.Struct, frozen=True):
    rules: list[_Rule] = []


class _Tool(msgspec.Struct, frozen=True):
    driver: _Driver = _Driver()
    extensions: list[_Driver] = []


class _Artifact(msgspec.Struct, frozen=True):
    location: _Location = _Location()


class _Run(msgspec.Struct, rename="camel"):
    results: list[_Result] | None = None
    tool: _Tool = _Tool()
    artifacts: list[_Artifact] = []
    original_uri_base_ids: dict[str, _Location] = {}


class _Log(msgspec.Struct):
    runs: list[_Run]
    version: str = "2.1.0"


_decoder = msgspec.json.Decoder(_Log)
_BOM = b"\xef\xbb\xbf"


def findings(data: bytes) -> Mapping[str, Findings]:
    """By path relative to the repository. What is suppressed, gone since the baseline or no failure is none.

    Raises Unreadable, also where a path is absolute and no base of the run says where the repository lies.
    """
    found: dict[str, Findings] = {}
    for run, location, finding in _found(data):
        found.setdefault(_path(location, run), Counter())[finding] += 1
    return found


def together(data: bytes) -> Findings:
    """As `findings`, of all paths together."""
    return Counter(finding for *_, finding in _found(data))


def _found(data: bytes) -> Iterator[tuple[_Run, _Location, tuple[str, str]]]:
    """Each finding, (rule, level), with its run and place."""
    try:
        log = _decoded(data.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"no SARIF: {error}") from error
    if not log.version.startswith("2."):
        raise Unreadable(f"SARIF {log.version} cannot be read, only 2.1.0")
    for run in log.runs:
        rules = _rules(run)
        for result in filter(_holds, run.results or ()):
            number = result.rule_index if result.rule_index >= 0 else result.rule.index
            known = run.tool.driver.rules
            at = known[number].id if 0 <= number < len(known) else ""
            name = result.rule_id or result.rule.id or at
            level = result.level or rules.get(name, "") or rules.get(name.rpartition("/")[0], "warning")
            for place in result.locations[:1]:
                yield run, place.physical_location.artifact_location, (name, level)


def _decoded(data: bytes) -> _Log:
    """A field that is null is as one that is not there: it has the default of the specification."""
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError:
        return msgspec.convert(_without_nulls(msgspec.json.decode(data)), _Log)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value if each is not None]
    return value


def _rules(run: _Run) -> dict[str, str]:
    """From a rule's id to the level of results that name none."""
    drivers = (*run.tool.extensions, run.tool.driver)
    return {rule.id: rule.default_configuration.level for driver in drivers for rule in driver.rules}


def _holds(result: _Result) -> bool:
    suppressed = result.suppressions and all(one.status in (None, "accepted") for one in result.suppressions)
    return result.kind == "fail" and result.baseline_state != "absent" and not suppressed


def _path(location: _Location, run: _Run) -> str:
    """The folder of a base without a base of its own is the repository's, and so is what lies below it."""
    if not location.uri and 0 <= location.index < len(run.artifacts):
        location = run.artifacts[location.index].location
    bases = run.original_uri_base_ids
    uri, base = location.uri, location.uri_base_id
    for _ in range(len(bases)):  # a base may have a base; one without is the repository
        above = bases.get(base)
        if above is None or not above.uri_base_id:
            break
        uri, base = above.uri + uri, above.uri_base_id
    if _is_absolute(uri):
        roots = sorted((b.uri for b in bases.values() if _is_absolute(b.uri) and not b.uri_base_id), key=len)
        below = next((uri[len(root) :] for root in reversed(roots) if uri.startswith(root)), None)
        if below is None:
            raise Unreadable("its paths are absolute, and originalUriBaseIds does not say where the repository lies")
        uri = below
    path = normpath(unquote(urlsplit(uri).path).replace("\\", "/").lstrip("/"))
    return "" if path == "." else path


def _is_absolute(uri: str) -> bool:
    return uri.startswith("/") or urlsplit(uri).scheme != ""


@lru_cache(maxsize=64)
def read(name: str) -> Mapping[str, Findings]:
    """Of a SARIF file. Raises Unreadable."""
    path = Path(name).expanduser()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Unreadable(f"{path}: larger than {MAX_BYTES:,} bytes")
        return findings(path.read_bytes())
    except (OSError, Unreadable) as error:
        raise Unreadable(f"{path}: {error}") from error
