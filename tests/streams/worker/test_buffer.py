"""What waits for a worker is bounded in bytes (architecture §3)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from mode.utils.queues import FlowControlEvent

from streams.worker.app import BUFFERED_BYTES, BUFFERED_RECORDS, Buffer


def event(size: int) -> Any:
    return SimpleNamespace(message=SimpleNamespace(value=bytes(size)))


def buffer() -> Buffer:
    flow = FlowControlEvent()
    flow.resume()
    return Buffer(BUFFERED_RECORDS, flow_control=flow)


async def test_large_records_wait_outside_until_there_is_room():
    queue, largest = buffer(), 0
    putting = [asyncio.create_task(queue.put(event(BUFFERED_BYTES // 4))) for _ in range(20)]
    for _ in range(20):
        await asyncio.sleep(0)
        largest = max(largest, queue.qsize())
        await asyncio.wait_for(queue.get(), 60)
    await asyncio.gather(*putting)
    assert largest == 4 and queue.empty() and not queue.full()


async def test_one_record_larger_than_the_buffer_goes_through():
    queue = buffer()
    await queue.put(event(2 * BUFFERED_BYTES))
    assert queue.full()
    waiting = asyncio.create_task(queue.put(event(1)))
    await queue.get()
    await asyncio.wait_for(waiting, 60)
    assert queue.qsize() == 1


async def test_small_records_are_bounded_by_number_as_before():
    queue = buffer()
    for _ in range(BUFFERED_RECORDS):
        queue.put_nowait(event(1))
    assert queue.full()


async def test_what_is_cleared_takes_no_room():
    queue = buffer()
    await queue.put(event(BUFFERED_BYTES))
    assert queue.full()
    queue.clear()
    assert not queue.full()
