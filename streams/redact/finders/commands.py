"""Secrets on command lines and in SQL: flags, `curl -u`, `mysql -p`, ENV of a Dockerfile, netrc, `identified by`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from streams.redact import judge, values
from streams.redact.detector import Detector, Span, Text
from streams.redact.finders.carried import EXAMPLES
from streams.redact.naming import strength
from streams.redact.place import Place

_NAMED = "(?:pass(?:wor[dt]|wd|phrase|code)?|pwd|secret|token|[_-]?key|auth|credential)"
_FLAG = re.compile(rb"(?P<name>--?[\w-]{2,50})[ \t]{1,4}(?P<quote>[\"']?)(?P<secret>[^\s\"'`<$|&;)]{3,200})")
_SQL = re.compile(
    rb"(?i)(?:identified(?: with \w{1,40})? by|password)[ \t]{1,4}(?:password[ \t]{1,4})?(?:values[ \t]{1,4})?"
    rb"(?P<quote>\\?[\"']?)(?P<secret>[^\s\"'`;,<>)\\]{3,100})"
)
_ENV = re.compile(
    rb"(?i)(?:env|arg|setx|set|machine|login|"
    rb"user)[ \t]+(?P<name>[\w.-]{1,60})[ \t]{1,4}(?P<quote>[\"']?)(?P<secret>[^\s\"'=<$]{3,200})"
)
_REDIS = re.compile(rb"(?:requirepass|masterauth)[ \t]{1,4}(?P<quote>[\"']?)(?P<secret>[^\s\"'#<$]{3,200})")
_NETRC = re.compile(rb"(?i)login\s{1,8}\S{1,100}\s{1,8}password\s{1,8}(?P<secret>\S{3,200})")
_CURL = re.compile(
    rb"(?:-u|--user|--proxy-user|-U)[ \t=]{0,4}(?P<quote>[\"']?)[^\s:\"'<>$]{0,80}[\"']?:"
    rb"[\"']?(?P<secret>[^\s\"'<>$]{3,200})"
)
_SHORT = re.compile(
    rb"(?:(?:mysql\w*|mariadb\w*)\b[^\n|;]{0,120}?[ \t]-p|(?:sshpass|mongo\w*|smbclient|docker|podman|"
    rb"helm)\b[^\n|;]{0,120}?[ \t]-p[ \t]?"
    rb"|zip\b[^\n|;]{0,80}?[ \t]-P[ \t]{1,4}|(?:7za?|unrar|rar)\b[^\n|;]{0,80}?[ \t]-h?p"
    rb"|-(?:store|key)pass[ \t]{1,4}|ldap\w{3,10}\b[^\n|;]{0,160}?[ \t]-w[ \t]{1,4}|-pass(?:in|out)?[ \t]{1,4}pass:"
    rb"|redis-cli\b[^\n|;]{0,120}?[ \t]-a[ \t]?)(?P<quote>[\"']?)(?P<secret>[^\s\"'<>$-][^\s\"'<>$]{2,100})"
)


def _matched(pattern: re.Pattern[bytes], name: str) -> Callable[[Text, int, int], Iterator[Span]]:
    """The value of a pattern's match, under the name that it has or always goes by."""

    def confirm(text: Text, start: int, end: int) -> Iterator[Span]:
        match = pattern.match(text.window(start, start + 400))
        if match is None:
            return
        called = match.groupdict().get("name") or name.encode()
        quoted = bool(match.groupdict().get("quote"))
        value = match["secret"].decode("utf-8", "replace")
        power = strength(called.decode("utf-8", "replace"))
        kind = judge.kind_of(power, value, text.place, quoted or name != "") if power else ""
        if pattern is _SQL and not quoted:
            told = _STATEMENT.search(text.line(start, 200)) is not None and judge.is_told(value)
            kind = "password" if told and b" by " in match.group().lower() else ""
        elif pattern is _SQL:  # the statement says that it is one
            is_said = b"password" in match.group().lower() or _STATEMENT.search(text.line(start, 200)) is not None
            kind = "password" if is_said and judge.is_told(value) else ""
        if kind and not _is_user(match.group(), value):
            yield start + match.start("secret"), start + match.end("secret"), kind

    return confirm


