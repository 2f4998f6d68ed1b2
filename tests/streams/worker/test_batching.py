"""Records that prepare works on together: none is lost, doubled, out of order, or held for long."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.worker.batching import FRAME_BYTES, HELD_S, TAKE_BYTES, TAKE_RECORDS, Batching

SIZES = st.one_of(st.integers(0, 4000), st.sampled_from([FRAME_BYTES // 3, FRAME_BYTES, 8 << 20]))
COMING = st.lists(st.tuples(st.integers(0, 5), SIZES, st.sampled_from([0.0, 0.01, HELD_S])), max_size=60)


def event(partition: int, offset: int, size: int, at: float) -> Any:
    return SimpleNamespace(message=SimpleNamespace(topic="t", partition=partition, offset=offset), size=size, at=at)


@given(COMING)
def test_each_record_comes_out_once_and_in_its_partitions_order(coming: list[tuple[int, int, float]]) -> None:
    held, given_in, out, now = Batching(), [], [], 0.0
    for offset, (partition, size, later) in enumerate(coming):
        now += later
        given_in.append(event(partition, offset, size, now))
        out += held.add(given_in[-1], size, now)
        waiting = [e for e in given_in if e not in out]
        assert len(waiting) <= TAKE_RECORDS and (len(waiting) == 1 or sum(e.size for e in waiting) <= TAKE_BYTES)
        assert all(now - e.at <= HELD_S for e in waiting)
    out += held.release()
    assert held.release() == []
    for partition in range(6):
        mine = [e for e in given_in if e.message.partition == partition]
        assert [e for e in out if e.message.partition == partition] == mine
    assert len(out) == len(given_in)


def test_a_partition_that_makes_a_frame_does_not_take_the_others_along() -> None:
    held = Batching()
    assert held.add(event(1, 0, 9, 0), 9, 0) == []
    first = event(0, 0, FRAME_BYTES, 0)
    assert held.add(first, FRAME_BYTES, 0) == []
    assert held.add(event(0, 1, 1, 0), 1, 0) == [first]
    assert [e.message.partition for e in held.release()] == [1, 0]
