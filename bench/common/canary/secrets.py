"""The secrets: a value of some form, the line that it stands in wherever it is planted, and in how many documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from common.canary.draw import ordered, pick
from common.canary.lines import LINES
from common.canary.values import FORMS, Form, Value

COPIES = (1, 4, 16, 64)
WORDS = tuple(
    re.findall(
        r"\S+",
        "harbor lantern walnut meadow copper falcon glacier pepper saddle timber velvet anchor barley canyon dolphin "
        "ember fiddle garnet hazel island jasper kettle linden marble nectar orchard pebble quarry raven sorrel "
        "thistle umber violet willow yarrow zephyr acorn beacon cedar drifter",
    )
)
"""Two of them name what a secret is for: 1,600 names, so that no two secrets have the same."""


@dataclass(frozen=True)
class Secret:
    number: int
    copies: int
    form: Form
    value: Value
    host: str
    """The kind of file that it is planted in."""
    line: str
    """One line or some, the same in all of its documents."""
    at: int
    """Where in the line the value begins, characters."""

    @property
    def text(self) -> str:
        return self.value.text


def secrets(count: int) -> list[Secret]:
    """As many of each number of copies, and of each about as many of each form. Raises ValueError above 1,600."""
    topics = ordered(map(" ".join, product(WORDS, WORDS)), str, "topics")
    if count > len(topics):
        raise ValueError(f"there are names for {len(topics)} secrets, not for {count}")
    forms = {copies: ordered(FORMS, lambda form: f"{form.kind} {form.name}", "forms", copies) for copies in COPIES}
    made: list[Secret] = []
    for number, topic in zip(range(count), topics, strict=False):
        copies = COPIES[number % len(COPIES)]
        made.append(secret(number, copies, forms[copies][number // len(COPIES) % len(FORMS)], topic))
    return made


def secret(number: int, copies: int, form: Form, topic: str) -> Secret:
    value, hosts = form.value(number), LINES[form.lines]
    host = pick(tuple(hosts), "host", number)
    word = pick(form.words, "word", number) if form.words else "key"
    line = pick(hosts[host], "line", number)
    for mark, text in _marks(topic, word):
        line = line.replace(mark, text)
    at = line.index("<<v>>")
    return Secret(number, copies, form, value, host, line.replace("<<v>>", value.text), at)


def _marks(topic: str, word: str) -> tuple[tuple[str, str], ...]:
    words = f"{topic} {word}".split()
    return (
        ("<<snake>>", "_".join(words)), ("<<upper>>", "_".join(words).upper()), ("<<camel>>", _camel(words)),
        ("<<kebab>>", "-".join(words)), ("<<dotted>>", ".".join(words)), ("<<word>>", word), ("<<words>>", topic),
        ("<<wordcamel>>", _camel(word.split())), ("<<topic>>", topic.replace(" ", "_")),
        ("<<TOPIC>>", topic.replace(" ", "_").upper()),
    )  # fmt: skip


def _camel(words: list[str]) -> str:
    return words[0] + "".join(map(str.title, words[1:]))
