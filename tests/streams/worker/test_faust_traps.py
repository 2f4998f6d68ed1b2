"""What Faust loses, measured on the real broker, so that a new version that behaves otherwise is seen;
and the ban on all of it in our own code (architecture §3, facts of faust-streaming 0.15.3)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.kafka.connection import Connection
from tests.tree import ROOT

STREAMS = ROOT / "streams"

BANNED = {
    r"\.take\(": "acknowledges a batch that failed, and all that was buffered",
    r"\.group_by\(": "does not notice failed deliveries",
    r"\.through\(": "does not notice failed deliveries",
    r"\bTable\(|GlobalTable\(": "cannot be written in a batch, and its changelog is not tied to offsets",
    r"exactly_once": "produces outside the transaction",
    r"concurrency=(?!1\b)": "commits past records that are still worked on",
    r"producer_threaded": "never tells of failures",
    r"\btopic\.send\(|channel\.send\(": "returns before the delivery",
    r"value_type=(?!bytes\b)|key_type=(?!bytes\b)": "stalls silently at the first undecodable record",
    r"(?<!noack\(\))\.events\(": "acknowledges the record that failed",
}
"""Pattern to the reason. `app.Table` alone: our own table of signatures has another name."""

EXAMPLES = (
    "async for x in stream.take(10, within=1):", "stream.group_by(Event.key)", "table = app.Table('t')",
    'processing_guarantee="exactly_once"', "app.agent(t, concurrency=2)", "producer_threaded=True",
    "await topic.send(value=x)", "app.topic('t', value_type=Event)", "async for e in stream.events():",
)  # fmt: skip
FINE = (
    "stream.noack_take(10, within=1)", "stream.noack().events()", "app.agent(t, concurrency=1)",
    "app.topic('t', key_type=bytes, value_type=bytes)", "self._producer.send_and_wait(topic, value)",
)  # fmt: skip


def code_of(path: Path) -> str:
    """A file without its comments and docstrings."""
    text = re.sub(r'"""(?s:.*?)"""', "", path.read_text(encoding="utf-8"))
    return re.sub(r"#.*", "", text)


def found_in(code: str) -> set[str]:
    return {pattern for pattern in BANNED if re.search(pattern, code)}


def imports_faust(code: str) -> bool:
    return bool(re.search(r"^\s*(import|from) (faust|mode)\b", code, re.MULTILINE))


def test_the_ban_sees_what_it_bans():
    assert all(found_in(example) for example in EXAMPLES)
    assert {pattern for example in EXAMPLES for pattern in found_in(example)} == set(BANNED) - {r"\.through\("}
    assert not any(found_in(example) for example in FINE)


def test_faust_is_imported_by_one_file_and_nothing_banned_is_in_it():
    importing = [path for path in STREAMS.rglob("*.py") if imports_faust(code_of(path))]
    assert sorted(importing) == [STREAMS / "worker" / "app.py", STREAMS / "worker" / "transport.py"]
    assert not any(found_in(code_of(path)) for path in importing)


def test_what_faust_is_told_is_what_the_pattern_needs():
    code = code_of(STREAMS / "worker" / "app.py")
    for needed in (
        "agent_supervisor=CrashingSupervisor", "stream_wait_empty=True", "concurrency=1", "web_enabled=False",
        'consumer_auto_offset_reset="none"', "topic_allow_declare=False", 'processing_guarantee="at_least_once"',
        "broker_session_timeout=10",
    ):  # fmt: skip
        assert needed in code


APP = """
import sys, faust
from mode.supervisors import CrashingSupervisor
brokers, group, name, how, folder = sys.argv[1:]
app = faust.App(
    group, broker="kafka://" + brokers, datadir=folder, agent_supervisor=CrashingSupervisor, stream_wait_empty=True,
    topic_allow_declare=False, topic_disable_leader=True, web_enabled=False, broker_commit_interval=0.2,
    consumer_auto_offset_reset="earliest", reply_create_topic=False, broker_session_timeout=10,
)
topic = app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
def work(value):
    if value == b"5":
        raise RuntimeError("at 5")
    print("did", value.decode(), flush=True)
