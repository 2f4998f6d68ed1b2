"""The marks compared over the whole path: Kafka's logs, and the newest checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from midstream.settings import Settings

if TYPE_CHECKING:
    from model.manifest import Manifest
    from streams.feed.state import FeedState
    from streams.kafka.connection import Connection
    from streams.repair.plan import Missing, Survey
    from streams.repair.steps import Step
    from streams.repair.survey import KafkaLogs


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
    picture, logs = take(settings, connection, checkpoint[0] if checkpoint else None, state)
    gaps = missing(picture, logs)
    return gaps, plan(picture, logs)


def take(
    settings: Settings, connection: Connection, manifest: Manifest | None, state: FeedState | None
) -> tuple[Survey, KafkaLogs]:  # fmt: skip
    """The picture from which what is missing is found. Frames of `examples` that the checkpoint, or before the first
    one the settings, cannot be trained on count as not there."""
    from midstream.models import fits
    from streams.feed.state import offsets_in
    from streams.kafka.topics import check
    from streams.repair.survey import KafkaLogs, survey

    fit = fits.of(manifest) if manifest else fits.of_settings(settings)
    logs = KafkaLogs(connection, fit.takes) if fit else KafkaLogs(connection)
    topic = check(connection).topics["examples"]
    offsets = offsets_in(state, topic.id, topic.starts) if state else topic.starts
    return survey(connection, logs, state.marks if state else {}, offsets), logs


def unreached(
    settings: Settings, connection: Connection, manifest: Manifest | None, state: FeedState | None
) -> list[str] | None:  # fmt: skip
    """What `midstream repair` would name as missing, without altering anything; None: a stage moved on meanwhile, so
    nothing can be said."""
    from midstream.status.overview import positions
    from streams.repair.plan import missing

    before, _ = positions(connection)
    found = [str(gap) for gap in missing(*take(settings, connection, manifest, state))]
    return found if positions(connection)[0] == before else None
