"""Dispatch only: a command's module is imported when that command runs, so `--help` stays instant."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from importlib import import_module

import click

from midstream import __version__

# name: (module that holds a click command of the same name, one line for --help)
COMMANDS: dict[str, tuple[str, str]] = {
    "broker": ("midstream.commands.broker", "Start, stop and inspect the local Apache Kafka broker."),
    "topics": ("midstream.commands.topics", "Create the topics from the reviewed table."),
    "ingest": ("midstream.commands.ingest", "Read a source (git, files, notebooks, events) into its topic."),
    "worker": ("midstream.commands.worker", "Run one stage: prepare, dedup, redact or pack."),
    "tokenizer": ("midstream.commands.tokenizer", "Train or inspect a tokenizer."),
    "fim": ("midstream.commands.fim", "Show what a file becomes in a FIM format."),
    "explain": ("midstream.commands.explain", "Show what every rule says of a file."),
    "redact": ("midstream.commands.redact", "Find secrets and personal data in files."),
    "pii": ("midstream.pii", "Train a model that finds names and secrets, for redaction."),
    "recipes": ("midstream.recipes", "Show recipes, and compare what they do to documents."),
    "recall": ("midstream.recall", "Find the pages of a crawl that speak of code."),
    "models": (
        "midstream.commands.models",
        "Bring weights in, choose which are served, write them for others.",
    ),
    "train": ("midstream.commands.train", "Train on the stream, writing checkpoints."),
    "serve": ("midstream.commands.serve", "Serve completions over gRPC, following the checkpoints."),
    "token": ("midstream.commands.token", "Make a token for someone who may ask the server."),
    "lsp": ("midstream.commands.lsp", "Run the language server over stdio."),
    "complete": ("midstream.commands.complete", "Complete FILE:LINE:COL from the shell."),
    "export": ("midstream.commands.export", "Write the clean stream as files for other trainers."),
    "peek": ("midstream.commands.peek", "Print decoded records of a topic."),
    "status": ("midstream.commands.status", "Lag, counts, drop reasons and the conservation sum."),
    "audit": ("midstream.commands.audit", "Account for every document of the source topics by its id."),
    "repair": ("midstream.commands.repair", "Find what is missing between the stages and bring it back."),
    "deadletters": ("midstream.commands.deadletters", "List, retry or discard what could not be processed."),
    "up": ("midstream.commands.up", "Run everything on your own repositories."),
    "demo": ("midstream.commands.demo", "Run the whole path once on real input and report."),
}

LONG_RUNNING = frozenset(("ingest", "serve", "train", "worker"))
"""Everything of theirs is closed when their command ends. Taking apart what they have imported would take seconds more,
and whoever pressed Ctrl-C waits for it."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and help lines without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Midstream keeps a code model current: commits in, completions out."""


def program() -> None:
    """What the console script and `python -m midstream` run."""
    try:
        main(prog_name="midstream")
    except SystemExit as end:
        if sys.argv[1:2] and sys.argv[1] in LONG_RUNNING:
            _leave(end.code)
        raise


def _leave(code: object) -> None:
    """The end, without what the interpreter takes apart at it; unless a thread is still to be waited for."""
    if any(t is not threading.current_thread() and not t.daemon for t in threading.enumerate()):
        return
    if not isinstance(code, int | None):
        click.echo(str(code), err=True)
        code = 1
    atexit._run_exitfuncs()  # pyright: ignore[reportAttributeAccessIssue]
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code or 0)
