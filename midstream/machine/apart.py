"""A call in a process of its own: the memory that it takes, and what it imports, is gone with that process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def call(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Its value; function, arguments and value are sent, so they can be pickled. What it prints goes where this
    process's does. It ends with this process, and with an interruption of it.

    Raises what it raises, and ChildProcessError where the process ends without a word.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, function, arguments, named))
    process.start()
    theirs.close()
    try:
        error, value = ours.recv()
    except EOFError:
        process.join()
        raise ChildProcessError(f"the process ended with {process.exitcode}: is there memory for it?") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if error is not None:
        raise error
    return value


def _answer(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the parent's, which ends this process
    threading.Thread(target=_follow, daemon=True).start()
    try:
        pipe.send((None, function(*arguments, **named)))
    except Exception as error:
        pipe.send((error, None))


def _follow() -> None:
    """Into the parent's end."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