_STATEMENT = re.compile(rb"(?i)\b(?:create|alter|grant|set)\b[^;]{0,120}\b(?:user|role|to|password|sys|system)\b|sql>")
"""In which a word behind `identified by` is a password without quotes."""


def _is_user(command: bytes, value: str) -> bool:
    """`-u 1000:1000` is a user and a group."""
    if not command.startswith((b"-u", b"-U", b"--user", b"--proxy-user")):
        return False
    return value.isdigit() or value.lower() in EXAMPLES


def netrc(text: Text, start: int, end: int) -> Iterator[Span]:
    match = _NETRC.match(text.window(start, start + 400))
    value = match["secret"].decode("utf-8", "replace") if match else ""
    if match and judge.kind_of("password", value, Place(".netrc"), True) and text.line(start, 200).count(b" ") < 8:
        yield start + match.start("secret"), start + match.end("secret"), "password"


_PGPASS = re.compile(rb"[\w.*-]{1,100}:(?:\d{2,5}|\*):[\w.*-]{1,60}:[\w.*@-]{1,60}:(?P<secret>[^\s:]{3,200})")
_TOLD = re.compile(
    rb"(?i)(?P<name>passw\w{0,6}|pass|passphrase|pwd|pin|mot de passe|contrase\S{1,3}a|kennwort"
    rb"|(?:[a-z]{1,12}[ _-])?(?:key|token|secret)(?:[ _-](?:id|key))?)[\"'`*]{0,2}[ \t]{0,3}"
    rb"(?:is|was|are|est|ist|es|[:=])[ \t:]{1,3}(?P<quote>[\"'`*]{0,2})(?P<secret>[^\s\"'`]{4,200})"
)


_BEFORE_KEYS = re.findall(
    r"\S+",
    "api access private secret auth oauth encryption signing master account storage shared client app session service "
    "bot webhook deploy server license refresh bearer aws login user",
)
_SAYS = r"(?:[ _-](?:id|key))?[\"'`*]*[ \t]*(?:is|was|:|=)[ \t]"
"""Behind a name in a sentence."""


def pgpass(text: Text, start: int, end: int) -> Iterator[Span]:
    """Lines of PostgreSQL's file of passwords: host, port, database, user, password."""
    before = text.window(start - 100, start)
    match = text.match(_PGPASS, start - len(before) + before.rfind(b"\n") + 1, 500)
    secret = match["secret"].decode("utf-8", "replace") if match else ""
    if match and judge.is_told(secret):
        yield match.start("secret"), match.end("secret"), "password"


def told(text: Text, start: int, end: int) -> Iterator[Span]:
    """In a sentence: what has letters and digits, or marks."""
    match = text.match(_TOLD, start, 160)
    if match is None:
        return
    value = match["secret"].rstrip(b".,;:!?)").decode("utf-8", "replace")
    digits, letters = any(c.isdigit() for c in value), any(c.isalpha() for c in value)
    power = strength(re.sub(r"[ -]", "_", match["name"].decode("utf-8", "replace"))) or "password"
    if power == "weak" or not letters or not (digits or (match["quote"] and values.is_random(value))):
        return
    if kind := judge.kind_of(power, value, text.place, True):
        yield match.start("secret"), match.start("secret") + len(value.encode()), kind


