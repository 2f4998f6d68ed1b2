"""Windows: real or made-up surroundings with lines put in, and the bytes where each value stands."""

from __future__ import annotations

import base64
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from common.pii import contexts, keys, passwords
from common.pii.contexts import Row
from common.pii.hosts import Hosts
from common.pii.people import People
from common.pii.syntaxes import CODE, CONFIG, PASSWORD, Syntax

COUNTS = {"email": 300, "ip": 260, "phone": 130, "iban": 90, "card": 100, "name": 160, "username": 140}
KEYS_NAMED, KEYS_BARE, GENERICS, BLOCKS, HEADERS, BASICS = 290, 330, 260, 60, 90, 30
PASSWORDS = 560
REDRAWS = 60
"""Of a value that the syntax would have to escape; some forms of keys always have such a character."""
_MARK = re.compile(r"<<(\w+)>>")
_RANDOM = re.compile(r"[dhxluwbska]\d+")
HASH = ("python", "ruby", "shell", "yaml", "env", "toml", "ini", "dockerfile", "terraform")
HOSTNAMES = ("db.internal", "mail.corp.local", "git.intern", "cache-01", "api.internal", "queue.svc.cluster.local")
USERS = ("admin", "root", "app", "deploy", "postgres", "service", "backup", "ci")


@dataclass(frozen=True)
class Truth:
    """A value that is to be found; start and end are bytes of UTF-8, half open."""

    start: int
    end: int
    kind: str
    form: str
    """The shape of the value."""


@dataclass(frozen=True)
class Window:
    path: str
    text: str
    syntax: str
    truths: tuple[Truth, ...] = ()
    trap: str = ""
    """Of a clean window: what was put in."""


@dataclass(frozen=True)
class Value:
    kind: str
    form: str
    text: str


class Maker:
    """Puts values into places; the same seed and hosts give the same windows."""

    def __init__(self, seed: int, hosts: Hosts) -> None:
        self.r = random.Random(seed)
        self.people = People(self.r)
        self.hosts = hosts
        self._turns: Counter[str] = Counter()

    def windows(self) -> Iterator[Window]:
        """All that hold something."""
        for kind, count in COUNTS.items():
            for _ in range(count):
                yield self.row(contexts.PERSONAL[kind], kind, partial(self.person, kind))
        alone = [form for form in keys.FORMS if not form.names]
        tables = (
            ("bare", contexts.BARE, KEYS_BARE, alone), ("block", contexts.BLOCK, BLOCKS, keys.BLOCKS),
            ("header", contexts.HEADERS, HEADERS, [*alone, *keys.GENERIC]),
        )  # fmt: skip
        for name, table, count, forms in tables:
            for number in range(count):
                yield self.row(table, name, partial(self.key, forms[number % len(forms)]))
        for number in range(BASICS):
            yield self.row(contexts.BASIC, "basic", partial(self.password, human=number % 2 == 0))
        yield from self._named()

    def _named(self) -> Iterator[Window]:
        """Secrets under names: keys in code and settings, passwords there and in the commands that take them."""
        settings = [*CODE.values(), *CONFIG.values()]
        for number in range(KEYS_NAMED + GENERICS):
            of = keys.FORMS if number < KEYS_NAMED else keys.GENERIC
            form = of[number % len(of)]
            names = form.names or keys.GENERIC_NAMES
            yield self.named(settings[number % len(settings)], names, partial(self.key, form))
        several = [PASSWORD[name] for name in ("sql", "command-line", "URL", "connection-string")]
        every = [*settings, *PASSWORD.values(), *several, *several]
        for number in range(PASSWORDS):
            syntax = every[number // 2 % len(every)]
            yield self.named(syntax, passwords.NAMES, partial(self.password, human=number % 2 == 0))

    def person(self, kind: str) -> Value:
        return Value(kind, *self.people.by_kind[kind]())

    def key(self, form: keys.Form) -> Value:
        return Value("key", form.name, form.make(self.r))

    def password(self, *, human: bool) -> Value:
        return Value("password", *passwords.password(self.r, human=human))

    def turn(self, name: str, of: int) -> int:
        """The next of so many, so that all come about equally often."""
        self._turns[name] += 1
        return (self._turns[name] - 1) % of

    def row(self, table: tuple[Row, ...], name: str, draw: Callable[[], Value]) -> Window:
        row = table[self.turn(name, len(table))]
        host = row.hosts[self.turn(row.template, len(row.hosts))]
        return self.window(host, row.template, draw(), "api key", "snake", host)

    def named(self, syntax: Syntax, names: Iterable[str], draw: Callable[[], Value]) -> Window:
        template = syntax.templates[self.turn(syntax.name, len(syntax.templates))]
        value = draw()
        for _ in range(REDRAWS):
            if "<<v>>" not in template or not any(c in value.text for c in syntax.forbidden):
                break
            value = draw()
        return self.window(syntax.name, template, value, self.r.choice(list(names)), syntax.style, syntax.name)

    def window(
        self, host: str, template: str, value: Value, name: str, style: str, syntax: str, trap: str = ""
    ) -> Window:
        """The template, filled and put into a place of the host."""
        path, before, indent, behind = self.hosts.place(host, self.r)
        kept = indent if "\n" not in value.text else ""
        pieces, truths, at = [before + kept], [], len((before + kept).encode())
        last = 0
        template = template.replace("\n", "\n" + kept)
        for mark in _MARK.finditer(template):
            text, kind, form = self._fill(mark[1], value, name, style, host)
            plain = template[last : mark.start()]
            start = at + len(plain.encode())
            at, last = start + len(text.encode()), mark.end()
            pieces += [plain, text]
            if kind:
                truths.append(Truth(start, at, kind, form))
        pieces += [template[last:], "\n", behind]
        return Window(path, "".join(pieces), syntax, tuple(truths), trap)

    def _fill(self, mark: str, value: Value, name: str, style: str, host: str) -> tuple[str, str, str]:
        """(the text of a mark, the kind if it is to be found, its form)."""
        if mark in _SHAPES:
            return _SHAPES[mark](value.text), value.kind, value.form
        if mark in ("mail", "who"):
            other = self.person("email" if mark == "mail" else "name")
            return other.text, other.kind, other.form
        if _RANDOM.fullmatch(mark):
            return keys.fill(self.r, f"{{{mark}}}"), "", ""
        if mark in ("host", "user"):
            return self.r.choice(HOSTNAMES if mark == "host" else USERS), "", ""
        plain = {"database": "orders", "rem": "#" if host in HASH else "//"}
        return plain.get(mark) or styled(name, style if mark == "n" else mark), "", ""


_SHAPES: dict[str, Callable[[str], str]] = {
    "v": lambda text: text,
    "v4": lambda text: text.replace("\n", "\n    "),
    "vn": lambda text: text.replace("\n", "\\n"),
    "vb": lambda text: base64.b64encode(text.encode()).decode(),
    "vu": lambda text: base64.b64encode(f"deploy:{text}".encode()).decode(),
}


def styled(name: str, style: str) -> str:
    """`db password` as db_password, DB_PASSWORD, dbPassword, DbPassword, db-password."""
    words = name.split()
    titles = [word.title() for word in words]
    return {
        "snake": "_".join(words), "upper": "_".join(words).upper(), "camel": words[0] + "".join(titles[1:]),
        "pascal": "".join(titles), "kebab": "-".join(words),
    }[style]  # fmt: skip
