"""The Faust shell: the one file that imports faust, and the one pattern that loses nothing (architecture §3).

Raw bytes in, decoded inside the agent; `noack().events()`; every delivery awaited;
then an explicit ack. Any exception ends the process unacknowledged, and the next one begins at the
committed offset.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import faust
from mode.supervisors import CrashingSupervisor
from mode.utils.queues import ThrowableQueue

from streams.kafka.connection import Connection, Unreachable
from streams.kafka.positions import Positions
from streams.kafka.producer import Delivery, KafkaSink, Sink
from streams.kafka.topics import TopicsError, check
from streams.worker.allocator import keep_freed_memory
from streams.worker.batching import Batching
from streams.worker.settle import go_back
from streams.worker.stage import Stage
from streams.worker.transport import CommittedTransport

log = logging.getLogger("midstream.streams")

TAKE_WITHIN_S = 0.05
FETCH_BYTES = 2 << 20
"""Asked for of each partition at a time: a record that is larger comes by itself."""
POLL_RECORDS = 8
"""Handed from the fetcher to the buffer at a time: a batch may be a hundred times as large as it was on the wire."""
BUFFERED_RECORDS = 256
BUFFERED_BYTES = 16 << 20
"""A buffer that holds so many takes no more: two of the largest source records, or a Frame at its topic's limit."""
REQUEST_BYTES = 32 << 20
REPORT_S = 1.0
LOOK_S = 30.0
"""Between two looks whether the topics are those that the worker began with: one takes a twentieth of a second."""


@dataclass(frozen=True)
class Place:
    """Where a worker runs."""

    connection: Connection
    group: str
    folder: Path
    """Faust's data folder."""


