"""Findings of static analysers: SARIF files that a user brings, and ruff."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from midstream.settings import SettingsError
from streams.prepare import ruff, sarif
from streams.prepare.recipes.reading import recipe
from streams.prepare.recipes.recipe import Recipe
from streams.prepare.rules.examples import CODE_TEXT, file
from streams.prepare.rules.findings import RuffParameters, SarifParameters
from streams.prepare.rules.rule import RuleInput

BASES = {"SRC": {"uri": "src/", "uriBaseId": "ROOT"}, "ROOT": {"uri": "file:///home/ci/work/"}}


def written(folder: Path, text: str) -> Recipe:
    path = folder / f"r{len(list(folder.iterdir()))}.toml"
    path.write_text(text)
    return recipe(str(path))


def log(*results: Mapping[str, Any], **run: Any) -> bytes:
    return json.dumps({"version": "2.1.0", "runs": [{"results": results, **run}]}).encode()


def result(uri: str = "a.py", **more: Any) -> dict[str, Any]:
    location = more.pop("location", {"uri": uri})
    return {"ruleId": "R1", "locations": [{"physicalLocation": {"artifactLocation": location}}], **more}


def test_the_files_that_it_names_are_dropped(tmp_path: Path) -> None:
    results = [result("./src/a%20b.py", level=level) for level in ("error", "note", "error")]
    (tmp_path / "s.sarif").write_bytes(b"\xef\xbb\xbf" + log(*results))
    text = f'[[rules]]\nrule = "findings"\nfiles = {{ "local/r" = "{tmp_path}/s.sarif" }}\nmost = '
    bad, good = file(CODE_TEXT, "src/a b.py"), file(CODE_TEXT, "src/b.py")
    bad.repository = good.repository = "local/r"
    strict, lenient = written(tmp_path, text + "1"), written(tmp_path, text + "2")
    assert [strict.judge(RuleInput(d, CODE_TEXT)) is None for d in (bad, good)] == [False, True]
    assert lenient.judge(RuleInput(bad, CODE_TEXT)) is None
    bad.repository = "local/other"
    assert strict.judge(RuleInput(bad, CODE_TEXT)) is None


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (result("lib/../a.py"), "a.py"),
        (result(location={"uri": "a.py", "uriBaseId": "SRC"}), "src/a.py"),
        (result(location={"uri": "a.py", "uriBaseId": "ROOT"}), "a.py"),
        (result(location={"uri": "a.py", "uriBaseId": "UNKNOWN"}), "a.py"),
        (result("file:///home/ci/work/src/a.py"), "src/a.py"),
        (result(location={"index": 0}), "lib/b.py"),
    ],
)
def test_places_are_paths_in_the_repository(given: Mapping[str, Any], path: str) -> None:
    run = {"originalUriBaseIds": BASES, "artifacts": [{"location": {"uri": "lib/b.py"}}]}
    assert list(sarif.findings(log(given, **run))) == [path]


@pytest.mark.parametrize("uri", ["file:///elsewhere/a.py", "/elsewhere/a.py"])
def test_absolute_places_without_a_base_are_refused(uri: str) -> None:
    with pytest.raises(sarif.Unreadable, match="originalUriBaseIds"):
        sarif.findings(log(result(uri)))
    with pytest.raises(sarif.Unreadable, match="originalUriBaseIds"):
        sarif.findings(log(result(uri), originalUriBaseIds=BASES))


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"suppressions": [{"kind": "inSource"}]}, 0),
        ({"suppressions": [{"kind": "external", "status": "accepted"}]}, 0),
        ({"suppressions": [{"kind": "external", "status": "rejected"}]}, 1),
        ({"suppressions": [{"status": "underReview"}, {"status": "accepted"}]}, 1),
        ({"suppressions": []}, 1),
        ({"kind": "pass"}, 0),
        ({"kind": "informational"}, 0),
        ({"baselineState": "absent"}, 0),
        ({"baselineState": "unchanged"}, 1),
    ],
)
def test_what_does_not_hold_is_no_finding(more: dict[str, Any], count: int) -> None:
    found = sarif.findings(log(result(**more)))
    assert sum(each.total() for each in found.values()) == count


def test_a_level_that_is_not_said_is_that_of_the_rule() -> None:
    levels = {"R0": "note", "R1": "error"}
    rules = [{"id": name, "defaultConfiguration": {"level": level}} for name, level in levels.items()]
    tool = {"driver": {"name": "t", "rules": rules}, "extensions": [{"rules": [{"id": "X"}]}]}
    named = [result(ruleId=name) for name in ("R1", "R1/sub", "X", "Y")]
    results = [*named, result(ruleId="", ruleIndex=0)]
    (found,) = sarif.findings(log(*results, tool=tool)).values()
    assert found == {
        ("R1", "error"): 1, ("R1/sub", "error"): 1, ("R0", "note"): 1, ("X", "warning"): 1, ("Y", "warning"): 1,
    }  # fmt: skip


def test_a_field_that_is_null_has_its_default() -> None:
    names = ("level", "kind", "ruleIndex", "rule", "baselineState", "suppressions")
    rules = [{"id": "R2", "defaultConfiguration": {"level": None}}, {"id": "R3", "defaultConfiguration": None}, None]
    tool = {"driver": {"name": "t", "rules": rules}, "extensions": None}
    location = {"uri": "a.py", "uriBaseId": None, "index": None}
    results = [result(ruleId=rule, location=location, **dict.fromkeys(names)) for rule in ("R1", "R2", "R3")]
    data = log(*results, result(locations=None), tool=tool, artifacts=None, originalUriBaseIds=None)
    assert sarif.findings(data) == {"a.py": {("R1", "warning"): 1, ("R2", "warning"): 1, ("R3", "warning"): 1}}
    assert sarif.findings(b'{"version": null, "runs": [{"results": null}, null]}') == {}


@pytest.mark.parametrize("data", [b"{", b"{}", b"[]", b'{"runs": 3}', b'{"runs": null}', b"[" * 100_000, b"\xff\xfe{"])
def test_what_is_no_sarif_is_said(data: bytes) -> None:
    with pytest.raises(sarif.Unreadable, match="no SARIF"):
        sarif.findings(data)


def test_settings_are_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "s.sarif").write_text("{")
    (tmp_path / "t.sarif").write_bytes(log())
    for files, sentence in (
        ({"local/r": "/no/such"}, "there is no file /no/such"),
        ({"local/r": str(tmp_path / "s.sarif")}, "no SARIF"),
        ({"https://github.com/a/b": str(tmp_path / "t.sarif")}, "is no repository"),
        ({"r": str(tmp_path / "t.sarif")}, "is no repository"),
        ({"github.com/a/b.git": str(tmp_path / "t.sarif")}, "is no repository"),
    ):
        with pytest.raises(ValueError, match=sentence):
            SarifParameters(files)
    with pytest.raises(ValueError, match="rules must be"):
        SarifParameters({}, rules=("",))
    with pytest.raises(ValueError, match="ZZZ9"):
        RuffParameters(("E9", "ZZZ9"))
    with pytest.raises(SettingsError, match="ZZZ9"):
        written(tmp_path, '[[rules]]\nrule = "ruff"\nselect = ["ZZZ9"]\n')


def test_ruff_finds_what_it_is_asked_for() -> None:
    assert ruff.check("def f():\n    return undefined\n", ("F82",)) == {("F821", "error"): 1}
    assert not ruff.check("def f():\n    return undefined\n", ("E9",)) and not ruff.check("x = 1\n", ("F82",))
