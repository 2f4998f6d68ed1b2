"""A redact worker whose step hangs at a document that says so: the real shell around a step of the tests."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path

from midstream.settings import load
from streams.document import Document
from streams.each import Call, each
from streams.frame import Frame, Outcome
from streams.redact.documents import redact_document
from streams.worker.app import Place, run
from streams.worker.attempts import Attempts
from streams.worker.careful import Careful, Switch
from streams.worker.counts import Counts
from streams.worker.stage import EachFrame, Watch
from streams.worker.watchdog import Watchdog

HANG = "# hang here"
LIMIT_S, CHILD_S = 5.0, 20.0
"""A slow machine is ended once more than needed, which changes nothing; no document takes a child so long."""


def hang(document: Document) -> Document:
    """Inside one call of C that never lets Python run again."""
    if HANG in document.parts[0].text:
        re.match("(a+)+$", "a" * 64 + "b")
    return redact_document(document)


class Hanging:
    """A step like `streams.redact.stage.Redact`."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __call__(self, frame: Frame) -> Outcome:
        return each(frame, "redact", self._call, hang)


def main(config: str) -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    settings = load(Path(config))
    connection, state = settings.connection(), settings.paths.state
    attempts = Attempts(state / "attempts", "redact")
    watchdog = Watchdog(LIMIT_S, attempts.hung)
    watch = Watch(Counts(state / "counts" / "redact-0.json"), attempts, watchdog)
    step = Hanging(Switch(attempts, watchdog, Careful(CHILD_S)))
    stage = EachFrame("redact", "unique", "clean", step, watch, "00" * 16)  # type: ignore[arg-type]
    sys.exit(run(Place(connection, connection.group("redact"), state / "faust"), stage))
