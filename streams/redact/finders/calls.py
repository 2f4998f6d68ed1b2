"""Passwords as arguments of calls that are known to take them: `HTTPBasicAuth("ann", "…")`, `new mysqli(host, user, "
""…")`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.redact import judge
from streams.redact.detector import Detector, Span, Text

PLACES: dict[str, int] = {
    "HTTPBasicAuth": 1, "HTTPDigestAuth": 1, "auth=": 1, ".login": 1, "NetworkCredential": 1, "getConnection": 2,
    "mysqli": 2, "mysqli_connect": 2, "mysql_connect": 2, "pg_connect": 2, "PDO": 2, "WiFi.begin": 1,
    "PasswordAuthentication": 1, "UsernamePasswordCredentials": 1, "setBasicAuth": 1, "SetBasicAuth": 1,
    "basic_auth": 1,
    "BasicAuth": 1, "ConvertTo-SecureString": 0,
}  # fmt: skip
"""What stands before the arguments, and which of them is the password, from 0."""
_ARGUMENT = re.compile(
    rb"\s{0,20}(?:(?P<quote>[\"'])(?P<said>(?:[^\"'\\\n]|\\.){0,200})(?P=quote)|[^,()\"'\n]{1,120}(?:\([^()\n]{0,80}\))?)\s{0,8}"
)
_CALLED = re.compile(rb"(?P<name>auth=|\.login|[\w.-]{4,30})\s{0,2}(?:\(|[ \t]{1,4}(?:-String[ \t]{1,4})?(?=[\"']))")
MOST = 400


def argument(text: Text, start: int, end: int) -> Iterator[Span]:
    """The quoted string at its place among the arguments."""
    called = text.match(_CALLED, start, 60)
    wanted = PLACES.get(called["name"].decode()) if called else None
    if called is None or wanted is None:
        return
    at, last = called.end(), min(len(text.data), start + MOST)
    for number in range(wanted + 1):
        text.work += 220
        one = _ARGUMENT.match(text.data, at, last)
        if one is None:
            return
        if number == wanted and one["quote"]:
            value = one["said"].decode("utf-8", "replace")
            if judge.kind_of("password", value, text.place, True):
                yield one.start("said"), one.end("said"), "password"
        if text.data[one.end() : one.end() + 1] != b",":
            return
        at = one.end() + 1


_PIPED = re.compile(
    rb"echo[ \t]{1,4}(?:-n[ \t]{1,4})?(?P<quote>[\"']?)(?:[\w.-]{1,40}:)?"
    rb"(?P<secret>[^\s\"'|$:]{4,100})(?P=quote)"
    rb"[ \t]{0,4}\|[ \t]{0,4}(?:sudo[ \t]{1,4})?(?:chpasswd|passwd[ \t]--stdin|sudo[ \t]-S|(?:docker|podman|"
    rb"helm)[^\n|]{0,120}--password-stdin)"
)


def piped(text: Text, start: int, end: int) -> Iterator[Span]:
    """What is written to a program that reads a password."""
    match = text.match(_PIPED, start, 400)
    if match and judge.is_told(match["secret"].decode("utf-8", "replace")):
        yield match.start("secret"), match.end("secret"), "password"


CALLS: tuple[Detector, ...] = (
    Detector(
        "argument",
        "password",
        (*(f"{re.escape(name)}[ \\t]*\\(" for name in PLACES if "-" not in name), "ConvertTo-SecureString[ \\t]"),
        argument,
        (
            'auth=("ann", "Wolke77x")', "HTTPBasicAuth('ann', 'Wolke77x')", 'smtp.login("ann@x", "Wolke77x")',
            'DriverManager.getConnection(url, "root", "Wolke77x")', "new mysqli('h', 'root', 'Wolke77x', 'db')",
            'ConvertTo-SecureString "Wolke77x" -AsPlainText', 'WiFi.begin("net", "Wolke77x");',
        ),
        (
            "auth=(user, password)", "HTTPBasicAuth('user', 'password_here')", "client.login(token)",
            "getConnection(url, user, password)", "WiFi.begin(ssid, pass);", 'auth=("", "")',
        ),
    ),
    Detector(
        "piped",
        "password",
        tuple(rf"echo[ \t][^\n|]+\|[ \t]*{last}" for last in ("chpasswd", "sudo chpasswd", "sudo -S", "docker login")),
        piped,
        ("echo 'root:Wolke77x' | chpasswd", "echo Wolke77x | sudo -S apt update",
         "echo Wolke77x | docker login -u ann --password-stdin"),
        ("echo $PASSWORD | sudo -S ls", "echo '$USER:$PASS' | chpasswd", "echo hello | cat"),
    ),
)  # fmt: skip
