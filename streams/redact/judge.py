"""Whether what is assigned to a name is a secret: by the name, the value and the place together."""

from __future__ import annotations

import re

from streams.redact import values
from streams.redact.naming import Strength, strength
from streams.redact.place import Place

MIN_PASSWORD, MIN_SECRET, MIN_WEAK = 4, 8, 16
MIN_RUN = 14
_RUNS = re.compile(r"[A-Za-z0-9+/=]+")
SURELY_RANDOM = 1.7
"""Bytes a token of letters alone that no word has."""
MAX_VALUE = 512
_ORDINARY = re.compile(
    "secrets?|tokens?|keys?|pass(?:word|phrase)?|access|refresh|client|auth|api|id|user|csrf|xsrf|session|bearer|jwt|private|public|"
    "oauth|app|consumer|sign(?:ing)?|encryption|shared|service|admin|login"
)
MAX_BLANKS = 4
"""In a passphrase."""


def kind_of(power: Strength, value: str, place: Place, quoted: bool) -> str:
    """`password` or `key` where the value behind a name of this strength is one, else nothing."""
    if not _is_value(value, power) or not (quoted or _is_bare(value, place)):
        return ""
    holds = {"password": _is_password, "secret": _is_secret, "weak": _is_weak}[power]
    if not holds(value, place, quoted):
        return ""
    return "password" if power == "password" else "key"


def _is_value(value: str, power: Strength) -> bool:
    """Not what stands for one: a placeholder, a kind of value, a path, an address, a sentence."""
    if sum(map(str.isalnum, value)) < 3 or value[0] in "?)":
        return False
    if not MIN_PASSWORD <= len(value) <= MAX_VALUE or values.is_placeholder(value) or values.is_nothing(value):
        return False
    if values.is_crypted(value) or values.is_constant(value) or values.is_place(value):
        return False
    is_path = values.is_path(value) and (power != "password" or values.is_rooted(value))
    return not (is_path or values.is_url(value) or values.is_prose(value))


def is_told(value: str) -> bool:
    """Whether a value that a statement calls a password is one, and no name or placeholder."""
    return len(value) >= MIN_PASSWORD and not values.is_placeholder(value) and not values.is_call(value)


def _is_bare(value: str, place: Place) -> bool:
    """Without quotes: no variable, no expression."""
    if values.is_call(value) or values.is_dotted(value):
        return False
    if place.is_code is False:
        return True
    return (
        not values.is_identifier(value) or _is_numbered(value) or (len(value) > MIN_SECRET and values.is_random(value))
    )


def _is_numbered(value: str) -> bool:
    """`hunter22`, but not `password2`."""
    return any(c.isdigit() for c in value) and not strength(value)


def _is_password(value: str, place: Place, quoted: bool) -> bool:
    if value.count(" ") > MAX_BLANKS or (values.is_dotted(value) and not values.is_random(value)):
        return False
    if values.is_call(value) and not values.is_random(value):
        return False
    letters = value.isalpha()
    if letters and (place.is_locale or (value[0].isupper() and value[1:].islower() and not quoted)):
        return False
    named: Strength = strength(value) if values.is_identifier(value) and not value.islower() | value.isdigit() else ""
    return not (named and not any(c.isdigit() for c in value)) and not ("_" in value and strength(value) and letters)


def _is_secret(value: str, place: Place, quoted: bool) -> bool:
    if len(value) < MIN_SECRET or " " in value or (place.is_locale and not values.is_random(value)):
        return False
    if (values.is_dotted(value) and not values.is_random(value)) or values.is_call(value):
        return False
    if values.is_identifier(value) and not any(c.isdigit() for c in value):
        if len(value) < MIN_WEAK or values.bytes_a_token(value) > SURELY_RANDOM:
            return bool(strength(value)) and value.islower() and value.isalpha() and _is_invented(value)
        return True
    if values.is_random(value):
        return True
    if strength(value) and values.is_identifier(value):
        return value.islower() and value.isalpha() and _is_invented(value)
    digits = any(c.isdigit() for c in value)
    return digits and any(c.isalpha() for c in value) and values.bytes_a_token(value) < 3.5


def _is_invented(value: str) -> bool:
    """`supersecret`, but not `clientsecret`: a word for secrets with more around it than says which."""
    return len(_ORDINARY.sub("", value)) >= MIN_PASSWORD


def _is_weak(value: str, place: Place, quoted: bool) -> bool:
    if len(value) < MIN_WEAK or " " in value or values.is_hash(value) or values.is_uuid(value):
        return False
    runs = [run for run in _RUNS.findall(value) if len(run) >= MIN_RUN and values.is_random(run)]
    return any(any(c.isdigit() for c in run) and any(c.isalpha() for c in run) for run in runs)
