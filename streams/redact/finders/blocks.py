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
    key = _TAIL.sub(b"", body.group())
    if first := _FIRST.search(key, _BREAKS.match(key).end()):  # type: ignore[union-attr]
        yield at + first.start(), at + len(key), "key"


_BREAKS = re.compile(rb"(?:\\{1,4}[nrt]|[\s\"'`+,.#*|>/;&-])*")
_TAIL = re.compile(rb"(?:\\{1,4}[nrt]|[\s\"'`+\\*#|>&(){}\[\];,-])+\Z")
_OPENED = re.compile(
    rb"(?:[ ][a-z]{1,10})?(?:\\[nr]|[\s\"'`+,.#*|>/;&-]){0,80}(?:(?:[A-Z][A-Za-z-]{2,20}: ?[^\n\\]{0,80})(?:\\[nr]|"
    rb"[\s\"'`+,#*|>]){1,80}){0,4}[A-Za-z0-9+/=]{16}"
)
"""What follows the first line: lines of a head, and a line of base64; a text that only names the line goes on
otherwise."""
_FIRST = re.compile(rb"[A-Za-z0-9+/=]{16}")


_DATA = re.compile(
    rb"(?m)^(?P<indent>[ \t]{0,16}(?:- )?)(?:data|binaryData):[ \t]*(?:#[^\n]{0,200})?\n"
    rb"|[\"'](?:data|binaryData)[\"']\s{0,4}:\s{0,4}\{"
)
_ROW = re.compile(
    rb"(?m)^[ \t]{1,24}[\"']?[\w.-]{1,80}[\"']?:[ \t]*(?:[|>][-+]?[ \t]*\n[ \t]+)?"
    rb"[\"']?(?P<secret>[A-Za-z0-9+/]{8,4000}={0,2})[\"']?[ \t]*$"
)
_JSON_ROW = re.compile(rb"[\"'][\w.-]{1,80}[\"']\s{0,4}:\s{0,4}[\"'](?P<secret>[A-Za-z0-9+/]{8,4000}={0,2})[\"']")
_CUTS = (b"kind:", b'kind":', b"\n---")
"""Where another thing of the file is told what it is."""
SECRET_BYTES = 4_000
"""Of a manifest, on either side of the line that says what it is."""


def manifest(text: Text, start: int, end: int) -> Iterator[Span]:
    """The values of a Secret of Kubernetes, which are between the kinds around it: all of them are one, in base64."""
    back, ahead = max(0, start - SECRET_BYTES), min(len(text.data), end + SECRET_BYTES)
    first = max(back, *(at + len(cut) for cut in _CUTS if (at := text.data.rfind(cut, back, start)) >= 0), back)
    last = min((at for cut in _CUTS if (at := text.data.find(cut, end, ahead)) >= 0), default=ahead)
    window = text.window(first, last)
    for data in _DATA.finditer(window):
        begin, stop, row = _rows(window, data)
        before, after = sorted(((begin, stop), (start - first, end - first)))
        if _is_item(window[before[1] : after[0]], data["indent"]):
            continue
        for value in row.finditer(window, begin, stop):
            if len(value["secret"]) % 4 == 0:
                yield first + value.start("secret"), first + value.end("secret"), "key"


def _rows(window: bytes, data: re.Match[bytes]) -> tuple[int, int, re.Pattern[bytes]]:
    """Where the names and values stand: in braces, or on lines that begin further in."""
    at = data.end()
    if data["indent"] is None:
        stop = window.find(b"}", at, at + SECRET_BYTES)
        return at, stop if stop >= 0 else len(window), _JSON_ROW
    deeper, stop = len(data["indent"]), at
    while stop < len(window):
        line = window[stop : window.find(b"\n", stop) % (len(window) + 1)]
        if line.strip() and len(line) - len(line.lstrip()) <= deeper:
            break
        stop += len(line) + 1
    return at, min(stop, len(window)), _ROW


def _is_item(between: bytes, indent: bytes | None) -> bool:
    """Whether another item of the list begins between the values and the line that says what they are."""
    item = None if indent is None or len(indent) < 2 else b"\n" + b" " * (len(indent) - 2) + b"- "
    return item is not None and item in b"\n" + between


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
        (r"(?i)kind[\"']?\s{0,4}:\s{0,4}[\"']?secret[\"']?[\s,}]",),
        manifest,
        (
            "kind: Secret\nmetadata:\n  name: x\ndata:\n  extra: YWRtaW46cGFzc3dvcmQ=\n",
            "data:\n  a: 'V29sa2U3Nw=='\nkind: Secret\n",
            "items:\n- data:\n    a: V29sa2U3Nw==\n  kind: Secret\n",
            '{"kind": "Secret", "data": {"extra": "V29sa2U3Nw=="}}',
        ),
        (
            "items:\n- kind: ConfigMap\n  data:\n    extra: V29sa2U3Nw==\n- kind: Secret\n  data:\n",
            "kind: ConfigMap\ndata:\n  extra: YWRtaW46cGFzc3dvcmQ=\n",
            "kind: Secret\nmetadata:\n  name: abcdefgh\n",
        ),
        is_long=True,
        looks_back=True,
    ),
)
