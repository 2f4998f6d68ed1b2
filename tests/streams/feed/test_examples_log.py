"""Reading `examples` in a fixed rotation, the partition that is ahead paused: no partition is left waiting."""

from __future__ import annotations

import random
import time
from collections import deque

import pytest

from streams.feed import examples

pytestmark = [pytest.mark.broker, pytest.mark.slow]

RECORDS, READ_AHEAD = 96, 16


@pytest.mark.parametrize("seed", range(4))
def test_a_partition_that_was_paused_is_read_on(connection, monkeypatch, seed):
    """kafka-python parks what it holds of a paused partition, and must give it back."""
    monkeypatch.setattr(examples.frames, "decode_or_none", lambda value, place: value)
    draws = random.Random(seed)
    with connection.producer() as producer:
        for number in range(RECORDS):
            for partition in range(2):
                value = draws.randbytes(draws.choice([2_000, 30_000, 150_000]))
                producer.send(connection.topic("examples"), value, partition=partition)
            if number % 8 == 0:
                producer.flush()
        producer.flush()
    log = examples.ExamplesLog(connection, [0, 0], closed=True)
    queues, offsets, turn = [deque[int](), deque[int]()], [0, 0], 0
    try:
        last = time.monotonic()
        while offsets != [RECORDS, RECORDS]:
            assert time.monotonic() - last < 60, f"stands still at {offsets}"
            if queues[turn]:
                offsets[turn] = queues[turn].popleft() + 1
                turn, last = 1 - turn, time.monotonic()
                time.sleep(draws.choice([0, 0, 0.02]))
            elif log.ended(turn, offsets[turn]):
                turn = 1 - turn
            else:
                enough = {p for p in range(2) if len(queues[p]) >= READ_AHEAD}
                for partition, offset, _ in log.poll(0.1, enough):
                    queues[partition].append(offset)
    finally:
        log.close()