@app.agent(topic, concurrency=1)
async def agent(stream):
    if how == "events":
        async for event in stream.events():
            work(event.value)
    elif how == "noack_events":
        async for event in stream.noack().events():
            work(event.value)
            await stream.ack(event)
    elif how == "take":
        async for values in stream.take(3, within=0.5):
            for value in values:
                work(value)
    elif how == "noack_take":
        async for events in stream.noack_take(3, within=0.5):
            for event in events:
                work(event.value)
            for event in events:
                await stream.ack(event)
worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, stdout=sys.stderr, quiet=True)
worker.execute_from_commandline()
"""
"""Ten records 0 to 9; the body raises at 5."""

FAILS_AT = 5
HOW = ("events", "noack_events", "take", "noack_take")


PATIENCE_S = 120
"""Of a busy machine: how long a worker may take to start, to fail and to leave its group."""

TRIES = 4
"""Faust now and then hangs on its way out, once in some hundred ends: such a worker says nothing about what it
commits, and another one begins the topic anew in a group of its own."""


@dataclass(frozen=True)
class Ended:
    committed: int
    """The group's next offset after the worker died."""
    done: set[int]
    """Records that the body finished."""


@pytest.fixture(scope="module")
def ended(broker: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """Each way of taking records in a process of its own, all at the same time."""
    connection = Connection(brokers=broker, prefix="traps.")
    with connection.admin() as admin:
        admin.create_topics({connection.topic(how): {"num_partitions": 1, "replication_factor": 1} for how in HOW})
        admin.wait_for_topics([connection.topic(how) for how in HOW])
    with connection.producer() as producer:
        for future in [producer.send(connection.topic(how), str(n).encode()) for how in HOW for n in range(10)]:
            future.get(timeout=10)
    ends: dict[str, Ended] = {}
    for attempt in range(TRIES):
        with ExitStack() as stack:
            running = {}
            for how in HOW:
                if how not in ends:
                    running[how] = start(connection, how, attempt, tmp_path_factory.mktemp(how))
                    stack.enter_context(running[how])
                    stack.callback(running[how].kill)
            left = {how: end(connection, how, attempt, process) for how, process in running.items()}
        ends |= {how: seen for how, seen in left.items() if seen is not None}
    return ends


def group_of(connection: Connection, how: str, attempt: int) -> str:
    return connection.group(f"{how}-{attempt}")


def start(connection: Connection, how: str, attempt: int, folder: Path) -> subprocess.Popen[str]:
    where = [connection.brokers, group_of(connection, how, attempt), connection.topic(how), how, str(folder)]
    return subprocess.Popen(
        [sys.executable, "-c", APP, *where], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def end(connection: Connection, how: str, attempt: int, process: subprocess.Popen[str]) -> Ended | None:
    """What the worker did and committed; None where it hung on its way out before it showed that."""
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1, "a crash of the agent must end the worker"
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    done = {json.loads(line.split()[1]) for line in output.splitlines() if line.startswith("did ")}
    seen = Ended(connection.group_offsets(group_of(connection, how, attempt)).get((how, 0), 0), done)
    lost_already = how in ("events", "take") and seen.committed > FAILS_AT
    return seen if process.returncode == 1 or lost_already else None


@pytest.mark.broker
def test_plain_events_commits_past_the_record_that_failed(ended):
    assert ended["events"].done == set(range(FAILS_AT))
    assert ended["events"].committed > FAILS_AT


@pytest.mark.broker
def test_take_commits_past_what_it_never_handed_out(ended):
    assert ended["take"].done == set(range(FAILS_AT))
    assert ended["take"].committed > FAILS_AT


@pytest.mark.broker
@pytest.mark.parametrize(("how", "first"), [("noack_events", 5), ("noack_take", 3)])
def test_our_two_ways_leave_it_for_the_next_worker(ended, how, first):
    assert ended[how].done == set(range(FAILS_AT))
    assert ended[how].committed <= first
