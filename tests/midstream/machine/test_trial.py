"""What a program tries out is not waited for when the one that asks is to end."""

from __future__ import annotations

import sys
import threading

from midstream.machine.trial import output

WAITS = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_what_it_prints() -> None:
    assert output([sys.executable, "-c", "print('x' * 300_000)"], 60) == "x" * 300_000 + "\n"


def test_nothing_where_it_fails_or_takes_too_long() -> None:
    assert output([sys.executable, "-c", "print(1); raise SystemExit(3)"], 60) is None
    assert output(WAITS, 0.3) is None


def test_it_is_ended_with_the_one_that_asked() -> None:
    ending, said = threading.Event(), list[str | None]()
    asking = threading.Thread(target=lambda: said.append(output(WAITS, 600, ending.is_set)))
    asking.start()
    ending.set()
    asking.join()
    assert said == [None]
