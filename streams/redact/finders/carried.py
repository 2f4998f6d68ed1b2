"""Secrets that are known by what carries them: JSON web tokens, Authorization headers, the userinfo of a URL."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

import msgspec

from streams.redact import values
from streams.redact.detector import Detector, Span, Text

MAX_TOKEN = 4_096
MIN_LETTERS = 20
"""Of a token without digits."""
_JWT = re.compile(rb"e[yw][A-Za-z0-9_-]{10,2000}\.e[yw][A-Za-z0-9_-]{2,3000}(?:\.[A-Za-z0-9_-]{0,1000})?")
_BASIC = re.compile(rb"(?i)basic[\s:=\"'+]{1,6}(?P<secret>[A-Za-z0-9+/_-]{6,400}={0,2})")
_BEARER = re.compile(
    rb"(?i)(?:bearer|token|negotiate|apikey)[ \t:=\"'+]{1,4}(?P<secret>[A-Za-z0-9+/_.~-]{16,2000}={0,2})"
)
_USERINFO = re.compile(rb"(?P<user>[^\s/@:\"'<>]{0,100}):(?P<secret>[^\s/\"'<>]{1,200})@(?P<host>[\w\[{$%.-])")
_EXAMPLE_USERS = frozenset(("user", "username", "login", "usr", "name", "account", "u", "foo", "me", ""))
EXAMPLES = frozenset(("pass", "password", "passwd", "pwd", "p", "pw", "secret", "token", "pass123", "bar", "port"))


def jwt(text: Text, start: int, end: int) -> Iterator[Span]:
    match = _JWT.match(text.window(start, start + MAX_TOKEN))
    if match and _is_json(match.group().split(b".")[0]):
        yield start, start + match.end(), "key"


def _is_json(head: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4))), dict)
    except (binascii.Error, ValueError):
        return False


def basic(text: Text, start: int, end: int) -> Iterator[Span]:
    match = _BASIC.match(text.window(start, start + 500))
    if match is None:
        return
    secret = match["secret"].decode()
    told = values.decoded(secret + "=" * (-len(secret) % 4))
    if ":" in told:
        yield start + match.start("secret"), start + match.end("secret"), "key"


def bearer(text: Text, start: int, end: int) -> Iterator[Span]:
    match = _BEARER.match(text.window(start, start + MAX_TOKEN))
    if match is None:
        return
    secret = match["secret"].decode()
    if text.window(start + match.end(), start + match.end() + 1) in (b"(", b"[") or values.is_dotted(secret):
        return
    mixed = any(c.isdigit() for c in secret) or (len(secret) >= MIN_LETTERS and not secret.islower() | secret.isupper())
    if mixed and values.is_random(secret) and not values.is_placeholder(secret):
        yield start + match.start("secret"), start + match.end("secret"), "key"


def userinfo(text: Text, start: int, end: int) -> Iterator[Span]:
    begin = text.data.find(b"//", start, end) + 2
    match = _USERINFO.match(text.window(begin, begin + 420))
    if match is None:
        return
    user, secret = match["user"].decode("utf-8", "replace"), match["secret"].decode("utf-8", "replace")
    if values.is_placeholder(secret) or secret[:1] in "${%[(" or values.is_constant(secret):
        return
    if (user.lower() in _EXAMPLE_USERS and secret.lower() in EXAMPLES) or (user == secret and len(secret) < 4):
        return
    yield begin + match.start("secret"), begin + match.end("secret"), "password"


_DSN = re.compile(rb"[\w.-]:(?P<secret>[^\s@/\"'`<>$:]{3,200})\Z")
_ALONE = re.compile(rb"://(?P<secret>[^\s/@:\"'<>$]{16,200})@[\w\[]")


def dsn(text: Text, start: int, end: int) -> Iterator[Span]:
    """As Go's drivers have them: `user:password@tcp(host)`."""
    match = _DSN.search(text.window(start - 220, start))
    if match and match["secret"].decode("utf-8", "replace").lower() not in EXAMPLES:
        yield start - len(match["secret"]), start, "password"


def alone(text: Text, start: int, end: int) -> Iterator[Span]:
    """A token as a URL's only userinfo."""
    match = text.match(_ALONE, start, 240)
    if match and values.is_random(match["secret"].decode("utf-8", "replace")):
        yield match.start("secret"), match.end("secret"), "key"


_ORACLE = re.compile(rb"jdbc:oracle:\w{1,8}:[^\s/@\"'<>]{1,60}/(?P<secret>[^\s@/\"'<>$]{3,100})@")


def oracle(text: Text, start: int, end: int) -> Iterator[Span]:
    match = text.match(_ORACLE, start, 220)
    if match and match["secret"].decode("utf-8", "replace").lower() not in EXAMPLES:
        yield match.start("secret"), match.end("secret"), "password"


CARRIED: tuple[Detector, ...] = (
    Detector(
        "jwt",
        "key",
        (r"(?:ey[A-K0-9]|ewo|ew0)[A-Za-z0-9_-]{10}",),
        jwt,
        (
            "h = eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
            "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        ),
        ("eyJustAWordOfLetters.eyJand.more", "eyebrow_window_manager"),
        is_long=True,
    ),
    Detector(
        "basic",
        "key",
        (r"(?i)\bbasic[\s:=\"'+]{1,6}[A-Za-z0-9+/_-]{6}",),
        basic,
        ("Authorization: Basic YW5uOldvbGtlNzc=",),
        ("basic authentication", "Basic dXNlcg==", "basic_auth=True"),
    ),
    Detector(
        "bearer",
        "key",
        (r"(?i)\b(?:bearer|token|negotiate|apikey)[ \t:=\"'+]{1,4}[A-Za-z0-9+/_.~-]{16}",),
        bearer,
        ("Authorization: Bearer 9f8c7b6a5d4e3f21b0a9c8d7e6f5a4b3",),
        ("Bearer ${TOKEN}", "bearer authentication_required_now", "token expiration_time_in_seconds"),
        is_long=True,
    ),
    Detector(
        "userinfo",
        "password",
        (r"://[^\s/@:\"'<>]*:[^\s@\"'<>]+@",),
        userinfo,
        ("postgres://ann:Wolke77@db.mail.org/x", "https://ann:9f8c7b6a@h.org"),
        ("https://user:password@h.org", "http://h.org:8080/a@b", "redis://:${PASSWORD}@h", "https://$USER:$PASS@h.org"),
    ),
    Detector(
        "dsn",
        "password",
        (r"@tcp\(", r"@udp\(", r"@unix\("),
        dsn,
        ('dsn := "svc:Wolke77@tcp(10.0.0.5:3306)/shop"',),
        ("user:password@tcp(host)", "x@tcp(h)"),
    ),
    Detector(
        "alone",
        "key",
        (r"://[^\s/@:\"'<>$]+@",),
        alone,
        ("git clone https://9f8c7b6a5d4e3f21b0a9c8d7@git.firma.org/x.git",),
        ("https://organization-name@dev.azure.com/x", "https://my-long-user-name@h.org"),
    ),
    Detector(
        "oracle",
        "password",
        (r"jdbc:oracle:\w+:[^\s/@]+/[^\s@]",),
        oracle,
        ("jdbc:oracle:thin:ann/Wolke77x@db:1521:x",),
        ("jdbc:oracle:thin:@db:1521:x", "jdbc:oracle:thin:scott/password@db"),
    ),
)
