"""`midstream worker STAGE`: one stage, one process, one member of the stage's consumer group."""

from __future__ import annotations

import logging
import os
import signal
import sys

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings
from streams.stages import STAGES

LOG_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"


@click.command()
@click.argument("stage", type=click.Choice([stage.name for stage in STAGES]))
@with_settings
def worker(settings: Settings, stage: str) -> None:
    """Run STAGE until SIGTERM, SIGHUP or Ctrl-C; exits 1 when it must be started again."""
    from midstream.processes import waits
    from midstream.processes.errors import Errors
    from midstream.processes.stages import build
    from streams.worker.app import Place, run

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=LOG_FORMAT)
    logging.getLogger("midstream").setLevel(logging.INFO)
    waits.end_well()
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # Faust knows that one
    connection = settings.connection()
    state, program = settings.paths.state, f"worker {stage}"
    errors = Errors(state, settings.kafka.prefix)
    with errors.noted(program):
        waits.broker(connection, program)
        built, attempts = build(stage, settings, connection)
        folder = state / "faust" / f"{stage}-{attempts.slot}"
        folder.mkdir(parents=True, exist_ok=True)
        code = run(Place(connection, connection.group(stage), folder), built)
    if code == 0:
        attempts.end()
    for error in built.watch.errors[:1]:
        errors.note(program, error, attempts.record)
    sys.exit(code)