class Buffer(ThrowableQueue):
    """Records that were fetched and wait: bounded in bytes, too, where Faust's own counts records alone."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._bytes = 0

    def _put(self, item: Any) -> None:
        self._bytes += _bytes(item)
        super()._put(item)

    def _get(self) -> Any:
        item = super()._get()
        self._bytes -= _bytes(item)
        return item

    def clear(self) -> None:
        super().clear()
        self._bytes = 0

    def full(self) -> bool:
        return super().full() or self._bytes >= BUFFERED_BYTES


def _bytes(event: Any) -> int:
    message = getattr(event, "message", None)
    return len(getattr(message, "value", None) or b"")


class App(faust.App):
    def FlowControlQueue(self, maxsize: int | None = None, *, clear_on_resume: bool = False) -> Buffer:
        return Buffer(maxsize, flow_control=self.flow_control, clear_on_resume=clear_on_resume)


def run(place: Place, stage: Stage) -> int:
    """Run the stage until SIGTERM or SIGINT (0), or until an exception (1)."""
    keep_freed_memory()
    app = _app(place)
    shell = Shell(app, place, stage, KafkaSink(place.connection))
    channel = app.topic(
        *(place.connection.topic(t) for t in stage.inputs),
        key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw",
    )  # fmt: skip
    app.agent(channel, name=stage.name, concurrency=1)(shell.agent)
    app.on_partitions_assigned.connect(shell.assigned)  # pyright: ignore[reportArgumentType]
    app.timer(REPORT_S)(shell.report)
    gc.freeze()  # what has been imported stays: no collection need look at it (80 ms each)
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, stdout=sys.stderr, quiet=True)
    try:
        worker.execute_from_commandline()
    except SystemExit as stop:
        return int(stop.code or 0) or shell.code
    finally:
        stage.watch.watchdog.rest()
        stage.watch.counts.report()
        go_back(place.connection, place.group, stage.watch.errors)
    return shell.code


def _app(place: Place) -> faust.App:
    app = App(
        place.group, broker=_broker(place.connection), broker_credentials=_credentials(place.connection),
        datadir=str(place.folder),
        processing_guarantee="at_least_once", agent_supervisor=CrashingSupervisor, stream_wait_empty=True,
        stream_buffer_maxsize=BUFFERED_RECORDS, broker_max_poll_records=POLL_RECORDS,
        consumer_max_fetch_size=FETCH_BYTES, consumer_auto_offset_reset="none",
        producer_max_request_size=REQUEST_BYTES,
        broker_session_timeout=10, broker_heartbeat_interval=3, broker_rebalance_timeout=60,
        broker_commit_interval=1.0, topic_allow_declare=False, topic_disable_leader=True, reply_create_topic=False,
        table_standby_replicas=1, web_enabled=False, worker_redirect_stdouts=False,
    )  # fmt: skip
    app.transport = CommittedTransport(app.conf.broker_consumer, app)
    return app


def _broker(connection: Connection) -> list[str]:
    return [f"kafka://{address}" for address in connection.brokers.split(",")]


def _credentials(connection: Connection) -> Any:
    security = connection.security
    context = security.ssl_context()
    if security.mechanism:
        return faust.SASLCredentials(
            username=security.username, password=security.password, ssl_context=context, mechanism=security.mechanism
        )
    return faust.SSLCredentials(context) if context is not None else None


class Shell:
    """Joins one Stage to one Faust app."""

    def __init__(self, app: Any, place: Place, stage: Stage, sink: Sink) -> None:
        """`app`: a faust.App."""
        self._app = app
        self._connection = place.connection
        self._stage = stage
        self._delivery = Delivery(sink, stage.name, stage.output)
        self._positions = Positions(place.connection, place.group)
        self._started = False
        self._working = asyncio.Lock()
        self._quiet: dict[Any, tuple[int, int]] = {}
        """Partition to where it stood, and where its log ended, at the last look."""
        self._topics: dict[str, tuple[str, int]] = {}
        self._looked = 0.0
        self.code = 0

    async def assigned(self, app: Any, assigned: Any, **_: Any) -> None:
        """Forget where this process was: from here on the committed offsets say."""
        self._positions.forget()
        self._stage.forget()

    async def report(self) -> None:
        self._stage.watch.report()
        if self._stage.takes_many and self._started:
            for partition in sorted(self._app.consumer.assignment()):
                await self._pass_markers(partition)
        if time.monotonic() - self._looked > LOOK_S:
            self._looked = time.monotonic()
            await self._look()

    async def _look(self) -> None:
        """Raises TopicsError when a topic was deleted, or made again: the client would wait for it without a word."""
        try:
            topics = await asyncio.to_thread(self._connection.topics)
            if topics != self._topics:
                await asyncio.to_thread(check, self._connection)
            self._topics = topics
        except Unreachable:  # whoever needs the broker waits for it
            return
        except TopicsError as error:
            self._stops(error)
            raise

    def _stops(self, error: BaseException) -> None:
        self.code = 1
        self._stage.watch.errors.append(error)
        log.error("%s stops: %s: %s", self._stage.name, type(error).__name__, _safe(error))

    async def _pass_markers(self, partition: Any) -> None:
        """Hand on an empty Frame over offsets at a log's end that hold no record: a transaction's marker, or records
        of one that was aborted. Then marks, commits and the end meet without knowing about markers.

        Looked at when the partition has stood still between two reports.
        """
        name = partition.topic.removeprefix(self._connection.prefix)
        consumer: Any = self._app.consumer
        end = consumer._thread.stable_end(partition)
        if end is None:
            return
        async with self._working:
            start = self._positions.known(name, partition.partition)
            if start is None:
                start = await asyncio.to_thread(self._positions.next, name, partition.partition)
            stands, self._quiet[partition] = self._quiet.get(partition) == (start, end), (start, end)
            if start >= end or not stands:
                return
            if await asyncio.to_thread(self._positions.only_markers, name, partition.partition, end):
                await self._stage.pass_over(self._delivery, name, partition.partition, start, end)
                self._positions.reached(name, partition.partition, end)
                await consumer._commit_offsets({partition: end})

    async def agent(self, stream: Any) -> None:
        try:
            if not self._started:
                await self._delivery.start()
                self._started = True
            if self._stage.takes_many:
                await self._take_many(stream)
            else:
                async for event in stream.noack().events():
                    await self._take(stream, [event])
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            self._stops(error)
            raise

    async def _take_many(self, stream: Any) -> None:
        """Records together, as `Batching` says; everything that is held, when none has come for TAKE_WITHIN_S."""
        held, clock = Batching(), asyncio.get_running_loop().time
        async for event in stream.noack().events():
            await self._take(stream, held.add(event, _bytes(event), clock()))
            if stream.channel.empty():
                await asyncio.sleep(TAKE_WITHIN_S)
            if stream.channel.empty():
                await self._take(stream, held.release())

    async def _take(self, stream: Any, events: Sequence[Any]) -> None:
        async with self._working:
            await self.work(stream, [e for e in events if self._current(e)])

    def _current(self, event: Any) -> bool:
        """Fetched since the last assignment; what is older comes again."""
        generation = event.message.generation_id
        return generation is None or generation == self._app.consumer_generation_id

    async def _start(self, name: str, partition: int, offset: int) -> int:
        """Where the Frame of the record at `offset` begins; the cluster is asked, in a thread, only when it must be."""
        known = self._positions.known(name, partition)
        if known is not None and known >= offset:
            return known
        return await asyncio.to_thread(self._positions.start, name, partition, offset)

    async def work(self, stream: Any, events: Sequence[Any]) -> None:
        """Work on records of any partitions, each partition's in their order, and acknowledge what was delivered."""
        by_partition: dict[tuple[str, int], list[Any]] = {}
        for event in events:
            by_partition.setdefault((event.message.topic, event.message.partition), []).append(event)
        for (topic, partition), group in by_partition.items():
            name = topic.removeprefix(self._connection.prefix)
            start = await self._start(name, partition, group[0].message.offset)
            fresh = [e.message for e in group if e.message.offset >= start]
            for one, other in pairwise(fresh):
                if other.offset > one.offset + 1:
                    await asyncio.to_thread(self._positions.no_jump, name, partition, one.offset + 1, other.offset)
            if fresh:
                began = time.thread_time()
                await self._stage.process(self._delivery, name, partition, start, fresh, began)
                self._positions.reached(name, partition, fresh[-1].offset + 1)
            for event in group:
                await stream.ack(event)


def _safe(error: BaseException) -> str:
    """Our own errors say what to do; another's message might hold a user's text."""
    return str(error) if type(error).__module__.startswith(("streams.", "midstream.")) else "see the traceback's frames"
