"""Keys that are known by their form: prefixes, lengths and alphabets, as the vendors describe them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streams.redact import values
from streams.redact.detector import Detector, Span, Text

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MAX_KEY = 600


@dataclass(frozen=True)
class Form:
    """Of a vendor's key."""

    vendor: str
    pattern: str
    """The whole key, an expression that Python and hyperscan both read; it begins with letters that are seldom."""
    example: str
    """A key of this form that opens nothing."""
    check: Callable[[str], bool] = lambda key: True
    """Whether a key that the pattern matches can be one: a checksum."""


def crc32(key: str) -> bool:
    """The last six signs are the CRC-32 of the others behind the prefix, in base 62 (GitHub, npm)."""
    body, told = key[key.index("_") + 1 : -6], key[-6:]
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(6, "0") == told


def _filled(prefix: str, length: int, alphabet: str = "f3Kd92mPq7Zx81LvT0aW") -> str:
    return prefix + (alphabet * 20)[:length]


FORMS: tuple[Form, ...] = (
    Form("aws", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", "AKIA" + "Q2W3E4R5T6Y7U2I5"),
    Form("github", r"gh[pousr]_[A-Za-z0-9]{36,251}", _filled("ghp_", 36)),
    Form("github fine-grained", r"github_pat_[A-Za-z0-9_]{22,100}", _filled("github_pat_", 82)),
    Form("gitlab", r"gl(?:pat|dt|rt|ft|soat|agent|cbt|imt|ptt|oas|ffct)-[A-Za-z0-9_=-]{20,64}", _filled("glpat-", 20)),
    Form(
        "slack", r"xox[abeoprs](?:\.xox[abep])?-[A-Za-z0-9-]{10,250}", "xoxb-2345678901-4567890123-" + _filled("", 24)
    ),
    Form(
        "slack app",
        r"xapp-\d-[A-Za-z0-9]{8,20}-\d{8,20}-[a-f0-9]{32,128}",
        "xapp-1-A1B2C3D4E5-1234567890123-" + _filled("", 64, "9f8c7b6a5d4e3f21"),
    ),
    Form(
        "slack webhook",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_+]{40,80}",
        "hooks.slack.com/services/T1A2B3C4D/B1A2B3C4D/" + _filled("", 24),
    ),
    Form("stripe", r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,120}", _filled("sk_live_", 24)),
    Form("google", r"AIza[0-9A-Za-z_-]{35}", _filled("AIza", 35)),
    Form("google oauth", r"GOCSPX-[A-Za-z0-9_-]{28}", _filled("GOCSPX-", 28)),
    Form("google token", r"ya29\.[0-9A-Za-z_-]{20,400}", _filled("ya29.", 60)),
    Form("openai", r"sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,200}", _filled("sk-proj-", 48)),
    Form("anthropic", r"sk-ant-(?:api|admin|sid)\d{2}-[A-Za-z0-9_-]{80,120}", _filled("sk-ant-api03-", 95)),
    Form("npm", r"npm_[A-Za-z0-9]{36}", _filled("npm_", 36)),
    Form("pypi", r"pypi-AgE[A-Za-z0-9_-]{50,250}", _filled("pypi-AgEIcHlwaS5vcmc", 80)),
    Form("huggingface", r"(?:hf|api_org)_[A-Za-z]{34}", "hf_" + "qWmZrTyBnKpLsDfGhJxCvUoIeAwQzXcRtY"),
    Form("sendgrid", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", _filled("SG.", 22) + "." + _filled("", 43)),
    Form("nats seed", r"S[ACNOUX][A-Z2-7]{56}", "SU" + _filled("", 56, "AEL6RU3BSDAFKOHNTEOK5Q6FTM5FTAM")),
)
"""Vendors' keys, in the order of their looks."""


def _confirm(form: Form) -> Callable[[Text, int, int], Iterator[Span]]:
    whole = re.compile(form.pattern.encode())

    def confirm(text: Text, start: int, end: int) -> Iterator[Span]:
        match = whole.match(text.window(start, start + MAX_KEY))
        if match is None or text.window(start - 1, start).isalnum():
            return
        key = match.group().decode()
        after = text.window(start + match.end(), start + match.end() + 1)
        if after.isalnum() or values.is_placeholder(key) or not form.check(key) or not _is_filled(key):
            return
        yield start, start + match.end(), "key"

    return confirm


def _is_filled(key: str) -> bool:
    """Not one sign again and again, and not letters that follow each other."""
    body = re.split(r"[_.-]", key, maxsplit=1)[-1]
    return len(set(body)) >= min(8, len(body) // 2) and not values.is_sequence(body)


_LONG = re.compile(r"\{(\d{2,})(?:,\d*)?\}|\{([89])(?:,\d*)?\}")


def trigger(pattern: str) -> str:
    """The beginning of a form, up to the eighth sign of its first long run: hyperscan's tables stay small."""
    long = _LONG.search(pattern)
    return pattern if long is None else pattern[: long.start()] + "{8}"


PROVIDERS: tuple[Detector, ...] = tuple(
    Detector(form.vendor, "key", (trigger(form.pattern),), _confirm(form), (form.example,), (form.example[:12],))
    for form in FORMS
)
