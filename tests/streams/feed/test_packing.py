"""What was packed otherwise than the checkpoint has it is refused by the setting's name."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from model.fim.format import Format
from model.fim.formats import FORMATS, STARCODER
from model.packing import packing
from streams.feed.fit import WrongPacking, WrongTokenizer
from streams.feed.state import decode
from tests.support.documents.feeding import CONTEXT, altered, drain, feed, filled
from tests.support.models.tiny import tokenizer
from tests.support.simulation.memory import MemoryLedger


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
    opened = feed(altered(packing=other), packing=packing(tokenizer().hash, STARCODER, 48))
    before = opened.state()
    with pytest.raises(
        WrongPacking, match=named + ".*put the setting back and run `midstream repair`.*new checkpoint folder"
    ):
        drain(opened)
    assert opened.state() == before


def test_a_misfit_is_passed_over_once_what_fits_stands_behind_it() -> None:
    """It brings nothing, and the mark waits for the right Frame; what was taken before need not fit."""
    world, own = filled(2), packing(tokenizer().hash, STARCODER, 48)
    lane = world.frames["examples"][0]
    plain = drain(feed(filled(2)))
    wrong = msgspec.structs.replace(lane[0], packing=packing(tokenizer().hash, STARCODER, 256))
    lane[:] = [wrong, *lane[1:], *lane, wrong]
    opened = feed(world, packing=own)
    assert drain(opened) == plain
    assert opened._s.misfits == 1 and not opened._s.above and opened.summary()["lag"] == 0


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
    state = opened.state()
    assert any(sum(h.example.tokens for h in row) > CONTEXT for row in decode(state).rows)
    again = feed(world, state, book)
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
