"""What grpc's own log need not say: that a client went away while something was sent to it."""

from __future__ import annotations

import logging

NOISE = "ExecuteBatchError"
"""The library's error of a message that nobody takes any more, which it logs with a traceback; our own line of the
request says that it was cancelled."""


def quieten() -> None:
    """Once for the program; again does nothing more."""
    logging.getLogger("grpc._cython.cygrpc").addFilter(is_news)


def is_news(record: logging.LogRecord) -> bool:
    """Whether the log should have it."""
    error = record.exc_info[1] if record.exc_info else None
    return type(error).__name__ != NOISE
