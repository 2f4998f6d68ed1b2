"""Made-up personal data, by Faker: e-mails, addresses, phones, accounts, cards, names and user names."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable
from itertools import pairwise

from faker import Faker

LOCALES = ("en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "nl_NL", "pt_BR", "sv_SE")
PHONE_LOCALES = ("en_US", "de_DE", "fr_FR", "en_GB", "es_ES", "it_IT", "pl_PL", "nl_NL")
PROVIDERS = (
    "gmail.com",
    "web.de",
    "gmx.net",
    "outlook.com",
    "yahoo.co.uk",
    "proton.me",
    "orange.fr",
    "icloud.com",
    "mail.ru",
)


class People:
    """Values of persons, the same ones for the same seed."""

    def __init__(self, r: random.Random) -> None:
        self.r = r
        self.faker = Faker(list(LOCALES))
        self.phones = Faker(list(PHONE_LOCALES))
        self.faker.seed_instance(r.randrange(2**32))
        self.phones.seed_instance(r.randrange(2**32))
        self.by_kind: dict[str, Callable[[], tuple[str, str]]] = {
            "email": self.email, "ip": self.ip, "phone": self.phone, "iban": self.iban, "card": self.card,
            "name": self.name, "username": self.username,
        }  # fmt: skip

    def email(self) -> tuple[str, str]:
        """(its form, the e-mail); the same for the others."""
        if self.r.random() < 0.2:
            return (
                "plus",
                f"{self.faker.user_name()}+{self.r.choice(('dev', 'git', 'test1'))}@{self.r.choice(PROVIDERS)}",
            )
        if self.r.random() < 0.5:
            return "provider", f"{self.faker.user_name()}@{self.r.choice(PROVIDERS)}"
        company = self.faker.domain_name().replace("example", "sample")
        return "company", f"{self.faker.user_name()}@{self.r.choice(('', '', 'mail.', 'dev.'))}{company}"

    def ip(self) -> tuple[str, str]:
        if self.r.random() < 0.3:
            return "IPv6", self._ipv6()
        while not ipaddress.ip_address(text := self.faker.ipv4_public()).is_global:
            pass
        return "IPv4", text

    def _ipv6(self) -> str:
        head = self.r.choice(("2a01:4f8", "2a02:908", "2600:1f18", "2607:f8b0", "2a03:2880", "2400:cb00"))
        groups = [f"{self.r.randrange(1, 2**16):x}" for _ in range(self.r.choice((2, 4, 6)))]
        text = head + ":" + ":".join(groups)
        return text if len(groups) == 6 else f"{text}::{self.r.randrange(1, 2**16):x}"

    def phone(self) -> tuple[str, str]:
        while True:
            text = self.phones.phone_number()
            if 9 <= sum(c.isdigit() for c in text) <= 15:
                return "international" if text.startswith("+") else "national", text

    def iban(self) -> tuple[str, str]:
        text = self.phones.iban()
        if self.r.random() < 0.5:
            return "in one", text
        return "in groups", " ".join(text[i : i + 4] for i in range(0, len(text), 4))

    def card(self) -> tuple[str, str]:
        text = self.faker.credit_card_number(self.r.choice(("visa16", "mastercard", "discover", "amex")))
        mark = self.r.choice(("", "", " ", "-"))
        cuts = (0, 4, 10, 15) if len(text) == 15 else (0, 4, 8, 12, 16)
        return "in one" if not mark else "in groups", mark.join(text[a:b] for a, b in pairwise(cuts))

    def name(self) -> tuple[str, str]:
        return "full", f"{self.faker.first_name()} {self.faker.last_name()}"

    def username(self) -> tuple[str, str]:
        return "user name", self.faker.user_name()
