"""Made-up private keys in PEM: their structure is that of real ones, their numbers are random and belong to no key."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

_INTEGER, _BITS, _OCTETS, _OID, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30
_RSA = bytes.fromhex("2a864886f70d010101")
_P256 = bytes.fromhex("2a8648ce3d030107")
_PBES2 = bytes.fromhex("2a864886f70d01050d")


def der(tag: int, *parts: bytes) -> bytes:
    """One value of DER: tag, length, contents."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes(2 if len(body) > 0xFF else 1, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def _number(r: random.Random, size: int) -> bytes:
    """A positive integer of so many bytes."""
    return der(_INTEGER, bytes((r.randint(1, 0x7F),)) + r.randbytes(size - 1))


def _zero() -> bytes:
    return der(_INTEGER, b"\0")


def rsa(r: random.Random) -> bytes:
    sizes = (256, 3, 256, 128, 128, 128, 128, 128)
    return der(_SEQUENCE, _zero(), *(_number(r, size) for size in sizes))


def dsa(r: random.Random) -> bytes:
    return der(_SEQUENCE, _zero(), *(_number(r, size) for size in (128, 20, 128, 128, 20)))


def ec(r: random.Random) -> bytes:
    point = der(_BITS, b"\0\4" + r.randbytes(64))
    one, curve = der(_INTEGER, b"\1"), der(0xA0, der(_OID, _P256))
    return der(_SEQUENCE, one, der(_OCTETS, r.randbytes(32)), curve, der(0xA1, point))


def pkcs8(r: random.Random) -> bytes:
    return der(_SEQUENCE, _zero(), der(_SEQUENCE, der(_OID, _RSA), b"\5\0"), der(_OCTETS, rsa(r)))


def encrypted(r: random.Random) -> bytes:
    salt = der(_SEQUENCE, der(_OCTETS, r.randbytes(8)), der(_INTEGER, b"\x08\0"))
    return der(_SEQUENCE, der(_SEQUENCE, der(_OID, _PBES2), salt), der(_OCTETS, r.randbytes(1232)))


def openssh(r: random.Random) -> bytes:
    """The head of the format, and strings that have their lengths before them."""
    public = _ssh(b"ssh-ed25519", r.randbytes(32))
    check = r.randbytes(4)
    private = check + check + public + _ssh(r.randbytes(64), b"ci")
    return b"openssh-key-v1\0" + _ssh(b"none", b"none", b"") + b"\0\0\0\1" + _ssh(public, private + b"\1\2\3\4\5")


def _ssh(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def pgp(r: random.Random) -> bytes:
    """A packet of the old format: a secret key of version 4, RSA."""
    body = b"\4" + r.randbytes(4) + b"\1\x08\0" + r.randbytes(900)
    return b"\x95" + len(body).to_bytes(2, "big") + body


KINDS: dict[str, Callable[[random.Random], bytes]] = {
    "RSA PRIVATE KEY": rsa, "PRIVATE KEY": pkcs8, "EC PRIVATE KEY": ec, "OPENSSH PRIVATE KEY": openssh,
    "PGP PRIVATE KEY BLOCK": pgp, "ENCRYPTED PRIVATE KEY": encrypted, "DSA PRIVATE KEY": dsa,
}  # fmt: skip
"""By what stands behind BEGIN."""


def block(label: str) -> Callable[[random.Random], str]:
    def make(r: random.Random) -> str:
        text = base64.b64encode(KINDS[label](r)).decode()
        lines = [text[i : i + 64] for i in range(0, len(text), 64)]
        head = [""] if label.startswith("PGP") else []
        return "\n".join([f"-----BEGIN {label}-----", *head, *lines, f"-----END {label}-----"])

    return make
