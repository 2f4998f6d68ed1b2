"""Keys in blocks of lines: PEM, OpenPGP, PuTTY, age."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.redact.detector import Detector, Span, Text

MAX_BLOCK = 65_536
_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(rb"(?:[A-Za-z0-9+/=_.:,;-]|\\[nr]|[\s\"'`+*#|>\\<&(){}\[\]]){40,65536}")


def private(text: Text, start: int, end: int) -> Iterator[Span]:
    """Up to the next line of dashes; a key may break off."""
    begin = text.match(_BEGIN, start, 100)
    if begin is None:
        return
    at = begin.end()
    stop = text.data.find(b"-----", at, at + MAX_BLOCK)
    body = text.match(_BODY, at, (stop if stop >= 0 else at + MAX_BLOCK) - at)
    if body is None or text.match(_OPENED, at, 400) is None:
        return
    key = body.group().rstrip(_AROUND)
    if first := _FIRST.search(key):
        yield at + first.start(), at + len(key), "key"


_AROUND = b" \t\r\n\"'`+\\*#|>&(){}[];,-"
_OPENED = re.compile(
    rb"(?:[ ][a-z]{1,10})?(?:\\[nr]|[\s\"'`+,.#*|>/;&-]){0,80}(?:(?:[A-Z][A-Za-z-]{2,20}: ?[^\n\\]{0,80})(?:\\[nr]|"
    rb"[\s\"'`+,#*|>]){1,80}){0,4}[A-Za-z0-9+/=]{16}"
)
"""What follows the first line: lines of a head, and a line of base64; a text that only names the line goes on "
"otherwise."""
_FIRST = re.compile(rb"[A-Za-z0-9+/=]{16}")


_DATA = re.compile(rb"(?m)^[ \t]{0,8}(?:data|binaryData):[ \t]*\n(?P<rows>(?:[ \t]{1,12}[^\n]{0,4000}\n?){1,40})")
_ROW = re.compile(
    rb"(?m)^[ \t]{1,12}[\"']?[\w.-]{1,80}[\"']?:[ \t]*(?:[|>][-+]?[ \t]*\n[ \t]+)?"
    rb"[\"']?(?P<secret>[A-Za-z0-9+/]{8,4000}={0,2})[\"']?[ \t]*$"
)
SECRET_BYTES = 4_000
"""Of a manifest, on either side of the line that says what it is."""


def manifest(text: Text, start: int, end: int) -> Iterator[Span]:
    """The values of a Secret of Kubernetes: all of them are one, in base64."""
    first = max(text.data.rfind(b"\n---", max(0, start - SECRET_BYTES), start), start - SECRET_BYTES, 0)
    last = text.data.find(b"\n---", end, end + SECRET_BYTES)
    window = text.window(first, last if last >= 0 else end + SECRET_BYTES)
    if data := _DATA.search(window):
        for row in _ROW.finditer(data["rows"]):
            if len(row["secret"]) % 4 == 0:
                yield (
                    first + data.start("rows") + row.start("secret"),
                    first + data.start("rows") + row.end("secret"),
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
        is_long=True,
    ),
    Detector(
        "manifest",
        "key",
        (r"(?i)kind:\s{1,4}[\"']?secret[\"']?\s",),
        manifest,
        (
            "kind: Secret\nmetadata:\n  name: x\ndata:\n  extra: YWRtaW46cGFzc3dvcmQ=\n",
            "data:\n  a: 'V29sa2U3Nw=='\nkind: Secret\n",
        ),
        ("kind: ConfigMap\ndata:\n  extra: YWRtaW46cGFzc3dvcmQ=\n", "kind: Secret\nmetadata:\n  name: abcdefgh\n"),
        is_long=True,
    ),
)