COMMANDS: tuple[Detector, ...] = (
    Detector(
        "flag",
        "password",
        (rf"(?i)\s--?[\w-]{{0,20}}{_NAMED}[ \t]{{1,4}}[\"']?[^\s\"'`<$|&;)-]",),
        lambda text, start, end: _matched(_FLAG, "")(text, start + 1, end),
        ("deploy --password Wolke77x", "tool --api-key 'f3Kd92mPq7Zx81LvT0aW' run"),
        ("deploy --password-file pw.txt", "tool --token $TOKEN", "git log --author-date key"),
    ),
    Detector(
        "sql",
        "password",
        (r"(?i)identified(?: with \w{1,40})? by[ \t]", r"(?i)\bpassword[ \t]{1,4}\\?[\"']\w"),
        _matched(_SQL, "password"),
        ("CREATE USER 'a'@'%' IDENTIFIED BY 'Wolke77'", "ALTER ROLE a WITH PASSWORD 'Wolke77';"),
        ("ALTER ROLE a WITH PASSWORD NULL;", "the user is identified by his id", "parts that are identified by index"),
    ),
    Detector(
        "env",
        "password",
        (rf"(?i)\b(?:env|arg|setx)[ \t]{{1,4}}[\w-]{{0,30}}{_NAMED}[\w-]{{0,20}}[ \t]{{1,4}}[^\s=<$]",),
        _matched(_ENV, ""),
        ("ENV DB_PASSWORD Wolke77",),
        ("ARG TOKEN", "ENV PASSWORD $PASSWORD"),
    ),
    Detector(
        "redis",
        "password",
        (r"(?:requirepass|masterauth)[ \t]",),
        _matched(_REDIS, "password"),
        ("requirepass Wolke77x", "redis-server --requirepass Wolke77x"),
        ("# requirepass <password>", "requirepass $PASSWORD"),
    ),
    Detector(
        "netrc",
        "password",
        (r"(?i)\blogin\s{1,8}\S{1,100}\s{1,8}password\s",),
        netrc,
        ("machine h.org login ann password Wolke77",),
        ("login with password is not possible", "a login a password b c d e f g h"),
    ),
    Detector(
        "curl",
        "password",
        (r"[ \t](?:-u|--user|--proxy-user)[ \t=]{0,4}[\"']?[^\s:\"'<>$]{0,80}[\"']?:[^\s<>$/]",),
        lambda text, start, end: _matched(_CURL, "password")(text, start + 1, end),
        ("curl -u ann:Wolke77 https://h.org",),
        ("curl -u $USER:$PASSWORD h.org", "curl -u user:password h.org", "docker run -u 1000:1000 x"),
    ),
    Detector(
        "short",
        "password",
        (
            "mysql",
            "mariadb",
            "sshpass",
            "mongo",
            "redis-cli",
            "smbclient",
            "docker login",
            "podman login",
            "registry login",
            r"-(?:store|key)pass[ \t]",
            "ldap(?:search|add|modify|delete|whoami|passwd)[ \\t]",
            r"-pass(?:in|out)?[ \t]+pass:",
            r"\b(?:un)?zip[ \t][^\n|;]{0,80}-P[ \t]",
            r"\b(?:7za?|unrar|rar)[ \t][^\n|;]{0,80}-h?p\w",
        ),
        _matched(_SHORT, "password"),
        (
            "zip -P Wolke77 a.zip b",
            "keytool -storepass Wolke77x -list",
            "ldapsearch -D cn=a -w Wolke77x -b x",
            "openssl rsa -passin pass:Wolke77x",
            "7z x -pWolke77 a.7z",
            "mysql -uroot -pWolke77 db",
            "sshpass -p 'Wolke77' ssh h",
        ),
        ("mysql -p -u root", "mysql -u root -p orders", "docker run -p 8080:80 x", "unzip -p a.zip", "zip -r a.zip b"),
    ),
    Detector(
        "pgpass",
        "password",
        (":5432:", ":5433:", ":6432:", r":\*:"),
        pgpass,
        ("db.h.org:5432:x:ann:Wolke77x",),
        ("a.py:12:3:error:message", "10:22:33:44:55"),
    ),
    Detector(
        "told",
        "password",
        (
            r"(?i)(?:passw|passphrase|pwd)\w*\s+(?:is|was|are|:)\s",
            r"(?i)mot de passe",
            r"(?i)\bpass\s+(?:is|:)\s",
            *(rf"(?i){word}[ _-](?:key|token|secret){_SAYS}" for word in _BEFORE_KEYS),
        ),
        told,
        (
            "The password is Wolke77x.",
            "mot de passe : Wolke77x",
            "The api key is `IjiE7gN53FgDjQkpmlhMZ3Fw`.",
            "secret key: IjiE7gN53FgDjQkpmlhMZ3Fw",
            "The pwd is `WWUEPhERbn7k`.",
        ),
        (
            "The password is required.",
            "the password is in /run/secrets/x",
            "password is sha256",
            "the primary key is user_id2",
            "the api key is required",
            "access token: see chapter4",
        ),
    ),
)
