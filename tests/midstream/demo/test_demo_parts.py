"""The demo's parts that need no broker: places, scratch modules, the report, the corpus's list, a failing step."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from rich.console import Console

from midstream.demo.corpus import pins
from midstream.demo.demo import Demo, StepFailed
from midstream.demo.freshness import FUNCTIONS, Scratch, module
from midstream.demo.probe import places
from midstream.demo.report import Report
from streams.index.minhash import similarity, sketch

TEXT = "import os\n\n\ndef total(items):\n    return sum(i.price * i.count for i in items)\n\n\nprint(total([]))\n"


def test_a_place_is_the_file_with_the_rest_of_a_line_missing() -> None:
    completion_places = places([("a.py", TEXT), ("b.py", TEXT.upper())], 10)
    assert len(completion_places) == len(set(completion_places)) >= 4
    for place in completion_places:
        whole = TEXT if place.path == "a.py" else TEXT.upper()
        assert place.before + place.wanted + place.after == whole and "\n" not in place.wanted
        assert whole.split("\n")[place.position.line].startswith(place.before.rsplit("\n", 1)[-1])
    assert completion_places == places([("a.py", TEXT), ("b.py", TEXT.upper())], 10)


def test_the_scratch_modules_are_no_copies_of_each_other(tmp_path: Path) -> None:
    signatures = [sketch(module(name, n)).signature for n, name in enumerate(FUNCTIONS)]
    assert all(similarity(a, b) < 0.7 for i, a in enumerate(signatures) for b in signatures[:i])
    scratch = Scratch(tmp_path / "s")
    assert scratch.commit(1) != scratch.commit(2)
    assert sorted(p.name for p in (tmp_path / "s").glob("*.py")) == sorted(f"{n}.py" for n in FUNCTIONS[:3])


def test_a_broken_promise_is_a_failure_and_a_missed_goal_is_shown(tmp_path: Path) -> None:
    report = Report(lost=0, trained_twice=2, packing_use=0.5)
    report.timed([100.0] * 50)
    report.fresh([3.0, 5.0, 70.0])
    assert report.failures() == ["trained_twice is 2"] and report.freshness_s == 5.0
    console = Console(width=100, record=True)
    report.show(console)
    shown = console.export_text()
    assert ">= 0.99 MISSED" in shown and "<= 150 reached" in shown and "= 0 MISSED" in shown
    report.write(tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["completion_ms_p50"] == 100.0


def test_every_package_of_the_corpus_is_pinned() -> None:
    assert len(pins()) > 20 and all(len(p.sha256) == 64 and p.kind in ("pypi", "sdist", "npm") for p in pins())


def test_a_step_that_fails_names_itself(tmp_path: Path) -> None:
    (tmp_path / "cache" / "corpus").mkdir(parents=True)
    (tmp_path / "cache" / "corpus" / pins()[0].folder).mkdir()
    state = tmp_path / "state"
    state.write_text("a file where the folder should be")
    with pytest.raises(StepFailed, match="step corpus failed: NotADirectoryError"):
        asyncio.run(Demo(tmp_path, state, tmp_path / "cache", lambda line: None).run())
