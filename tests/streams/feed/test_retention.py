"""Retention of `examples` that is shorter than the checkpoints reach back."""

from __future__ import annotations

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from streams.feed.retention import TooShort, refuse_short, retention_ms, warn_lost
from streams.feed.state import fresh
from streams.kafka.connection import Connection
from streams.stages import TOPICS

DAYS = next(t.days for t in TOPICS if t.name == "examples")


@pytest.mark.broker
def test_a_retention_shorter_than_the_oldest_checkpoint_is_refused(connection: Connection, caplog) -> None:
    assert DAYS is not None and retention_ms(connection) == DAYS * 86_400_000
    refuse_short(connection, 3, 60.0)
    for value, known in (("-1", None), ("100000", 100_000)):
        configs = {"retention.ms": value}
        with connection.admin() as admin:
            topic = ConfigResource(ConfigResourceType.TOPIC, connection.topic("examples"), configs=configs)
            admin.alter_configs([topic])
        assert retention_ms(connection) == known
    refuse_short(connection, 1, 60.0)
    with pytest.raises(TooShort, match=r"keep = 3 .* Raise the topic's retention"):
        refuse_short(connection, 3, 60.0)
    warn_lost(connection, [("step-00000001", fresh("t", [0, 0], {}))])
    assert not caplog.text
