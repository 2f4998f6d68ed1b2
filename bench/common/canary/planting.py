"""Documents with secrets in them: each secret in as many documents as it has copies, which differ otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.canary.draw import number, ordered
from common.canary.hosts import Hosts
from common.canary.secrets import Secret

EACH = 8
"""Secrets of a document, about."""


@dataclass(frozen=True)
class Place:
    """Where a secret stands in a text, characters: its line begins at `line`, its value at `start`."""

    secret: Secret
    line: int
    start: int


@dataclass(frozen=True)
class Document:
    path: str
    text: str
    places: tuple[Place, ...]
    """In the text's order."""


def documents(secrets: Sequence[Secret], hosts: Hosts) -> list[Document]:
    """All of them, in the order that they are produced in, so that copies of a secret come far from each other."""
    made = [
        planted(chosen, hosts, kind, n)
        for kind in sorted({secret.host for secret in secrets})
        for n, chosen in enumerate(dealt([secret for secret in secrets if secret.host == kind]))
        if chosen
    ]
    return ordered(made, lambda document: document.text, "stream")


def dealt(secrets: Sequence[Secret]) -> list[list[Secret]]:
    """Each secret into as many sets as it has copies; the sets are about equally large, and who meets whom is
    chosen by a keyed hash."""
    copies = [secret.copies for secret in secrets]
    sets: list[list[Secret]] = [[] for _ in range(max(*copies, -(-sum(copies) // EACH)))]
    for secret in sorted(secrets, key=lambda secret: (-secret.copies, secret.number)):
        order = sorted(range(len(sets)), key=lambda n: (len(sets[n]), number("deal", secret.number, n)))
        for n in order[: secret.copies]:
            sets[n].append(secret)
    return [ordered(chosen, lambda secret: secret.number, "order", n) for n, chosen in enumerate(sets)]


def planted(secrets: Sequence[Secret], hosts: Hosts, kind: str, number: int) -> Document:
    """The secrets' lines in the host of the document of this number; a line goes in as far as what it stands before."""
    host = hosts.host(kind, number, len(secrets))
    text, places = host.pieces[0], list[Place]()
    for secret, indent, piece in zip(secrets, host.indents, host.pieces[1:], strict=True):
        text += indent if "\n" not in secret.line else ""
        places.append(Place(secret, len(text), len(text) + secret.at))
        text += f"{secret.line}\n{piece}"
    return Document(host.path, text, tuple(places))
