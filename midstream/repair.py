"""The marks compared over the whole path: Kafka's logs, and the newest checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from midstream.settings import Settings

if TYPE_CHECKING:
    from streams.repair.plan import Missing
    from streams.repair.steps import Step


def look(settings: Settings) -> tuple[list[Missing], list[Step]]:
    """What is missing, and the steps that bring it back; both empty when the marks agree.

    Groups that lost their offsets are put right first. Raises GroupInUse while workers run, Unreachable, TopicsError,
    CheckpointError.
    """
    from model.manifest import newest
    from streams.feed.state import decode
    from streams.kafka.positions import Expired
    from streams.kafka.topics import check
    from streams.repair.act import refuse_running
    from streams.repair.plan import missing, plan
    from streams.repair.survey import KafkaLogs, survey
    from streams.stages import STAGE
    from streams.worker.settle import settle

    connection = settings.connection()
    check(connection)
    refuse_running(connection)
    for stage in STAGE:
        try:
            settle(connection, stage)
        except Expired:
            continue  # the plan goes on at what is left, and says what is lost
    assert settings.paths.checkpoints is not None
    checkpoint = newest(settings.paths.checkpoints)
    state = decode(checkpoint[1]) if checkpoint and checkpoint[1] else None
    logs = KafkaLogs(connection)
    picture = survey(connection, logs, state.marks if state else {}, state.offsets if state else [])
    gaps = missing(picture, logs)
    return gaps, plan(picture, logs)
