"""The feed: re-deliveries are dropped, gaps stop it, and a run that was stopped goes on bit for bit."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tiny import QUICK, SHAPE, tokenizer
from world import PARTITIONS, STAGES, MemoryLedger, MemoryLog, World, starts, topic_id

from model import checkpoint
from model.fim.formats import FORMATS, STARCODER, Format
from model.manifest import CheckpointError, latest, name, newest
from model.packing import packing
from model.reign import take
from model.training.train import Trainer, Until
from streams.feed import ledger
from streams.feed.feed import Feed, NotConserved
from streams.feed.fit import WrongPacking, WrongTokenizer
from streams.feed.ledger import Entry, Ledger
from streams.feed.state import Limits, decode, encode, fresh
from streams.frame import Frame
from streams.marks import UnknownSource

CONTEXT = 64


def filled(events: int = 30) -> World:
    """A world whose `examples` hold a few hundred documents in both partitions."""
    world = World()
    for n in range(events):
        texts = [f"def f_{n}_{i}(a, b):\n    return a * {n} + b * {i * n}\n" * (1 + i % 3) for i in range(4)]
        world.produce(n % PARTITIONS, texts, [f"m{n}_{i}.py" for i in range(4)])
    for stage in STAGES:
        for p in range(PARTITIONS):
            for worker in {
                "prepare": lambda p=p: world.prepare("files", p, 5), "dedup": world.dedup,
                "redact": lambda p=p: world.each("redact", p), "pack": lambda p=p: world.each("pack", p),
            }[stage](),:  # fmt: skip
                for _ in worker:
                    world.commit()
    return world


def feed(world: World, kept: bytes | None = None, book: object = None, **limits: object) -> Feed:
    state = decode(kept) if kept else fresh(tokenizer().hash, [0] * PARTITIONS, starts())
    set_to = Limits(**{"row_tokens": CONTEXT, "rows": 2, "open_bins": 8, "closed": True, **limits})  # type: ignore
    return Feed(MemoryLog(world, state.offsets), book or MemoryLedger(), set_to, state)  # type: ignore[arg-type]


def trained(world: World, folder: Path, until: int) -> Trainer:
    newest = latest(folder)
    resume = checkpoint.load_all(newest) if newest else None
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
    found = newest(folder)
    assert found is not None
    return list(ledger.read(folder, decode(found[1]).ledger))


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
    state = decode((Path(__file__).parent / "data" / "feed-v1.msgpack").read_bytes())
    assert state.ledger == {"ledger.bin": 88, "ledger-1.bin": 44} and state.offsets == [3, 4]
    assert decode(encode(state)) == state and state.open_bins[0][0].example.tokens == 2
    entries = [Entry("ab" * 16, 0, n, 0, 0, 1, n) for n in range(3)]
    for rank, own in ((0, entries[:2]), (1, entries[2:])):
        with closing(Ledger(tmp_path, 0, rank)) as book:
            book.append(own)
    assert list(ledger.read(tmp_path, state.ledger)) == entries
    with pytest.raises(CheckpointError, match="newer Midstream"):
        decode(encode(msgspec.structs.replace(state, v=3)))


def test_a_repeated_frame_changes_nothing() -> None:
    world = filled(6)
    for p in range(PARTITIONS):
        world.frames["examples"][p] += world.frames["examples"][p]
    once, counts = drain(feed(filled(6))), drain(feed(world))
    assert once == counts


def drain(opened: Feed) -> dict[str, int | float]:
    step = 0
    while opened.next(0.0) is not None:
        step += 1
        opened.trained(step)
    assert opened.drained
    return {k: v for k, v in opened.summary().items() if k in ("documents", "trained", "waiting", "rejected", "dead")}


def altered(**changes: object) -> World:
    world = filled(2)
    first = world.frames["examples"][0][0]
    world.frames["examples"][0][0] = msgspec.structs.replace(first, **changes)
    return world


def test_a_frame_above_the_mark_is_passed_over_and_nothing_of_it_is_taken(caplog) -> None:
    plain, world, book = drain(feed(filled(12))), filled(12), MemoryLedger()
    frames_0 = world.frames["examples"][0]
    missing, *rest = list(frames_0)
    world.frames["examples"][0] = rest
    opened = feed(world, book=book)
    drain(opened)
    state = decode(opened.state())
    assert state.above == {missing.source.key: rest[-1].start} and state.marks[missing.source.key] == 0
    assert f"offsets 0 to {missing.upto - 1} never reached the trainer" in caplog.text
    world.frames["examples"][0] = [*rest, missing, *rest]  # as after a repair
    again = feed(world, opened.state(), book)
    drain(again)
    assert {k: again.summary()[k] for k in plain} == plain
    assert decode(again.state()).above == {}


def test_another_tokenizer_is_refused() -> None:
    with pytest.raises(WrongTokenizer):
        drain(feed(altered(tokenizer="other")))


def test_every_frame_says_how_it_was_packed() -> None:
    said = {f.packing for p in filled(4).frames["examples"] for f in p}
    assert said == {packing(tokenizer().hash, STARCODER, 48)}


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (packing(tokenizer().hash, STARCODER, 256), r"another \[model\] context \(256, the checkpoint has 48\)"),
        (packing(tokenizer().hash, FORMATS["starcoder2"], 48), r"another \[model\] format \(starcoder2:"),
        (packing("ab" * 32, STARCODER, 48), r"another \[paths\] tokenizer \(abab"),
    ],
)
def test_another_packing_is_refused_by_the_setting_s_name(other: str, named: str) -> None:
    opened = feed(altered(packing=other))
    opened._s.packing = packing(tokenizer().hash, STARCODER, 48)
    before = opened.state()
    with pytest.raises(WrongPacking, match=named + ".*put the setting back and pack again, or train from a new"):
        drain(opened)
    assert opened.state() == before


def test_frames_that_do_not_say_it_are_refused_by_their_examples() -> None:
    world = altered(packing="")
    longest = max(e.tokens for p in world.frames["examples"] for f in p for e in f.examples)
    with pytest.raises(WrongPacking, match=rf"the checkpoint's context is {longest - 1}.*\[model\] context"):
        drain(feed(world, context=longest - 1, row_tokens=2 * longest))
    drain(feed(world, context=longest, row_tokens=2 * longest))


def test_rows_that_have_become_too_long_are_filled_anew(caplog) -> None:
    """`[feed] row_contexts` may be lowered between two runs."""
    world, book = filled(), MemoryLedger()
    opened = feed(world, book=book, row_tokens=4 * CONTEXT)
    for step in range(1, 4):
        assert opened.next(0.0) is not None
        if step < 3:
            opened.trained(step)
    kept = opened.state()
    assert any(sum(h.example.tokens for h in row) > CONTEXT for row in decode(kept).rows)
    again = feed(world, kept, book)
    assert "[feed] row_contexts is lower than it was" in caplog.text
    plain = drain(feed(filled()))
    assert drain(again) == plain
    assert all(count == 1 for count in Counter((e.origin, e.piece) for e in book.entries).values())


def test_a_row_shorter_than_an_example_is_refused_by_the_setting_s_name() -> None:
    opened = feed(filled(4))
    opened.next(0.0)
    with pytest.raises(WrongPacking, match=r"raise \[feed\] row_contexts"):
        feed(filled(4), opened.state(), row_tokens=8)


def test_the_text_does_not_change_with_a_field_that_has_its_default() -> None:
    class Later(Format, frozen=True, kw_only=True):
        more: str = ""

    text = "context=1024 format=starcoder:98eca27e03cc tokenizer=abababababab"
    for fmt in (STARCODER, Later(**msgspec.structs.asdict(STARCODER))):
        assert packing("ab" * 32, fmt, 1024) == text
    assert packing("ab" * 32, Later(**msgspec.structs.asdict(STARCODER), more="x"), 1024) != text


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


def test_live_rows_are_flushed_when_nothing_more_comes() -> None:
    opened = feed(filled(1), closed=False, idle_s=0.0, rows=50)
    batch = opened.next(1.0)
    assert batch is not None and batch.flushed and batch.share < 1
    assert opened.summary()["waiting"] == 4
    opened.trained(1)
    assert opened.summary()["waiting"] == 0 and opened.summary()["trained"] == 4
    assert isinstance(decode(opened.state()).marks[f"{topic_id('files')}:0"], int)


def test_live_rows_are_handed_on_when_one_has_waited_long_enough() -> None:
    """Though Frames keep coming: none of them makes the feed idle."""
    opened = feed(filled(2), closed=False, idle_s=1e9, wait_s=0.0, rows=50)
    first = opened.next(1.0)
    assert first is not None and first.flushed
    opened.trained(1)
    assert 0 < opened.summary()["trained"] < opened.summary()["documents"] + opened.summary()["lag"]


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

    data = (Path(__file__).parent / "data" / "frame-v1.msgpack").read_bytes()
    found = frames.decode(data)
    assert isinstance(found, Frame) and (found.start, found.upto) == (7, 9)
    assert found.documents[0].parts[0].text == "x = 1\n" and found.examples[0].tokens == 3
    assert found.tallies[0].dead == [1] and found.tallies[1].replaces == f"{'ab' * 16}:0:3:0"
