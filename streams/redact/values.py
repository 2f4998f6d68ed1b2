"""What a value looks like: random, a word, a placeholder, a hash, a path, a sentence. Of the text alone."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from functools import cache, lru_cache
from itertools import pairwise
from operator import sub
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VOCABULARY = Path(__file__).parent.parent / "prepare" / "vocabulary.json"
"""That of the recipes' fertility rule, 10,240 tokens of code."""
RANDOM = 2.2
"""Bytes a token up to which a value is taken for random: words of code have 2.7 and more, keys 1 to 1.7."""
MIN_RANDOM = 8

_PLACEHOLDER = re.compile(
    r"(?ix)"
    r"^[<\[({].*[>\])}]$ | ^&lt;.*&gt;$ | \$\{ | \$\( | \{\{ | \}\} | ^%\w*%?$ | %\(\w+\) | ^%[sdvq] | \#\{ |"
    r" ^\$[A-Za-z_{(] | ^@[\w.-]+@$ | ^\{[\w.:\ ]*\}"
    r"| ^<[^<>]{1,60}> | <[^<>]{1,40}>$ | \*{3,} | \#{3,} | \.{3,} | [.\w]\{\w+\}"
    r"| ^[-_=.*?x\#]+$ | ^(.)\1*$ | \bredacted\b"
    r"| (?:^|[^a-z])(?:change[-_ ]?(?:me|this|it|in)|replace[-_ ]?(?:me|this|with)?|your|my[-_](?:password|secret|"
    r"token|key|api)"
    r"|insert|enter|todo|fixme|placeholder|dummy|fake|sample|example(?!key)|some[-_](?:password|secret|token|key)"
    r"|put[-_]|here$|goes[-_]here|not[-_]?(?:a|set|real)|foobar|lorem)(?:[^a-z]|$)"
    r"| ^(?:your|the|any)[-_\ ]?\w*(?:passw(?:or)?d|pwd|passphrase|secret|token|key|name)s?$ | ^(?:my|our|"
    r"some)[-_\ ](?:\w+[-_])?(?:passw(?:or)?d|pwd|passphrase|secret|token|key|name)s?$ | (?-i:%[A-Z_]{3,40}%)"
    r" | (?-i:^(?:EMAIL|KEY|PASSWORD|NAME|USERNAME|PHONE|IBAN|CARD)$) | ^(?:required|nullable|sometimes|string)\|"
    r" | ^[A-Za-z\ ]{3,40}[:?]\ ?$"
    r" | youshouldchange | changeme | ^x{3,} | x{6,}$"
)
_FOO = re.compile(r"(?i)(?:^|[^a-z])(?:foo|bar|baz)(?:[^a-z]|$)")
_NOTHING = frozenset(
    re.findall(
        r"\S+",
        "string str text number integer int float bool boolean true false none null nil undefined void any object "
        "array list dict map hidden input varchar optional required default auto manual function on_create always "
        "never basic bearer plain "
        "plaintext passwd passwords passwort pass pwd passphrase username user login email name secret secrets token "
        "tokens "
        "key keys apikey api_key credential credentials authorization auth oauth jwt bearer_token access_token "
        "refresh_token id_token client_secret client_id secret_key access_key private_key public_key value values "
        "empty unset off on yes no test tests admin_password type types header headers query body cookie cookies "
        "session code body form field label description format enabled disabled unknown invalid valid missing "
        "wrong bad good new old current confirm confirmation repeat reset forgot change update create delete show "
        "hide md5 sha1 sha256 sha512 bcrypt scrypt argon2 argon2id pbkdf2 rsa ed25519 ecdsa aes hmac hs256 rs256 "
        "utf8 utf-8 base64 hex utf-16 ascii latin1 local localhost file env stdin fd ldap saml oidc openid github "
        "google gitlab "
        "facebook twitter aws azure passed failed await new return this self",
    )
)
"""Words that say which kind of value stands there, and are none."""
_HEX = re.compile(r"(?i)^(?:0x)?[0-9a-f]+$")
_HASHES = frozenset((32, 40, 56, 64, 96, 128))
_UUID = re.compile(r"(?i)^\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?$")
_CRYPT = re.compile(
    r"^(?:\$(?:2[abxy]|5|6|1|apr1|y|argon2\w*|pbkdf2[\w-]*|scrypt)\$|\{(?:SSHA|SHA|MD5|CRYPT)\}|pbkdf2_|sha\d+[$:-]|md5[$:-])"
)
_PIECE = re.compile(r"[\w.@ :+-]*\Z")
_FILE = re.compile(
    r"(?i)^[\w./\\-]+\.(?:pem|key|crt|cer|txt|json|ya?ml|xml|html?|php|py|js|ts|jsx|tsx|go|rb|java|css|png|jpg|svg|conf|cfg|ini|properties|p12|jks|pfx|env|md|rst|sh|log|db|sqlite|gpg|asc|pub|erb|vue)$"
)
_URL = re.compile(r"(?i)^[a-z][a-z0-9+.-]{1,20}://")
_IDENTIFIER = re.compile(r"^[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*$")
_DOTTED = re.compile(r"^[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+$")
_CALL = re.compile(r"[\w\])]\s*\(|\(\)|=>|\bnew\s|\[[\w'\"]|\w\[|&&|\|\|")
_MARKS = "¿¡?!.,:;'\"’“”«»()…"
_CONSTANT = re.compile(r"^[A-Z][A-Z]*(?:_[A-Z0-9]+)+$")
_PLACE = re.compile(r"(?i)^(?:[\w.+-]+@)?[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[\w./~-]*|/[\w./~-]*)?$")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^A-Za-z\d]")
_SEQUENCE = "abcdefghijklmnopqrstuvwxyz0123456789abcdef"


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(VOCABULARY))


