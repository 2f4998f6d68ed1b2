"""Numbers of people: phones, bank accounts, cards; by their checksums and by what is said before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.redact.detector import Detector, Span, Text

_CARD = re.compile(rb"\d(?:[ -]?\d){12,18}")
_IBAN = re.compile(rb"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}")
_PHONE = re.compile(rb"(?:\+|00)\d{1,3}[ ./-]{0,2}(?:\(0?\d{1,4}\)[ ./-]{0,2})?\d(?:[ ./-]{0,2}\d){5,13}")
_CLOCK = re.compile(rb"\d\d:\d\d(?:\.\d+)? ?\Z")
"""Before the zone of a time."""
_COORDINATES = re.compile(rb"\+\d{4}(?:\d{2})?-\d{5}(?:\d{2})?")
"""Degrees and minutes of a place."""
_EXTENSION = re.compile(rb"[ ,]{0,2}(?:x|ext\.?|durchwahl)[ ]?\d{1,6}", re.I)
_NATIONAL = re.compile(rb"\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}")
_SAYS_PHONE = re.compile(
    rb"(?i)(?:\b(?:tel|phone|mobile|fax|cell|call|whatsapp|sms|telefon|telephone|handy)\w{0,10}|phone\w{0,6}|\xe2\x98\x8e)[\s\"'=:.()>]{0,6}\Z"
)
_LENGTHS = {
    "AD": 24,
    "AE": 23,
    "AL": 28,
    "AT": 20,
    "AZ": 28,
    "BA": 20,
    "BE": 16,
    "BG": 22,
    "BH": 22,
    "BR": 29,
    "BY": 28,
    "CH": 21,
    "CR": 22,
    "CY": 28,
    "CZ": 24,
    "DE": 22,
    "DK": 18,
    "DO": 28,
    "EE": 20,
    "EG": 29,
    "ES": 24,
    "FI": 18,
    "FO": 18,
    "FR": 27,
    "GB": 22,
    "GE": 22,
    "GI": 23,
    "GL": 18,
    "GR": 27,
    "GT": 28,
    "HR": 21,
    "HU": 28,
    "IE": 22,
    "IL": 23,
    "IS": 26,
    "IT": 27,
    "JO": 30,
    "KW": 30,
    "KZ": 20,
    "LB": 28,
    "LI": 21,
    "LT": 20,
    "LU": 20,
    "LV": 21,
    "MC": 27,
    "MD": 24,
    "ME": 22,
    "MK": 19,
    "MR": 27,
    "MT": 31,
    "MU": 30,
    "NL": 18,
    "NO": 15,
    "PK": 24,
    "PL": 28,
    "PS": 29,
    "PT": 25,
    "QA": 29,
    "RO": 24,
    "RS": 22,
    "SA": 24,
    "SE": 24,
    "SI": 19,
    "SK": 24,
    "SM": 27,
    "TN": 24,
    "TR": 26,
    "UA": 29,
    "VG": 24,
    "XK": 20,
}
"""Characters of an account's number by country (ISO 13616)."""
_TESTS = frozenset(
    (
        "4111111111111111",
        "4242424242424242",
        "5555555555554444",
        "378282246310005",
        "4012888888881881",
        "4000056655665556",
        "371449635398431",
        "6011111111111117",
        "30569309025904",
        "38520000023237",
        "3530111333300000",
        "5105105105105100",
        "4222222222222",
        "6011000990139424",
        "3566002020360505",
        "2223003122003222",
        "4000000000000002",
    )
)
"""Cards that payment services publish for tests."""


