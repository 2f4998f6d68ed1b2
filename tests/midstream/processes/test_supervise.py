"""The supervisor with real child processes: restarts, one ordered end, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from midstream.processes.supervise import Program, Supervisor, rotate

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


def python(name: str, source: str, **more) -> Program:
    return Program(name, (sys.executable, "-c", source), **more)


async def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_what_dies_is_started_again_and_what_is_done_is_not(tmp_path):
    count = (
        "import pathlib; open('starts', 'a').write('x'); raise SystemExit(pathlib.Path('starts').stat().st_size < 2)"
    )
    once = python("once", f"import os; os.chdir({str(tmp_path)!r}); {count}", once=True)
    supervisor = Supervisor([Program("sleeper", SLEEP), once], tmp_path / "logs")
    await supervisor.start()
    first = supervisor.running["sleeper"]
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.restarts["sleeper"] == 1 and supervisor.running.get("sleeper", first) != first)
    await until(lambda: supervisor.done == {"once"})
    assert supervisor.restarts == {"sleeper": 1, "once": 1}
    assert "ended with -9; starts again in 0.5 s" in (tmp_path / "logs/sleeper.log").read_text()
    second = supervisor.running["sleeper"]
    await supervisor.stop()
    assert not alive(second)
    assert supervisor.running == {}


async def test_a_program_that_dies_again_and_again_is_named(tmp_path):
    supervisor = Supervisor([python("dies", "raise SystemExit(3)"), Program("sleeper", SLEEP)], tmp_path)
    await supervisor.start()
    await until(lambda: supervisor.restarts["dies"] == 2)
    assert supervisor.failing == []
    await until(lambda: supervisor.restarts["dies"] == 3)
    assert supervisor.failing == ["dies"]
    await supervisor.stop()


async def test_one_that_runs_on_is_well_again(tmp_path):
    """Twice as long as between its ends; until then it may die again."""
    supervisor = Supervisor([Program("sleeper", SLEEP)], tmp_path)
    await supervisor.start()
    child, now = supervisor._children["sleeper"], time.monotonic()
    for ago, expected in ((100.0, True), (139.0, True), (141.0, False)):
        child.restarted_at = [now - ago - 140, now - ago - 70, now - ago]
        assert child.fails(now) == expected
    await supervisor.stop()
    child.restarted_at = [now - 290, now - 220, now - 150]
    assert child.fails(now)
    assert not child.fails(now + 20)


async def test_waits_grow_with_each_death(tmp_path):
    supervisor = Supervisor([python("dies", "raise SystemExit(3)")], tmp_path)
    await supervisor.start()
    await until(lambda: supervisor.restarts["dies"] == 2)
    await until(lambda: "in 2 s" in (tmp_path / "dies.log").read_text())
    await supervisor.stop()
    assert [word for word in (tmp_path / "dies.log").read_text().split() if word in ("0.5", "1", "2")] == [
        "0.5",
        "1",
        "2",
    ]
    assert supervisor.last_code("dies") == 3


async def test_all_are_told_to_end_and_the_deaf_are_killed(tmp_path):
    says = (
        "import signal, sys, time; name = {0!r}\n"
        "def end(*_): open({1!r}, 'a').write(name); time.sleep({2}); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True)\nwhile True: time.sleep(60)"
    )
    told = str(tmp_path / "order")
    made = [python(n, says.format(n, told, wait)) for n, wait in (("c", 0), ("a", 0.3), ("b", 60))]
    supervisor = Supervisor(made, tmp_path, grace_s=1.0)
    await supervisor.start()
    await until(lambda: all("ready" in (tmp_path / f"{n}.log").read_text() for n in "abc"))
    await supervisor.stop()
    assert sorted(Path(told).read_text()) == ["a", "b", "c"]
    assert [supervisor.last_code(n) for n in "abc"] == [0, -signal.SIGKILL, 0]


async def test_environment_and_output_reach_their_places(tmp_path):
    source = "import os; print(os.environ['COLOUR'], os.environ['HOME'] != '', flush=True)"
    supervisor = Supervisor([python("told", source, env={"COLOUR": "blue"}, once=True)], tmp_path)
    await supervisor.start()
    await until(lambda: supervisor.done)
    await supervisor.stop()
    assert (tmp_path / "told.log").read_text() == "blue True\n"


def test_children_die_with_a_supervisor_that_is_killed(tmp_path):
    source = f"""
import asyncio
from pathlib import Path
from midstream.processes.supervise import Program, Supervisor
async def main():
    supervisor = Supervisor([Program("sleeper", {SLEEP!r})], Path({str(tmp_path)!r}))
    await supervisor.start()
    print(supervisor.running["sleeper"], flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        asyncio.run(until(lambda: b"sleep(600)" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[2]))
        parent.kill()
    asyncio.run(until(lambda: not alive(child)))


def test_a_log_above_the_limit_is_moved_and_written_on(tmp_path):
    log = tmp_path / "a.log"
    with log.open("a") as writer:
        writer.write("x" * 100)
        writer.flush()
        assert not rotate(log, 100)
        assert rotate(log, 99)
        writer.write("new")
        writer.flush()
    assert log.read_text() == "new"
    assert (tmp_path / "a.log.1").read_text() == "x" * 100


async def test_a_log_that_cannot_be_written_keeps_nothing_from_being_started_again(tmp_path):
    """As on a full disk: every open and write fails."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "dies.log").mkdir()
    supervisor = Supervisor([python("dies", "raise SystemExit(3)")], logs)
    await supervisor.start()
    await until(lambda: supervisor.restarts["dies"] == 2)
    await supervisor.stop()


async def test_a_program_may_have_a_longer_grace_than_the_others(tmp_path):
    slow = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1.5), sys.exit(7)));"
        "open('ready', 'w'); time.sleep(600)"
    )
    where = f"import os; os.chdir({str(tmp_path)!r});"
    supervisor = Supervisor([python("slow", where + slow, grace_s=30)], tmp_path, grace_s=0.2)
    await supervisor.start()
    await until((tmp_path / "ready").exists)
    await supervisor.stop()
    assert supervisor.last_code("slow") == 7
