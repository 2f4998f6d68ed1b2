"""The export: each document once whatever happens, none that was replaced, the same bytes in any number of runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.document import Document, Part
from streams.export.export import Export
from streams.export.folder import Folder
from streams.export.jsonl import Jsonl
from streams.export.state import ExportError
from streams.feed.account import NotConserved
from streams.frame import Gap, Tally
from streams.marks import UnknownSource
from streams.redact.documents import redact_document
from tests.support.documents.exporting import (
    LAYOUTS,
    content,
    export,
    filled,
    frame,
    in_log,
    made,
    of,
    origins,
    remove,
    rows,
)
from tests.support.models.tiny import tokenizer
from tests.support.simulation.memory import PARTITIONS


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_document_is_there_once(tmp_path: Path, layout: str) -> None:
    world = filled()
    state = export(world, tmp_path, layout)
    assert sorted(origins(tmp_path, layout)) == sorted(in_log(world))
    assert len(state.shards) > 3
    assert (
        sum(c.exported for c in state.counts.values()) == len(in_log(world)) == sum(s.documents for s in state.shards)
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_number_of_runs_makes_the_same_bytes(tmp_path: Path, layout: str) -> None:
    world = filled()
    gone = sorted(in_log(world))[::7]
    remove(world, *gone)
    once, often = tmp_path / "once", tmp_path / "often"
    export(world, once, layout)
    for upto in range(1, 1 + max(map(len, world.frames["clean"]))):
        export(world, often, layout, upto)
    assert content(once) == content(often)
    assert not set(origins(once, layout)) & set(gone)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_kill_after_any_step_loses_and_doubles_nothing(tmp_path: Path, layout: str) -> None:
    """Three runs, the last with removals from published shards; a kill after each step of the last two."""
    world = filled(8)
    first = sorted(in_log(world))
    straight, steps = tmp_path / "straight", Steps()
    export(world, straight, layout, 2)
    export(world, straight, layout, 4, steps)
    remove(world, first[0], first[-1])
    export(world, straight, layout, between=steps)
    assert len(steps.names) > 20
    for last in range(len(steps.names)):
        path, killed = tmp_path / f"killed{last}", Steps(last)
        world = filled(8)
        export(world, path, layout, 2)
        with pytest.raises(Killed):
            export(world, path, layout, 4, killed)
            remove(world, first[0], first[-1])
            export(world, path, layout, between=killed)
        if len(world.sources["retries", 0]) == 0:
            remove(world, first[0], first[-1])
        export(world, path, layout)
        assert content(path) == content(straight), killed.names[-1]


class Killed(Exception):
    pass


class Steps:
    """Notes the steps; raises at number `last`."""

    def __init__(self, last: int = -1) -> None:
        self.names: list[str] = []
        self._last = last

    def __call__(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) - 1 == self._last:
            raise Killed


def test_a_kill_between_two_frames_drops_the_shard_that_was_being_written(tmp_path: Path) -> None:
    world = filled()
    export(world, tmp_path, upto=2)
    state = Folder(tmp_path).read()
    assert state
    opened = Export(Folder(tmp_path), Jsonl(), state, lambda _: {})
    opened.take(0, 2, world.frames["clean"][0][2])
    opened.close()
    assert any(tmp_path.glob(".commit-*/shard-*"))
    export(world, tmp_path)
    assert sorted(origins(tmp_path)) == sorted(in_log(world))
    assert not any(tmp_path.glob(".*"))


def test_repeated_and_reframed_frames_change_nothing(tmp_path: Path) -> None:
    export(filled(), tmp_path / "plain")
    world = filled()
    for p in range(PARTITIONS):
        one, two, *rest = world.frames["clean"][p]
        both = msgspec.structs.replace(
            two, start=one.start, tallies=[*one.tallies, *two.tallies], documents=[*one.documents, *two.documents]
        )
        world.frames["clean"][p] = [one, both, one, *rest, two, rest[-1]]
    export(world, tmp_path / "repeated")
    assert content(tmp_path / "plain") == content(tmp_path / "repeated")


def test_a_gap_stops_it_and_can_be_passed(tmp_path: Path) -> None:
    world = filled()
    lost = world.frames["clean"][0].pop(1)
    with pytest.raises(Gap, match=r"files/0: offsets 1 to 1 are missing .* --pass-gaps"):
        export(world, tmp_path)
    export(world, tmp_path, pass_gaps=True)
    assert len(lost.documents) == 4
    assert sorted(origins(tmp_path)) == sorted(in_log(world))
    assert "- files/0: offsets 1 to 1\n" in (tmp_path / "README.md").read_text()


def test_a_topic_that_was_made_again_is_refused(tmp_path: Path) -> None:
    world = filled(2)
    first = world.frames["clean"][0][0]
    other = msgspec.structs.replace(first.source, topic_id="99" * 16)
    world.frames["clean"][0][0] = msgspec.structs.replace(first, source=other)
    with pytest.raises(UnknownSource, match="made again"):
        export(world, tmp_path, pass_gaps=True)


def test_a_frame_that_lost_a_document_stops_it(tmp_path: Path) -> None:
    world = filled(2)
    world.frames["clean"][1][0].documents.pop()
    with pytest.raises(NotConserved, match="a Frame of clean holds 3 documents, not 4"):
        export(world, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"genesis": "other"}, "made from other topics"),
        ({"layout": "mds"}, "layout was jsonl, is mds"),
        ({"shard_chars": 7}, "shard_chars was 1500, is 7"),
        ({"recipe": {"too_small.chars": 3}}, r"\[recipe\] too_small.chars was 50, is 3"),
        ({"index": {"near": 0.5, "version": 0.9}}, r"\[index\] near was 0.7, is 0.5"),
        ({"tokenizer": "abc"}, "tokenizer was , is abc"),
    ],
)
def test_a_folder_made_otherwise_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    world = filled(2)
    export(world, tmp_path)
    before = content(tmp_path)
    with pytest.raises(ExportError, match=message):
        export(world, tmp_path, wanted=made(**changes))
    assert content(tmp_path) == before


def test_folders_that_are_no_export_are_refused(tmp_path: Path) -> None:
    world = filled(2)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match="not empty"):
        export(world, tmp_path)
    path = tmp_path / "export"
    export(world, path)
    with Folder(path).held(), pytest.raises(ExportError, match="another export"):
        export(world, path)
    (path / "export.json").write_text(json.dumps({"v": 2}))
    with pytest.raises(ExportError, match="version 2"):
        export(world, path)
    (path / "export.json").write_text("{")
    with pytest.raises(ExportError, match="damaged"):
        export(world, path)


def test_a_shard_that_was_changed_is_named(tmp_path: Path) -> None:
    world = filled()
    export(world, tmp_path)
    (tmp_path / "shard-00001.jsonl").write_text("mine")
    min(tmp_path.glob("shard-000-*")).write_bytes(b"")
    with pytest.raises(ExportError, match=r"shard-000-00000\.jsonl is not what was written there"):
        export(world, tmp_path)
    assert (tmp_path / "shard-00001.jsonl").exists()


def test_the_card_counts_redactions_by_kind(tmp_path: Path) -> None:
    text = "ann.lee@mail.org and bob@mail.org at 93.184.216.34"
    document = redact_document(Document(offset=0, index=0, kind="file", parts=[Part("text", text)]))
    assert document.redactions == {"email": 2, "ip": 1}
    assert redact_document(document).redactions == document.redactions
    export(of(frame(document)), tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "| email | 2 |\n| ip | 1 |\n" in card
    assert json.loads((tmp_path / "shard-000-00000.jsonl").read_text())["redactions"] == {"email": 2, "ip": 1}


def test_the_card_tells_what_is_in_the_folder(tmp_path: Path) -> None:
    hostile = "evil/r|x\n# head\n<b>[a](b)`"
    names = [f"local/r{n:02d}" for n in range(30)] + [hostile] * 2
    documents = [
        Document(
            offset=0, index=n, kind="file", parts=[Part("text", f"x = {n}\n")], repository=name,
            licence="MIT" if n % 2 else "GPL-3.0", language="python", path="a.py",
        )
        for n, name in enumerate(names)
    ]  # fmt: skip
    tallies = [Tally(offset=0, seen=34, rejected=[32], dead=[33])]
    export(of(frame(*documents, tallies=tallies, time_ms=86_400_000)), tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\n") and "size_categories:\n- n<1K\n" in card
    assert "| files | 34 | 32 | 1 | 1 | 0 |" in card
    assert "| GPL-3.0 | copyleft | 16 |\n| MIT | permissive | 16 |" in card
    assert r"| evil/r\|x # head \<b\>\[a\](b)\` | 2 |" in card
    assert "| 11 others | 11 |" in card and "| local | 30 | 30 |" in card
    assert "between 1970-01-02 00:00:00 UTC" in card
    assert "| recipe | too_small.chars | 50 |" in card and "| index | near | 0.7 |" in card
    again = tmp_path / "again"
    export(of(frame(*documents, tallies=tallies, time_ms=86_400_000)), again)
    assert (again / "README.md").read_text() == card


def test_names_of_authors_are_not_exported(tmp_path: Path) -> None:
    parts = [
        Part("title", "It fails"), Part("comment", "Why?", "ann\nopened"),
        Part("comment", "Here.", "bob\ncommented"), Part("comment", "Thanks", "ann\nclosed"),
    ]  # fmt: skip
    export(of(frame(Document(offset=0, index=0, kind="issue", parts=parts, number=7))), tmp_path)
    (row,) = rows(tmp_path)
    assert row.text == "It fails\n\nusername_0: Why?\n\nusername_1: Here.\n\nusername_0: Thanks"
    assert [p.label for p in row.parts] == ["", "username_0 opened", "username_1 commented", "username_0 closed"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_documents_of_every_kind_are_exported(tmp_path: Path, layout: str) -> None:
    parts: dict[Any, list[Part]] = {
        "file": [Part("text", "x = 1\n")],
        "commit": [Part("message", "Two is better"), Part("before", "x = 1\n"), Part("after", "x = 2\n")],
        "issue": [Part("title", "It fails"), Part("comment", "Why?", "ann\nopened")],
        "notebook": [Part("markdown", "# Adding"), Part("code", "1 + 1"), Part("output", "2")],
        "question": [
            Part("title", "How?"),
            Part("question", "To add", "python\n3"),
            Part("answer", "+", "\n7\naccepted"),
        ],
        "pull": [Part("title", "Add"), Part("diff", "+1", "a.py"), Part("comment", "Why?", "ann\nopened")],
    }
    documents = [Document(offset=0, index=n, kind=kind, parts=p) for n, (kind, p) in enumerate(parts.items())]
    state = export(of(frame(*documents)), tmp_path, layout)
    assert state.contents.kinds == dict.fromkeys(parts, 1)
    exported_rows = rows(tmp_path, layout)
    assert [item.kind for item in exported_rows] == list(parts)
    if layout == "megatron":
        texts = [tokenizer().decode(list(memoryview(item.ids).cast("H"))) for item in exported_rows]
        assert all(text.endswith("<|endoftext|>") for text in texts)
        assert "Two is better" in texts[1] and "<fim_prefix>" not in "".join(texts)
        return
    assert [[(p.role, p.text) for p in item.parts] for item in exported_rows[1:]] == [
        [(p.role, p.text) for p in d.parts] for d in documents[1:]
    ]
    assert (exported_rows[0].text, exported_rows[0].parts) == ("x = 1\n", [])
    assert exported_rows[3].text == "# Adding\n\n1 + 1\n\n2"
    assert exported_rows[4].parts[2].label == "\n7\naccepted"
