"""Made-up values of the kinds that redaction covers, with what nobody can guess of each, character by character."""

from __future__ import annotations

import base64
import json
import re
import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import log2

from common.canary.draw import pick

ALNUM = string.ascii_letters + string.digits
SYLLABLES = tuple(map("".join, product("bdfgklmnprstvz", "aeiou")))
ALPHABETS: dict[str, tuple[str, ...] | str] = {
    "d": string.digits, "h": "0123456789abcdef", "n": "123456789abcdef", "l": string.ascii_lowercase + string.digits,
    "u": string.ascii_uppercase + string.digits, "w": ALNUM, "a": string.ascii_letters, "s": ALNUM + "-_",
    "b": string.ascii_uppercase + "234567", "k": ALNUM + "+/", "p": ALNUM + "!%^*_+=?~-", "y": SYLLABLES,
    "i": ("de", "fr", "nl", "se", "pl", "com", "net", "org"),
}  # fmt: skip
"""What one draw of a pattern's class gives: y syllables, i ends of domains, p what passwords are made of."""
_MARK = re.compile(r"\{(\w)(\d+)\}")
_62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


@dataclass(frozen=True)
class Value:
    """A secret's text; `bits` says of each character how much is unknown to whoever has all before it."""

    text: str
    bits: tuple[float, ...]

    def unknown(self, known: int) -> float:
        """Bits behind the first `known` characters."""
        return sum(self.bits[known:])


@dataclass(frozen=True)
class Form:
    """One form of secret; `lines` is the table of `lines.LINES` that it stands in, `words` name it there."""

    kind: str
    name: str
    make: str | Callable[[int], Value]
    lines: str
    words: tuple[str, ...] = ()

    def value(self, number: int) -> Value:
        """Of the secret of this number."""
        return filled(self.make, number) if isinstance(self.make, str) else self.make(number)


def filled(pattern: str, number: int) -> Value:
    """A pattern such as `glpat-{s20}`: a class of ALPHABETS and a count in each pair of braces."""
    text, bits, last = "", list[float](), 0
    for mark in _MARK.finditer(pattern):
        literal, alphabet = pattern[last : mark.start()], ALPHABETS[mark[1]]
        text += literal
        bits += [0.0] * len(literal)
        for _ in range(int(mark[2])):
            drawn = pick(alphabet, "value", number, len(text))
            text += drawn
            bits += [log2(len(alphabet)), *[0.0] * (len(drawn) - 1)]
        last = mark.end()
    return Value(text + pattern[last:], (*bits, *[0.0] * (len(pattern) - last)))


def checked(prefix: str) -> Callable[[int], Value]:
    """30 characters and their CRC-32 in base 62, as GitHub and npm write it."""

    def make(number: int) -> Value:
        body = filled("{w30}", number)
        rest, digits = zlib.crc32(body.text.encode()), ""
        while rest:
            rest, digit = divmod(rest, 62)
            digits = _62[digit] + digits
        known = [0.0] * len(prefix)
        return Value(prefix + body.text + digits.rjust(6, "0"), (*known, *body.bits, *[0.0] * 6))

    return make


def jwt(number: int) -> Value:
    """A token whose head and claims count as known."""
    claims = {"sub": filled("{d6}", number).text}
    parts = (json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    head = "".join(base64.urlsafe_b64encode(part).decode().rstrip("=") + "." for part in parts)
    signature = filled("{s43}", number)
    return Value(head + signature.text, (*[0.0] * len(head), *signature.bits))


def iban(number: int) -> Value:
    account = filled("{d18}", number)
    check = 98 - int(account.text + "131400") % 97
    return Value(f"DE{check:02}{account.text}", (*[0.0] * 4, *account.bits))


def card(number: int) -> Value:
    body = filled("4{d14}", number)
    digits = [int(c) for c in body.text]
    doubled = sum(sum(divmod(2 * d, 10)) for d in digits[::2]) + sum(digits[1::2])
    return Value(f"{body.text}{-doubled % 10}", (*body.bits, 0.0))


PASSWORDS = ("password", "passwd", "db password", "smtp password", "admin password", "pwd", "passphrase")
KEYS = ("api key", "secret key", "access token", "client secret", "auth token")
FORMS: tuple[Form, ...] = (
    Form("password", "letters and digits", "{a1}{w11}", "named", PASSWORDS),
    Form("password", "with signs", "{a1}{p11}{w1}", "named", PASSWORDS),
    Form("password", "lower", "{l12}", "named", PASSWORDS), Form("password", "of a URL", "{w13}", "url"),
    Form("password", "groups", "{w5}-{w5}-{w5}", "named", PASSWORDS),
    Form("password", "of a command", "{w13}", "command"), Form("password", "of a connection", "{w14}", "connection"),
    Form("key", "hexadecimal", "{h32}", "named", KEYS), Form("key", "letters and digits", "{w24}", "named", KEYS),
    Form("key", "AWS secret", "{k40}", "named", ("aws secret access key", "aws secret key")),
    Form("key", "UUID", "{h8}-{h4}-4{h3}-a{h3}-{h12}", "named", ("api key", "client secret")),
    Form("key", "in a header", "{w28}", "header"), Form("key", "JWT", jwt, "header"),
    Form("key", "AWS id", "AKIA{b16}", "bare"), Form("key", "GitHub", checked("ghp_"), "bare"),
    Form("key", "GitLab", "glpat-{s19}{w1}", "bare"), Form("key", "Slack", "xoxb-{d11}-{d12}-{w24}", "bare"),
    Form("key", "Stripe", "sk_live_{w24}", "bare"), Form("key", "Google", "AIza{s34}{w1}", "bare"),
    Form("key", "npm", checked("npm_"), "bare"), Form("key", "Hugging Face", "hf_{a34}", "bare"),
    Form("key", "Twilio", "SK{h32}", "bare"), Form("key", "SendGrid", "SG.{s22}.{s42}{w1}", "bare"),
    Form("key", "Shopify", "shpat_{h32}", "bare"), Form("key", "Databricks", "dapi{h32}", "bare"),
    Form("key", "Linear", "lin_api_{w40}", "bare"), Form("key", "New Relic", "NRAK-{u27}", "bare"),
    Form("key", "private key", "MC4CAQAwBQYDK2VwBCIEI{k43}", "block"),
    Form("email", "company", "{y3}.{y3}@{y4}.{i1}", "email"), Form("email", "provider", "{y4}{d4}@{y3}.{i1}", "email"),
    Form("ip", "IPv6", "2a01:4f8:{n1}{h3}:{n1}{h3}:{n1}{h3}::{n1}{h3}", "ip"),
    Form("phone", "international", "+49 {d3} {d5} {d5}", "phone"), Form("iban", "in one", iban, "iban"),
    Form("card", "in one", card, "card"), Form("username", "home folder", "{y6}{d2}", "username"),
)  # fmt: skip
"""Of an address of IPv4 only 32 bits are unknown, so none is planted."""
