"""Keys in blocks of lines: PEM, OpenPGP, PuTTY, age."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.redact.detector import Detector, Span, Text

MAX_BLOCK = 65_536
_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(rb"(?:[A-Za-z0-9+/=_.:,;-]|\\[nr]|[\s\"'`+*#|>\\<&(){}\[\]]){40,65536}")


def private(text: Text, start: int, end: int) -> Iterator[Span]:
    window = text.window(start, start + MAX_BLOCK)
    begin = _BEGIN.match(window)
    if begin is None:
        return
    stop = window.find(b"-----END", begin.end())
    body = _BODY.match(window, begin.end())
    if body is None:
        return
    last = min(stop if stop > 0 else len(window), body.end())
    key = window[begin.end() : last]
    first = re.search(rb"[A-Za-z0-9+/=]{16}", key)
    if first:
        yield (
            start + begin.end() + first.start(),
            start + begin.end() + len(key.rstrip(b" \t\r\n\"'`+\\*#|>&(){}[];,-")),
            "key",
        )


BLOCKS: tuple[Detector, ...] = (
    Detector(
        "private_key",
        "key",
        (r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY",),
        private,
        (
            "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEAx7Kq" * 9 + "\n-----END RSA PRIVATE KEY-----",
            '"-----BEGIN EC PRIVATE KEY-----\\n' + "MHcCAQEEIx7KqP0w" * 5 + '\\n"',
        ),
        (
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\n" + "MIIEowIBAAKCAQEAx7Kq" * 9,
            "if line.startswith('-----BEGIN RSA PRIVATE KEY-----'): pass",
        ),
    ),
)