def luhn(digits: str) -> bool:
    """The checksum of cards (ISO 7812)."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def _alone(text: Text, start: int, stop: int) -> bool:
    before, after = text.window(start - 1, start), text.window(stop, stop + 2)
    if before.isalnum() or before in (b"_", b".", b"-", b"+", b"#", b"x"):
        return False
    return not (after[:1].isalnum() or after[:1] == b"_" or (after[:1] in (b".", b"-") and after[1:2].isalnum()))


def card(text: Text, start: int, end: int) -> Iterator[Span]:
    match = _CARD.match(text.window(start, start + 40))
    if match is None or not _alone(text, start, start + match.end()):
        return
    digits = re.sub(rb"\D", b"", match.group()).decode()
    lengths = {"3": (14, 15, 16), "4": (13, 16, 19), "5": (16,), "6": (16, 19), "2": (16,)}.get(digits[0], ())
    issuers = re.match(
        r"4|5[1-5]|3[47]|3(?:0[0-5]|[68])|35(?:2[89]|[3-8])|6(?:011|4[4-9]|5|2)|2(?:2[2-9]|[3-6]|7[01]|720)", digits
    )
    if issuers is None or len(digits) not in lengths or digits in _TESTS or len(set(digits)) < 4 or not luhn(digits):
        return
    grouped = match.group() != digits.encode()
    quoted = text.window(start - 1, start) in (b'"', b"'") or text.place.path.endswith((".csv", ".tsv"))
    if (
        grouped
        or quoted
        or re.search(rb"(?i)card|visa|master|amex|credit|\bpan\b|\bcc\b|payment|ccn", text.line(start, 120))
    ):
        yield start, start + match.end(), "card"


def iban(text: Text, start: int, end: int) -> Iterator[Span]:
    window = text.window(start, start + 50)
    length = _LENGTHS.get(window[:2].decode("ascii", "replace"), 0)
    match = _IBAN.match(window)
    if match is None or not length:
        return
    counted, stop = 0, 0
    for at, byte in enumerate(match.group()):
        counted += chr(byte).isalnum()
        if counted == length:
            stop = at + 1
            break
    if not stop or not _alone(text, start, start + stop):
        return
    code = re.sub(rb"[ -]", b"", match.group()[:stop]).decode()
    if int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1:
        yield start, start + stop, "iban"


def phone(text: Text, start: int, end: int) -> Iterator[Span]:
    window = text.window(start, start + 40)
    match = _PHONE.match(window) if window[:1] in (b"+", b"0") else None
    before = text.window(start - 24, start)
    told = _SAYS_PHONE.search(before.rpartition(b"\n")[2]) is not None or before.endswith((b"tel:", b"wa.me/"))
    if match is None and told:
        match = _NATIONAL.match(window) or re.match(rb"\+?\d(?:[ ./()-]{0,2}\d){6,14}", window)
    if match is None:
        return
    further = _EXTENSION.match(window, match.end())
    stop = start + (further or match).end()
    if not _alone(text, start, stop):
        return
    digits = re.sub(rb"\D", b"", match.group()).decode()
    if _COORDINATES.fullmatch(match.group()) or before.endswith(b"telnet ") or _CLOCK.search(before):
        return
    invented = (b"555" in match.group() and re.search(r"555\d{4}$|5550?1\d{2}", digits)) or len(set(digits)) < 4
    if invented or digits in "01234567890123456789" or not 7 <= len(digits) <= 15:
        return
    separated = re.search(rb"[ ./()-]", match.group()) is not None
    if told or (
        window[:1] == b"+" and (separated or (before[-1:] in (b'"', b"'", b":", b">", b"") and len(digits) >= 10))
    ):
        opened = b")" in match.group() and text.window(start - 1, start) == b"("
        yield start - opened, stop, "phone"


NUMBERS: tuple[Detector, ...] = (
    Detector(
        "card",
        "card",
        (r"(?:^|[^\w.])[2-6]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d", r"(?:^|[^\w.])3[47]\d{2}[ -]?\d{6}[ -]?\d{5}\b"),
        lambda text, start, end: card(text, start + (not text.data[start : start + 1].isdigit()), end),
        ("card: 4539 1488 0343 6467", "credit card 4539148803436467"),
        ("4242 4242 4242 4242", "id 4539148803436468", "1111 2222 3333 4444", "0.4539148803436467"),
    ),
    Detector(
        "iban",
        "iban",
        (r"\b[A-Z]{2}\d{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]",),
        iban,
        ("IBAN DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"),
        ("DE00 3704 0044 0532 0130 00", "AB12CDEF34567890"),
    ),
    Detector(
        "phone",
        "phone",
        (
            r"(?:\+|\b00)\d{1,3}[ ./-]{0,2}[(\d][\d ()./-]{5}",
            r"(?i)(?:tel|phone|mobile|fax|cell|whatsapp|handy|telefon)\w{0,12}[\s\"'=:.()>]{1,6}\d",
            r"tel:\+?\d",
            r"wa\.me/\d",
        ),
        lambda text, start, end: phone(text, start if text.data[start : start + 1] in (b"+", b"0") else end - 1, end),
        (
            "call +49 30 901820 now",
            "phone: 030 9018 2034",
            "tel:+14155238886",
            "Telefon: +41 44 668 18 00",
            "<tel>030 901 82 03</tel>",
            "phone: '212-736-5000x1234'",
        ),
        (
            "+1 555 0100 123",
            "x = 3 + 12 45",
            "a +00 12",
            "timeout 30000000",
            "MX +2550-09730",
            "telnet 10.196.110.68 3306",
            "phone_number: 0000000000",
        ),
    ),
)
