"""The options that most commands share, and errors as one sentence instead of a stack trace."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from midstream.machine.disk import warning
from midstream.settings import Settings, SettingsError, load

REPORTED = {
    "model.mapping": ("SettingsError",),
    "midstream.kafka.jars": ("JarsError",),
    "midstream.machine.afford": ("TooLarge",),
    "midstream.models.fits": ("OtherModel",),
    "midstream.models.weights": ("CannotImport",),
    "midstream.pii.labelled": ("BadLabels",),
    "midstream.pii.training": ("TooLittle",),
    "model.encoder.fitting": ("NotFinite",),
    "midstream.processes.lock": ("FolderInUse", "NoLocks"),
    "midstream.kafka.broker": ("BrokerError",),
    "streams.kafka.connection": ("GroupInUse", "Unreachable"),
    "streams.kafka.topics": ("TopicsError",),
    "streams.kafka.positions": ("Expired",),
    "streams.kafka.log": ("Stalled",),
    "streams.frame": ("Gap",),
    "streams.feed.fit": ("WrongTokenizer", "WrongPacking"),
    "streams.feed.left": ("Lost", "WorkersAtWork"),
    "model.families.reading": ("Refused", "Uninstalled"),
    "model.fim.choice": ("UnfitTokenizer",),
    "model.manifest": ("CheckpointError", "NewerCheckpoint"),
    "model.low_rank": ("OtherBase",),
    "model.reign": ("Superseded",),
    "model.training.train": ("Diverged",),
    "streams.redact.ner.folder": ("UnusableModel",),
    "streams.sources.delivery": ("Undelivered",),
    "streams.sources.github.store": ("StoreError",),
    "streams.sources.git.objects": ("GitError",),
}
"""Module to its errors whose message is all that a user needs. By name: the modules are heavy."""


THE_USERS = frozenset(
    [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP]
)
"""Errors of the system about a path that only its user can mend."""


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --config, --brokers and --prefix and passes the Settings as the keyword `settings`."""

    @click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file of settings.")
    @click.option("--brokers", help="host:port of a Kafka cluster, several separated by commas.")
    @click.option("--prefix", help="What topic names begin with.")
    @functools.wraps(command)
    def run(*args: Any, config: Path | None, brokers: str | None, prefix: str | None, **kwargs: Any) -> Any:
        try:
            settings: Settings = load(config).with_kafka(brokers=brokers, prefix=prefix)
        except SettingsError as error:
            raise click.ClickException(str(error)) from error
        keep_private(settings.paths.state)
        try:
            return command(*args, settings=settings, **kwargs)
        except Exception as error:
            if type(error).__name__ == "Unreachable" and (word := warning(settings.paths.state)):
                raise click.ClickException(f"{error} {word}") from error
            raise

    return reported(run)


def keep_private(state: Path) -> None:
    """What is written from here on can be read by its owner alone, and so can the state folder that is there."""
    os.umask(0o077)
    with suppress(OSError):  # another owner's folder: reading it is theirs to allow
        if state.stat().st_mode & 0o077:
            state.chmod(0o700)


without_lock = click.option(
    "--without-lock",
    is_flag=True,
    help="Go on where the file system gives no locks: see to it yourself that there is one alone.",
)


def reported(command: Callable[..., Any]) -> Callable[..., Any]:
    """Shows the errors of REPORTED as one sentence and ends with code 1."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except Exception as error:
            if type(error).__name__ in REPORTED.get(type(error).__module__, ()):
                raise click.ClickException(str(error)) from error
            if isinstance(error, OSError) and error.filename and error.errno in THE_USERS:
                raise click.ClickException(f"{error.filename}: {error.strerror}") from error
            raise

    return run
