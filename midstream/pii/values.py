"""Made-up values to teach a model with: names of people, addresses, numbers, keys and passwords, by keyed hash."""

from __future__ import annotations

import string
from collections.abc import Callable

from midstream.pii.names import DOMAINS, FAMILY, FIRST, NICKS, WORDS
from model.encoder import keyed

_ALNUM = string.ascii_letters + string.digits
_ALPHABETS = ("0123456789abcdef", _ALNUM, _ALNUM + "-_", string.ascii_uppercase + string.digits, _ALNUM + "+/")
_PREFIXES = ("", "", "", "sk-", "pk_", "key-", "AK", "xk_live_", "tok_", "ey")
HELD_OUT = 0.1
"""Share of names, and of texts, that training never sees."""


def is_held_out(what: str) -> bool:
    return keyed.key("held out", what) / 2**64 < HELD_OUT


class Maker:
    """Values of one key; each call gives the next. `held_out`: with the names that training never sees."""

    def __init__(self, key: int, held_out: bool = False) -> None:
        self._key, self._count = key, 0
        self._first, self._family, self._nicks = _SPLIT[held_out]
        self._makes: dict[str, Callable[[], str]] = {
            "name": self.name, "email": self.email, "username": self.username, "phone": self.phone,
            "key": self.secret, "password": self.password, "ip": self.ip, "hash": self.digest,
        }  # fmt: skip

    def make(self, kind: str) -> str:
        return self._makes[kind]()

    def below(self, limit: int) -> int:
        self._count += 1
        return keyed.key(self._key, self._count) % limit

    def pick(self, several: tuple[str, ...] | str) -> str:
        return several[self.below(len(several))]

    def word(self, alphabet: str, length: int) -> str:
        return "".join(self.pick(alphabet) for _ in range(length))

    def name(self) -> str:
        first, family = self.pick(self._first), self.pick(self._family)
        forms = (f"{first} {family}",) * 5 + (
            f"{first[0]}. {family}", f"{first} {self.pick(string.ascii_uppercase)}. {family}",
            f"{first} {self.pick(self._family)}-{family}", f"{self.pick(self._first)} {first} {family}",
        )  # fmt: skip
        return self.pick(forms)

    def username(self) -> str:
        first, family = self.pick(self._first).lower(), self.pick(self._family).lower().replace(" ", "")
        nick, digits = self.pick(self._nicks), str(self.below(100))
        return self.pick((first[0] + family, first + digits, f"{first}.{family}", f"{nick}{digits}", f"{nick}_{first}"))

    def email(self) -> str:
        plain = self.username().encode("ascii", "ignore").decode() or "mail"
        return f"{plain}@{self.pick(DOMAINS)}"

    def phone(self) -> str:
        n = [self.word(string.digits, 4) for _ in range(3)]
        return self.pick((
            f"+{self.below(80) + 20} {n[0][:3]} {n[1]}{n[2][:2]}", f"({n[0][:3]}) {n[1][:3]}-{n[2]}",
            f"0{n[0][:3]}-{n[1]}{n[2][:3]}", f"+1-{n[0][:3]}-{n[1][:3]}-{n[2]}",
        ))  # fmt: skip

    def secret(self) -> str:
        return self.pick(_PREFIXES) + self.word(_ALPHABETS[self.below(len(_ALPHABETS))], 20 + self.below(28))

    def digest(self) -> str:
        """Looks like a key and is none."""
        return self.word("0123456789abcdef", (32, 40, 64)[self.below(3)])

    def password(self) -> str:
        word, other, digits = self.pick(WORDS), self.pick(WORDS), str(self.below(9_000) + 10)
        sign = self.pick("!#$%&*+-_.:?@")
        return self.pick((
            word.title() + digits + sign, word + sign + other + digits, self.word(_ALNUM + "!#%+-_", 8 + self.below(9)),
            word.replace("o", "0").replace("e", "3") + digits, f"{word}-{other}-{digits}",
        ))  # fmt: skip

    def ip(self) -> str:
        head = (18, 34, 52, 93, 104, 141, 151, 185, 213)[self.below(9)]
        return f"{head}.{self.below(254) + 1}.{self.below(256)}.{self.below(254) + 1}"


def _split(held_out: bool) -> tuple[tuple[str, ...], ...]:
    """A tenth of each list by keyed hash, or the others."""

    def of(names: tuple[str, ...]) -> tuple[str, ...]:
        drawn = sorted(names, key=lambda name: keyed.key("held out", name))
        cut = round(len(drawn) * HELD_OUT)
        return tuple(drawn[:cut] if held_out else drawn[cut:])

    return of(FIRST), of(FAMILY), of(NICKS)


_SPLIT = {held_out: _split(held_out) for held_out in (False, True)}
