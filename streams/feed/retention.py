"""`examples` must keep what the oldest checkpoint would read again: the newer ones may be damaged."""

# pyright: reportGeneralTypeIssues=false
# kafka-python builds its admin client at run time.

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType

from streams.feed.examples import TOPIC
from streams.feed.state import FeedState
from streams.kafka.connection import Connection

log = logging.getLogger("midstream.streams")


class TooShort(RuntimeError):
    """The topic's retention is shorter than the checkpoints reach back; the message says what to set."""


def retention_ms(connection: Connection) -> int | None:
    """Of `examples`, milliseconds; None: it keeps its records for ever, or the cluster does not say."""
    name = connection.topic(TOPIC)
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    with connection.admin() as admin:
        described: Any = admin.describe_configs([resource], config_filter="all")
    value = described.get("topic", {}).get(name, {}).get("retention.ms", {}).get("value")
    return int(value) if value is not None and int(value) >= 0 else None


def refuse_short(connection: Connection, keep: int, every_s: float) -> None:
    """Raises TooShort where `keep` checkpoints, `every_s` apart, reach further back than the topic does."""
    kept = retention_ms(connection)
    needed = keep * every_s * 1000
    if kept is not None and kept < needed:
        raise TooShort(
            f"{connection.topic(TOPIC)} keeps its records for {kept / 1000:,.0f} s, and the oldest of [train] keep = "
            f"{keep} checkpoints, [train] checkpoint_every_s = {every_s:g} apart, may be {needed / 1000:,.0f} s old: "
            "gone back to, it would miss what came since. Raise the topic's retention.ms (`midstream topics create` "
            "sets it to 30 days), or lower one of the two settings."
        )


def warn_lost(connection: Connection, states: Iterable[tuple[str, FeedState]]) -> None:
    """Names the checkpoints that the log no longer reaches back to."""
    first = connection.beginning_offsets([TOPIC])
    for name, state in states:
        gone = [p for p, at in enumerate(state.offsets) if at < first.get((TOPIC, p), 0)]
        if gone:
            log.warning(
                "%s cannot be gone back to without loss: what it would read next of %s was deleted by retention",
                name, ", ".join(f"{TOPIC}/{p}" for p in gone),
            )  # fmt: skip
