"""What a program waits for at its start, and says once: a broker that answers, a tokenizer's file.

Until it has begun, a signal ends it well: there is nothing to save.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from streams.kafka.connection import Connection, Unreachable

log = logging.getLogger("midstream.streams")

LOOK_S = 0.5


def end_well() -> None:
    """SIGTERM, SIGINT and SIGHUP end the program with code 0, until it sets handlers of its own."""

    def end(number: int, at: FrameType | None) -> None:
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)


def broker(connection: Connection, who: str) -> None:
    """Returns once a broker answers; until then `who` waits, and says so once."""
    said = False
    while True:
        try:
            connection.reach()
            break
        except Unreachable as error:
            if not said:
                log.warning("%s waits: %s", who, error)
            said = True
            time.sleep(LOOK_S)
    if said:
        log.warning("the broker answers: %s begins", who)


def tokenizer_file(path: Path, who: str) -> Path:
    """The path, once the file is there; until then `who` waits, and says so once."""
    said = False
    while not path.exists():
        if not said:
            log.warning("%s waits for %s: make it with `midstream tokenizer train --from-topic`", who, path)
            said = True
        time.sleep(LOOK_S / 2)
    return path
