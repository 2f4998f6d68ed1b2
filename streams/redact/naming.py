"""Names of values: whether one says that a secret stands behind it, and which."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Strength = Literal["password", "secret", "weak", ""]

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z](?:[a-z]|[^\x00-\x7f])*|\d+|[^\x00-\x7f](?:[a-z]|[^\x00-\x7f])*")
PASSWORDS = (
    "password", "passwort", "passwd", "passphrase", "passcode", "pwd", "passwds", "kennwort", "senha", "contrasena",
    "contrasenya", "wachtwoord", "haslo", "heslo", "salasana", "losenord", "parola", "motdepasse",
    "密码", "密碼", "口令",
    "パスワード", "비밀번호", "пароль", "contraseña", "hasło", "lösenord", "κωδικός", "sifre", "şifre", "parol",
)  # fmt: skip
SECRETS = ("secret", "token", "apikey", "authtoken", "accesskey", "secretkey", "privatekey", "authkey", "credential")
_PASSWORD_PARTS = frozenset(
    (*PASSWORDS, "pass", "psw", "pswd", "pw", "passwords", "psk", "userpass", "dbpass", "passw")
)
_PASSES = frozenset(
    re.findall(
        r"\S+",
        "render shader first second third last next prev previous multi single one two by depth shadow compute "
        "optimization optimizer optimize compiler compile analysis lowering transform codegen ast prepass geometry "
        "pixel vertex all matcher custom raster blit blur bloom effect forward backward function module loop dead "
        "did can must no low "
        "high band draw clear copy scene ssao fxaa taa opaque transparent lint",
    )
)
"""What `pass` stands behind where it is a run through something, or a success."""
_SECRET_PARTS = frozenset((*SECRETS, "secrets", "tokens", "credentials", "bearer", "authorization", "dsn", "jwt"))
_KEY_BEFORE = frozenset(
    re.findall(
        r"\S+",
        "api access private secret auth oauth encryption encrypt signing sign master account storage session license "
        "licence service shared hmac aes crypto consumer app application client write deploy admin rest "
        "subscription ssh server customer webhook stripe cipher symmetric root security jwt sas token",
    )
)
"""With `key` behind them they name a secret."""
_WEAK_PARTS = frozenset(
    re.findall(r"\S+", "key auth sig signature cookie sid session pin otp webhook keys nonce salt seed")
)
_NEUTRAL = frozenset(
    re.findall(
        r"\S+",
        "value val values string str text default prod production dev devel development test testing staging "
        "stage env base64 b64 hex plain plaintext raw content literal main confirm confirmation confirmed again "
        "repeat repeated retype verify old new current live sandbox local master root admin user db database "
        "base override primary secondary ci qa const constant orig original example sample mock fixture",
    )
)
"""Words behind the naming one that leave it as it is."""
_HASHED = frozenset(
    re.findall(
        r"\S+",
        "hash hashed sha sha1 sha256 sha512 md5 checksum digest integrity etag commit revision fingerprint "
        "thumbprint public pub cert certificate crypted encrypted",
    )
)


@lru_cache(maxsize=8192)
def strength(name: str) -> Strength:
    """`password`, `secret` (needs a value that is no word), `weak` (needs a random one), or nothing."""
    parts = [part.lower() for part in _PART.findall(name)][-8:]
    if not parts or not _HASHED.isdisjoint(parts):
        return ""
    while len(parts) > 1 and (parts[-1] in _NEUTRAL or parts[-1].isdigit()) and _names(parts[:-1]):
        parts.pop()
    return _strength(parts)


def _names(parts: list[str]) -> bool:
    return any(part in _PASSWORD_PARTS or part in _SECRET_PARTS or part in _WEAK_PARTS for part in parts)


def _strength(parts: list[str]) -> Strength:
    last, before = parts[-1], parts[-2] if len(parts) > 1 else ""
    joined = before + last
    if last == "pass" and before in _PASSES:
        return ""
    if last in _PASSWORD_PARTS or joined in _PASSWORD_PARTS or (last == "phrase" and before == "pass"):
        return "password"
    if last in ("word", "code") and before == "pass":
        return "password"
    if last in _SECRET_PARTS or joined in _SECRET_PARTS or last.endswith(("apikey", "secretkey", "accesskey")):
        return "secret"
    if last.endswith(("password", "passwd", "passwort")) or last in ("pgpassword", "rootpw", "userpw", "dbpwd"):
        return "password"
    if last.endswith(("secret", "token", "authkey", "appkey")):
        return "secret"
    if last in ("key", "keys") and before in _KEY_BEFORE:
        return "secret"
    return "weak" if last in _WEAK_PARTS else ""
