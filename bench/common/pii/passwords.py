"""Made-up passwords: half as people make them, of words, names, years and digits; half as generators do."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable

from common.pii.keys import ALNUM, HEX, LOWER, draw

WORDS = [
    "sommer",
    "winter",
    "blue",
    "horse",
    "green",
    "river",
    "dragon",
    "monkey",
    "sunshine",
    "shadow",
    "summer",
    "autumn",
    "coffee",
    "banana",
    "orange",
    "purple",
    "tiger",
    "falcon",
    "eagle",
    "silver",
    "golden",
    "happy",
    "secret",
    "hidden",
    "magic",
    "rocket",
    "pirate",
    "castle",
    "garden",
    "kitchen",
    "window",
    "planet",
    "galaxy",
    "wolf",
    "fuchs",
    "katze",
    "hund",
    "berlin",
    "hamburg",
    "paris",
    "london",
    "madrid",
    "fussball",
    "passwort",
    "schatz",
    "liebe",
    "mond",
    "stern",
    "wasser",
    "feuer",
    "apfel",
    "cheese",
    "pizza",
    "burger",
    "guitar",
    "piano",
    "hockey",
    "soccer",
    "arsenal",
    "chelsea",
    "maverick",
    "phoenix",
    "thunder",
    "storm",
    "cloud",
    "forest",
    "meadow",
    "bonjour",
    "soleil",
    "amour",
    "chien",
    "hola",
    "fuego",
    "verano",
    "perro",
    "buster",
    "ginger",
    "pepper",
    "cookie",
    "muffin",
    "honey",
    "angel",
    "princess",
    "correct",
    "battery",
    "staple",
    "turnip",
    "lantern",
    "velvet",
    "copper",
    "marble",
    "walnut",
    "cedar",
    "maple",
    "willow",
    "harbor",
    "anchor",
    "lighthouse",
]  # fmt: skip
FIRST_NAMES = [
    "annika",
    "thomas",
    "michael",
    "sabine",
    "julia",
    "peter",
    "lukas",
    "marie",
    "nicole",
    "stefan",
    "carlos",
    "maria",
    "ahmed",
    "yuki",
    "olga",
    "ivan",
    "emma",
]  # fmt: skip
KEYBOARD = (
    "qwertz", "qwerty", "asdf", "1qaz2wsx", "zxcvbn", "letmein", "admin", "welcome", "hallo", "master", "iloveyou",
)  # fmt: skip
TAILS = ("!", "?", "#", "$", "!!", ".", "*", "!1", "@", "_")
NAMES = (
    "password", "db password", "db pass", "passwd", "pwd", "admin password", "root password", "smtp password",
    "redis password", "user password", "passphrase", "mysql root password", "postgres password", "keystore password",
    "ftp password", "mail pass", "database password", "login password", "sudo pass", "ldap bind password", "proxy pass",
    "default password", "service account password", "wifi password", "rabbitmq default pass", "pgpassword",
)  # fmt: skip


def _word(r: random.Random) -> str:
    return r.choice(WORDS)


def _leet(text: str) -> str:
    return text.translate(str.maketrans("aeios", "43105"))


HUMAN: dict[str, Callable[[random.Random], str]] = {
    "Word, year, sign": lambda r: _word(r).title() + str(r.randint(1965, 2025)) + r.choice(TAILS),
    "name, year": lambda r: r.choice(FIRST_NAMES) + str(r.randint(1955, 2012)),
    "word-word-number": lambda r: f"{_word(r)}-{_word(r)}-{r.randint(1, 99)}",
    "keyboard, digits": lambda r: r.choice(KEYBOARD) + str(r.randint(10, 9999)),
    "four words": lambda r: r.choice(("-", "", "_")).join(_word(r).title() for _ in range(4)),
    "leet": lambda r: _leet(_word(r)).title() + r.choice(TAILS) + str(r.randint(1, 99)),
    "two words": lambda r: _word(r).title() + _word(r).title() + r.choice(("", "1", "!", "12", "007")),
    "one word": lambda r: _word(r) + _word(r),
    "name@year": lambda r: r.choice(FIRST_NAMES).title() + "@" + str(r.randint(1965, 2025)),
}  # fmt: skip
RANDOM: dict[str, Callable[[random.Random], str]] = {
    "letters and digits": lambda r: draw(r, ALNUM, r.randint(8, 20)),
    "letters, digits and signs": lambda r: draw(r, ALNUM + "!#%^*_-+=?.,;~&$", r.randint(10, 22)),
    "hex": lambda r: draw(r, HEX, r.choice((12, 16, 24, 32))),
    "base64": lambda r: base64.b64encode(r.randbytes(r.choice((9, 12, 15, 18)))).decode(),
    "lower": lambda r: draw(r, LOWER, r.randint(9, 16)),
    "groups": lambda r: "-".join(draw(r, string.ascii_letters + string.digits, 6) for _ in range(3)),
}  # fmt: skip


def password(r: random.Random, *, human: bool) -> tuple[str, str]:
    """(its form, the password)."""
    forms = HUMAN if human else RANDOM
    name = r.choice(list(forms))
    return ("human: " if human else "random: ") + name, forms[name](r)
