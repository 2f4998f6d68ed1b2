"""A cluster that takes smaller records than the table of topics says: nothing stops (architecture §2, Large events)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from streams.document import Document, Part, Source
from streams.frame import Frame, Outcome, Rejection, Tally, decode, decode_rejections
from streams.kafka.log import read
from streams.kafka.producer import Delivery, KafkaSink
from tests.support.programs.crew import Crew, files, python

pytestmark = [pytest.mark.broker, pytest.mark.slow]


async def test_a_cluster_of_smaller_records_cuts_frames_and_stops_nothing(connection):
    """The table says 24 MiB, the cluster takes 300 KB: all is delivered in smaller parts."""
    source = Source("files", connection.topic_ids(["files"])["files"], 1)
    with connection.admin() as admin:
        for name in ("clean", "rejected", "deadletters"):
            narrow(admin, connection.topic(name))
    delivery = Delivery(KafkaSink(connection), "redact", "clean")
    await delivery.start()
    delivered = await delivery.outcome(outcome(source), 1)
    await delivery.outcome(replace(outcome(source), rejections=(), dead=()), 1)
    await delivery.stop()
    clean_frames = [decode(r.value or b"") for r in read(connection, "clean", 1)]
    assert [(f.start, f.upto) for f in clean_frames[: len(delivered)]] == [
        (p.frame.start, p.frame.upto) for p in delivered
    ]
    ranges = sorted({(f.start, f.upto) for f in clean_frames})
    assert ranges[0][0] == 0 and ranges[-1][1] == 9 and len(ranges) > 1
    assert {d.offset for f in clean_frames for d in f.documents} | {8} == set(range(9))
    rejected = [i for r in read(connection, "rejected", 1) for i in decode_rejections(r.value or b"").items]
    assert {i.reason for i in rejected} == {noise(n, 3_000) for n in range(200)}
    letters = {(r.key or b"").decode(): r for r in read(connection, "deadletters", 0)}
    assert len(letters) == 1 and next(iter(letters)).endswith(":1:8:0")


def test_a_record_of_the_index_that_the_cluster_refuses_is_named_with_the_setting(connection, tmp_path):
    with connection.admin() as admin:
        narrow(admin, connection.topic("signatures"), "2000")
    with Crew(connection, tmp_path) as crew:
        crew.produce("files", [files([python(n) for n in range(20)])])
        crew.start()
        assert crew.processes["dedup"].wait(timeout=60) == 1
        crew.processes.pop("dedup")
        result = crew.run("status")
        said = " ".join(result.stdout.split())
        assert result.exit_code == 1
        assert said.startswith("worker dedup ended with an error at candidates/0/0")
        assert "in signatures: set max.message.bytes of that topic to 25169920 again" in said
        with connection.admin() as admin:
            narrow(admin, connection.topic("signatures"), "25169920")
        crew.start("dedup")
        crew.drain()
        assert crew.run("status").exit_code == 0
        assert len(crew.train().trained) == 20


def narrow(admin, name: str, size: str = "300000") -> None:
    from kafka.admin import ConfigResource, ConfigResourceType

    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": size})])


def noise(seed: int, size: int) -> str:
    """Text that does not compress."""
    return random.Random(seed).randbytes(size * 3 // 4 + 3).hex()[:size]


def outcome(source: Source) -> Outcome:
    """Eight documents of 120,000 characters in as many offsets, and one of 2,000,000."""
    sizes = [120_000] * 8 + [2_000_000]
    found = [
        Document(offset=o, index=0, kind="file", parts=[Part("text", noise(o, size))]) for o, size in enumerate(sizes)
    ]
    rejections = tuple(
        Rejection(origin=found[0].origin(source), stage="redact", rule="r", reason=noise(n, 3_000)) for n in range(200)
    )
    frame = Frame(source=source, start=0, upto=9, tallies=[Tally(o, 1) for o in range(9)], documents=found)
    return Outcome(frame, rejections)
