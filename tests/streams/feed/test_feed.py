"""The feed: re-deliveries are dropped, gaps stop it, and a run that was stopped goes on bit for bit."""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from model import checkpoint, loading
from model.fim.formats import STARCODER
from model.manifest import CheckpointError, latest, name, newest
from model.reign import take
from model.training.train import Trainer, Until
from streams.feed import ledger
from streams.feed.account import NotConserved
from streams.feed.ledger import Entry, Ledger
from streams.feed.state import decode, encode
from streams.frame import Frame
from streams.marks import UnknownSource
from tests.support.documents.feeding import CONTEXT, altered, drain, feed, filled
from tests.support.models.tiny import QUICK, SHAPE, tokenizer
from tests.support.simulation.memory import PARTITIONS, MemoryLedger
from tests.support.simulation.world import World
from tests.tree import ROOT


def trained(world: World, folder: Path, until: int) -> Trainer:
    newest = latest(folder)
    resume = loading.load_all(newest) if newest else None
    own = take(folder)
    with closing(Ledger(folder, own)) as book:
        opened = feed(world, resume.feed if resume else None, book)
        trainer = Trainer(SHAPE, QUICK, opened, folder, tokenizer(), STARCODER, resume=resume, reign=own)
        trainer.run(Until(max_steps=until, drained=True))
    return trainer


def test_a_closed_log_gives_the_same_bytes_however_often_it_was_stopped(tmp_path: Path) -> None:
    world = filled()
    straight = trained(world, tmp_path / "straight", 1000)
    assert straight.feed.drained and straight.step > 11
    for upto in (5, 11, 1000):
        trained(world, tmp_path / "stopped", upto)
    ends = [latest(tmp_path / name) for name in ("straight", "stopped")]
    assert (
        ends[0]
        and ends[1]
        and (ends[0].name, ends[1].name) == (f"{name(straight.step)}-r1", f"{name(straight.step)}-r3")
    )
    for file in (checkpoint.WEIGHTS, checkpoint.OPTIMIZER):
        assert (ends[0] / file).read_bytes() == (ends[1] / file).read_bytes(), file
    states = [decode((end / checkpoint.FEED).read_bytes()) for end in ends]
    assert set(states[1].ledger) == {"ledger-r1.bin", "ledger-r2.bin", "ledger-r3.bin"}
    books = [list(ledger.read(end.parent, state.ledger)) for end, state in zip(ends, states, strict=True)]
    assert books[0] == books[1]
    assert len({encode(msgspec.structs.replace(state, ledger={})) for state in states}) == 1


def test_every_piece_is_in_the_ledger_once(tmp_path: Path) -> None:
    world = filled()
    trained(world, tmp_path, 1000)
    pieces = [(e.origin, e.piece) for e in rows(tmp_path)]
    made = {
        (f.source.topic_id, f.source.partition, e.offset, e.index, e.piece)
        for p in world.frames["examples"]
        for f in p
        for e in f.examples
    }
    assert len(pieces) == len(set(pieces)) == len(made)


def rows(folder: Path) -> list[Entry]:
    """What the newest checkpoint counts of the ledgers."""
    checkpoint = newest(folder)
    assert checkpoint is not None
    return list(ledger.read(folder, decode(checkpoint[1]).ledger))


def test_only_what_a_checkpoint_counts_of_a_ledger_is_read(tmp_path: Path) -> None:
    entries = [Entry("ab" * 16, 0, n, 0, 0, 1, n) for n in range(5)]
    lengths: dict[str, int] = {}
    for own, upto in ((2, 2), (10, 4)):
        book = Ledger(tmp_path, own)
        lengths[book.name] = book.append(entries[upto - 2 : upto])
        book.append(entries[4:])
        book.close()
        assert book._path.stat().st_mode & 0o777 == 0o600
    assert list(ledger.read(tmp_path, dict(reversed(lengths.items())))) == entries[:4]
    ledger.check(tmp_path, lengths)
    for wrong in ({book.name: 10_000}, {"ledger-r3.bin": 1}):
        with pytest.raises(CheckpointError, match="another run"):
            ledger.check(tmp_path, wrong)
    with pytest.raises(FileExistsError):
        Ledger(tmp_path, 10).append(entries)


def test_a_state_of_version_1_is_read(tmp_path: Path) -> None:
    """It named ledgers by rank; `ledger.bin` and `ledger-1.bin` are still counted and read."""
    state = decode((ROOT / "tests/data" / "feed-v1.msgpack").read_bytes())
    assert state.ledger == {"ledger.bin": 88, "ledger-1.bin": 44} and state.offsets == [3, 4]
    assert decode(encode(state)) == state and state.open_bins[0][0].example.tokens == 2
    entries = [Entry("ab" * 16, 0, n, 0, 0, 1, n) for n in range(3)]
    for rank, own in ((0, entries[:2]), (1, entries[2:])):
        with closing(Ledger(tmp_path, 0, rank)) as book:
            book.append(own)
    assert list(ledger.read(tmp_path, state.ledger)) == entries
    with pytest.raises(CheckpointError, match="newer Midstream"):
        decode(encode(msgspec.structs.replace(state, v=3)))


