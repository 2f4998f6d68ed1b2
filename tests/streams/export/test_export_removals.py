"""What is replaced or removed leaves an export, wherever it comes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from streams import deadletters
from streams.document import Origin
from tests.support.documents.exporting import LAYOUTS, content, export, filled, in_log, origins, remove, rows, staged
from tests.support.simulation.world import Sent, World, topic_id


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_was_replaced_leaves_a_shard_that_was_written(tmp_path: Path, layout: str) -> None:
    world = filled()
    export(world, tmp_path, layout)
    whole = in_log(world)
    one, *_, other = sorted(whole)
    state = export(remove(world, one, other), tmp_path, layout)
    assert sorted(origins(tmp_path, layout)) == sorted(set(whole) - {one, other})
    count = {c.topic: c for c in state.counts.values()}["files"]
    assert (count.documents, count.exported, count.removed) == (len(whole), len(whole) - 2, 2)
    assert state.contents.kinds == {"file": len(whole) - 2}
    assert state.contents.size == sum(LAYOUTS[layout]().size(item) for item in rows(tmp_path, layout))
    assert "2 origins were replaced by a retry or discarded; 2 documents" in (tmp_path / "README.md").read_text()


def test_a_retry_takes_the_place_of_what_it_replaces(tmp_path: Path) -> None:
    world = filled()
    export(world, tmp_path)
    replaced = min(in_log(world))
    record = deadletters.retry(replaced, "document", msgspec.msgpack.encode(in_log(world)[replaced]))
    world.sources["retries", record.partition].append(Sent(record.key, record.value, dict(record.headers)))
    export(staged(world), tmp_path)
    by_origin = {item.origin: item for item in rows(tmp_path)}
    assert replaced not in by_origin
    (again,) = [o for o in by_origin if o.startswith(topic_id("retries"))]
    assert by_origin[again].text == in_log(world)[replaced].parts[0].text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_shard_of_which_nothing_is_left_is_deleted(tmp_path: Path, layout: str) -> None:
    world = filled(2)
    export(world, tmp_path, layout)
    export(remove(world, *in_log(world)), tmp_path, layout)
    assert not any(tmp_path.glob("shard-*"))
    world.produce(0, ["def one_more(x):\n    return x\n"], ["more.py"])
    export(staged(world), tmp_path, layout)
    assert len(origins(tmp_path, layout)) == 1


def test_a_removal_that_comes_before_its_document_holds(tmp_path: Path) -> None:
    world = World()
    early = str(Origin(topic_id("files"), 0, 0, 1))
    remove(world, early)
    world.produce(0, [f"def f{i}(x):\n    return x + {i}\n" * 2 for i in range(3)], ["a.py", "b.py", "c.py"])
    state = export(staged(world), tmp_path)
    assert early in in_log(world) and early not in origins(tmp_path)
    assert [c.removed for c in state.counts.values() if c.topic == "files"] == [1]


def test_a_removal_in_another_partition_makes_the_same_bytes_before_and_after(tmp_path: Path) -> None:
    world = filled()
    gone = [origin for origin in sorted(in_log(world)) if Origin.parse(origin).partition == 0][:5]
    for origin in gone:
        world.sources["retries", 1].append(Sent(origin.encode(), None))
    first, second = staged(world).frames["clean"]
    export(world, tmp_path / "after")
    world.frames["clean"][0] = []
    export(world, tmp_path / "before")
    world.frames["clean"][0] = first
    export(world, tmp_path / "before")
    assert world.frames["clean"][1] is second
    assert content(tmp_path / "before") == content(tmp_path / "after")
    assert not set(gone) & set(origins(tmp_path / "before"))