@lru_cache(maxsize=8192)
def bytes_a_token(value: str) -> float:
    """Of the small vocabulary of the recipes."""
    return len(value.encode("utf-8", "replace")) / max(1, len(_tokenizer().encode(value, add_special_tokens=False).ids))


def bits(value: str) -> float:
    """Shannon entropy, bits a character."""
    return math.log2(len(value)) - sum(c * math.log2(c) for c in Counter(value).values() if c > 1) / len(value)


@lru_cache(maxsize=32_768)
def is_random(value: str) -> bool:
    """Whether nobody would write it as words: few bytes a token, and many different characters."""
    if len(value) < MIN_RANDOM or bits(value) < min(3.0, math.log2(len(value)) * 0.75):
        return False
    return bytes_a_token(value) <= RANDOM and not is_sequence(value)


def is_sequence(value: str) -> bool:
    """Of characters that follow each other, such as the alphabet."""
    lower = value.lower()
    if lower.isascii():
        data = lower.encode()
        steps = list(map(sub, data[1:], data))
    else:
        steps = [ord(b) - ord(a) for a, b in pairwise(lower)]
    return steps.count(0) + steps.count(1) > 0.6 * len(value)


def is_placeholder(value: str) -> bool:
    """Whether something is to be put in its place."""
    return _PLACEHOLDER.search(value) is not None or (_FOO.search(value) is not None and not is_random(value))


def is_nothing(value: str) -> bool:
    """Whether it is a word for the kind of value alone."""
    return value.lower().strip(" :.*") in _NOTHING


def is_hash(value: str) -> bool:
    """As long as a hash in hexadecimal digits."""
    return len(value) in _HASHES and _HEX.match(value) is not None


def is_crypted(value: str) -> bool:
    """The hash of a password, as crypt and its kin write it."""
    return _CRYPT.match(value) is not None


def is_uuid(value: str) -> bool:
    return _UUID.match(value) is not None


def is_path(value: str) -> bool:
    """Whose folders are words: base64 has `/`, too."""
    if "/" not in value and "\\" not in value:
        return _FILE.match(value) is not None
    pieces = re.split(r"[/\\]+", value)
    if not all(map(_PIECE.match, pieces)) or (
        value[0] not in "/~.\\" and not all(len(piece) > 1 for piece in pieces[:-1])
    ):
        return False
    return not any(len(piece) >= 12 and is_random(piece) and "." not in piece for piece in pieces)


def is_rooted(value: str) -> bool:
    """A path from a root, through several folders, or to a file."""
    return (
        value[0] in "/~.\\"
        or value[1:3] in (":\\", ":/")
        or len(re.findall(r"[/\\]", value)) > 1
        or bool(_FILE.match(value))
    )


def is_constant(value: str) -> bool:
    """A name in capitals, as constants and variables of the environment have."""
    return _CONSTANT.match(value) is not None


def is_place(value: str) -> bool:
    """An address: of mail, of a repository, of a host with a port."""
    if "." not in value or _PLACE.match(value) is None:
        return False
    return not any(len(label) >= 12 and is_random(label) for label in re.split(r"[.@:/]", value))


def is_url(value: str) -> bool:
    return _URL.match(value) is not None


def is_identifier(value: str) -> bool:
    """A variable, or a chain of names."""
    return _IDENTIFIER.match(value) is not None


def is_dotted(value: str) -> bool:
    return _DOTTED.match(value) is not None


def is_call(value: str) -> bool:
    return _CALL.search(value) is not None


def is_prose(value: str) -> bool:
    """Words with blanks between them, or mostly letters that are not ASCII."""
    foreign = not value.isascii() and sum(not c.isascii() for c in value) > 0.3 * len(value)
    if foreign and (" " in value or not any(c.isdigit() for c in value)):
        return True
    said = [word for word in value.split() if word.strip(_MARKS)]
    words = sum(word.strip(_MARKS).replace("-", "").replace("'", "").replace("’", "").isalpha() for word in said)
    return len(said) > 1 and words >= 0.7 * len(said)


def kinds_of_characters(value: str) -> int:
    """How many of: lower case, upper case, digits, others."""
    return (
        any(c.islower() for c in value) + any(c.isupper() for c in value) + any(c.isdigit() for c in value)
        + any(not c.isalnum() for c in value)
    )  # fmt: skip


def decoded(value: str) -> str:
    """What base64 hides, where that is text; else nothing."""
    if len(value) < 8 or len(value) % 4 or not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", value):
        return ""
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if text.strip("\n").isprintable() else ""