def as_before_reigns(folder: Path) -> None:
    """Rewrites a folder of the first reign as a trainer left it before there were any."""
    path = latest(folder)
    assert path is not None
    state = msgspec.msgpack.decode((path / checkpoint.FEED).read_bytes())
    state |= {"v": 1, "ledger_bytes": state.pop("ledger")["ledger-r1.bin"], "ledgers": {}}
    (path / checkpoint.FEED).write_bytes(msgspec.msgpack.encode(state))
    manifest = msgspec.json.decode((path / checkpoint.MANIFEST).read_bytes())
    manifest["sha256"][checkpoint.FEED] = sha256((path / checkpoint.FEED).read_bytes()).hexdigest()
    del manifest["reign"], manifest["revision"]
    (path / checkpoint.MANIFEST).write_bytes(msgspec.json.encode(manifest))
    path.rename(folder / name(manifest["step"]))
    (folder / "ledger-r1.bin").rename(folder / "ledger.bin")
    (folder / "reign-r1").unlink()


def test_a_run_of_before_there_were_reigns_goes_on_bit_for_bit(tmp_path: Path) -> None:
    world = filled()
    trained(world, tmp_path / "straight", 1000)
    trained(world, tmp_path / "before", 7)
    as_before_reigns(tmp_path / "before")
    trained(world, tmp_path / "before", 1000)
    ends = [latest(tmp_path / part) for part in ("straight", "before")]
    assert ends[0] and ends[1]
    for file in (checkpoint.WEIGHTS, checkpoint.OPTIMIZER):
        assert (ends[0] / file).read_bytes() == (ends[1] / file).read_bytes(), file
    assert rows(tmp_path / "straight") == rows(tmp_path / "before")
    assert (tmp_path / "before" / "ledger.bin").exists()


def test_a_repeated_frame_changes_nothing() -> None:
    world = filled(6)
    for p in range(PARTITIONS):
        world.frames["examples"][p] += world.frames["examples"][p]
    once, counts = drain(feed(filled(6))), drain(feed(world))
    assert once == counts


def test_a_frame_above_the_mark_is_passed_over_and_nothing_of_it_is_taken(caplog) -> None:
    plain, world, book = drain(feed(filled(12))), filled(12), MemoryLedger()
    frames_0 = world.frames["examples"][0]
    missing, *rest = list(frames_0)
    world.frames["examples"][0] = rest
    opened = feed(world, book=book)
    drain(opened)
    state = decode(opened.state())
    assert state.above == {missing.source.key: rest[-1].start} and state.marks[missing.source.key] == 0
    assert f"offsets 0 to {missing.upto - 1} have not reached the trainer" in caplog.text
    world.frames["examples"][0] = [*rest, missing, *rest]  # as after a repair
    again = feed(world, opened.state(), book)
    drain(again)
    assert {k: again.summary()[k] for k in plain} == plain
    assert decode(again.state()).above == {}


def test_a_frame_that_lost_a_document_stops_it_and_nothing_of_it_is_taken() -> None:
    opened = feed(altered(examples=[]))
    before = opened.state()
    with pytest.raises(NotConserved):
        drain(opened)
    assert opened.state() == before


def test_a_topic_that_was_made_again_is_refused() -> None:
    world = filled(2)
    source = world.frames["examples"][0][0].source
    other = msgspec.structs.replace(source, topic_id="99" * 16)
    opened = feed(altered(source=other))
    before = opened.state()
    with pytest.raises(UnknownSource, match="made again"):
        drain(opened)
    assert opened.state() == before


def test_a_last_full_row_is_handed_on_though_it_is_no_whole_batch() -> None:
    """With nothing left open there is nothing to flush: it must not wait for a row that never comes."""
    world = filled(1)
    first = next(f for f in world.frames["examples"][0] if f.examples)
    for example in first.examples:
        example.ids = bytes(2 * CONTEXT)
    opened = feed(world, rows=len(first.examples) + 1)
    assert opened.next(0.0) is not None and opened.next(0.0) is None
    opened.trained(1)
    assert opened.drained


def test_frames_of_the_version_before_stay_readable() -> None:
    """The bytes of a Frame as version 1 wrote them; a later field must have a default."""
    from streams import frame as frames

    data = (ROOT / "tests/data" / "frame-v1.msgpack").read_bytes()
    frame = frames.decode(data)
    assert isinstance(frame, Frame) and (frame.start, frame.upto) == (7, 9)
    assert frame.documents[0].parts[0].text == "x = 1\n" and frame.examples[0].tokens == 3
    assert frame.tallies[0].dead == [1] and frame.tallies[1].replaces == f"{'ab' * 16}:0:3:0"
