"""What the labels of token classifiers mean here: BIO, BIOES or plain, in any case, by a table of names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from streams.redact.replacing import KINDS

_NAMED = {
    "name": "name person per private_person person_name full_name first_name last_name middle_name given_name surname "
    "givenname lastname firstname author",
    "email": "email email_address private_email e_mail mail",
    "key": "key secret api_key apikey access_token token secret_key private_key private_secret auth_token credential",
    "password": "password passwd pass private_password passphrase",
    "ip": "ip ip_address ipv4 ipv6 ipaddress private_ip ip_addr",
    "username": "username user_name user login nick private_username",
    "phone": "phone phone_number private_phone telephone telephonenum phonenumber mobile_phone_number telephone_number",
    "iban": "iban account_number bank_account bank_account_number accountnum accountnumber private_account",
    "card": "card credit_card credit_card_number creditcardnumber credit_debit_card card_number",
}
"""By our kinds, the names of StarPII (NAME, EMAIL, KEY, PASSWORD, IP_ADDRESS, USERNAME), of privacy-filter
(private_person, private_email, private_phone, account_number, secret), of GLiNER-PII and of others."""
KIND_OF = {name: kind for kind, names in _NAMED.items() for name in names.split()}
OUTSIDE = "o"
IGNORED = frozenset({"ambiguous"})
"""StarPII's label for what its annotators could not tell."""
_PREFIXED = re.compile(r"(?i)([BIESLU])[-_](.+)")
_BEGINS = frozenset("BSU")


@dataclass(frozen=True)
class Labels:
    """The labels of a model by their ids."""

    kinds: tuple[int, ...]
    """Of each label, 1 + the place of its kind in KINDS; 0: outside, and whatever is ignored."""
    begins: tuple[bool, ...]
    """Whether it says that something begins."""
    unknown: tuple[str, ...]
    """Names that mean nothing here."""


def read(labels: Sequence[str]) -> Labels:
    """What each label means."""
    parts = [_split(label) for label in labels]
    names = [name for _, name in parts]
    unknown = {name for name in names if name not in KIND_OF and name not in IGNORED and name != OUTSIDE}
    return Labels(
        kinds=tuple(1 + KINDS.index(KIND_OF[name]) if name in KIND_OF else 0 for name in names),
        begins=tuple(prefix in _BEGINS for prefix, _ in parts),
        unknown=tuple(sorted(unknown)),
    )


def _split(label: str) -> tuple[str, str]:
    """Prefix and name of `B-NAME`, also of `B-phone number`; a user name's `U` is none where no mark follows it."""
    match = _PREFIXED.fullmatch(label.strip())
    prefix, name = (match[1].upper(), match[2]) if match else ("", label.strip())
    return prefix, re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
