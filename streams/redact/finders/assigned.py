"""Secrets that are assigned to a name, in the syntax of code, of configuration, of command lines and of SQL."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from streams.redact import judge
from streams.redact.detector import Detector, Span, Text
from streams.redact.naming import strength

_WORDS = re.findall(
    r"\S+",
    "token secret credential passw passphrase passcode _pass -pass pwd psw kennwort senha contrase wachtwoord haslo "
    "heslo "
    "salasana parola jwt dsn",
)
_KEYS = re.findall(
    r"\S+",
    "api access private secret auth oauth encryption signing master account storage shared consumer client app "
    "crypto license "
    "session service subscription host root admin deploy hmac aes jwt write server customer cipher security",
)
_ASSIGNS = r"[\w.-]*[\"'`\\\])]*(?:\s*[:=!]|[,\s]\s*[\"'`]|\([\"'`]|>|[,;\s-]+(?:value|default|content)[\"'`]?\s*[=:])"
TRIGGERS = (
    *(f"(?i){word}{_ASSIGNS}" for word in _WORDS),
    r"(?i)passw\w*\[\d*\]\s*=",
    f"[a-z0-9]Pass{_ASSIGNS}",
    r"(?i)\b(?:pw|psk)[\"'`]?\s*[:=]",
    *(rf"(?i){word}[\w-]*[\"']\s*\{{\s" for word in ("passw", "pwd", "secret", "token", "key")),
    *(rf"(?i){word}\w*\s*\{{\s*(?:get|init|private)" for word in ("passw", "pass", "pwd", "secret", "token", "key")),
    *(rf"(?i){word}\w*[\"']\s+to\s+[\"']" for word in ("passw", "pass", "pwd", "secret", "token", "key")),
    *(f"(?i){word}[_.-]?key{_ASSIGNS}" for word in _KEYS),
    r"(?i)\bpass\\*[\"'`]?\]?[ \t]*[=:,(!]",
    r"(?i)(?:key|auth)[\"'`]?[\])]?\s*(?:=|:|,)>?=?\s*[\"'`][A-Za-z0-9+/_=.-]{16}",
    r"(?i)auth[\w.-]*[\"'`]?\s*[:=]\s*[A-Za-z0-9+/_=%.-]{24}",
    *(rf"(?i){word}\w*\s+(?:string|str|&str|char)\W" for word in ("passw", "secret", "token", "pwd", "key")),
    *(
        [
            "contraseña",
            "hasło",
            "lösenord",
            "şifre",
            "密码",
            "密碼",
            "口令",
            "パスワード",
            "비밀번호",
            "пароль",
            "κωδικός",
            "Пароль",
        ]
    ),
)
"""Parts of names with what may assign behind them. An expression for each word is an order of magnitude faster than one
for all: hyperscan looks for the letters first (2 GB/s, 125 matches a megabyte of Python)."""
MAX_LINE = 600
"""Bytes behind the name that are looked at."""
MAX_LIST = 16
"""Values of a list behind one name."""
_IN_NAMES = (string.ascii_letters + string.digits + "_.$-").encode() + bytes(range(0x80, 0x100))
_TYPE = (
    rb"(?:[ \t]{0,4}:?[ \t]{0,4}(?:[Ss]tr(?:ing)?|char|const|final|var|val|[Ss]ecure[Ss]tring|&'static str|&str"
    rb"|Optional\[str\])[?*\[\] ]{0,4}(?=[ \t]{0,8}:?=))?"
)
_WRAPS = (
    rb"(?:(?:new[ \t]{1,4})?[\w.:]{0,24}(?:[Bb]ytes?|[Ss]tr(?:ing)?|[Ss]ecret\w*|[Bb]64\w*|[Bb]ase64[\w.]*|"
    rb"[Dd]ecode\w*|from|[Tt]ext|"
    rb"[Cc]har\w*|Some|Optional|of|quote|\[\]byte|Buffer\.from|NSString|_T|TEXT|PASSWORD|PlainText)\()?"
)
"""A call around the value that makes it of another type; what only looks it up has another name."""
_QUOTE = rb"\\{0,3}(?:\"\"\"|\x27{3}|[\"'`])"
_BETWEEN = (
    rb"(?:[\"'`]?(?:type|description|sensitive|required|secret|"
    rb"enabled)[\"'`]?\s{0,20}[=:]\s{0,4}[\"'`]?[\w .,()-]{0,80}[\"'`]?[,;\s]{1,20})"
    rb"{0,3}"
)
_FORM = re.compile(
    rb"(?P<name>[\w.$\x80-\xff-]{0,60}+)(?:"
    rb"(?P<pair>[\"'`]?[,;/\s{-]{1,20}" + _BETWEEN + rb"[\"'`]?(?:[Vv]alue|default|content)[\"'`]?\s{0,20}[=:]\s{0,4})"
    rb"|(?P<fallback>[\"'`]?\]?[ \t]{0,40}[=:][ \t]{0,8}[A-Za-z_$][^\n;{}|?]{2,70}(?:\|\||\?\?|\?:|\bor\b)"
    rb"[ \t]{0,4})(?=[\"'`])"
    rb"|(?P<quoted>\\{0,3}[\"'`]?(?:\[\d{0,4}\])?[\])]{0,2}"
    + _TYPE
    + rb"(?:\s{0,4}\{\s{0,4}(?:get|init|private)[^{}\n]{0,40}\})?"
    + rb"(?:\s{0,40}(?P<sep>:=|=>|[=!]?={1,2}|:|,|\()(?:\s|\\\n){0,40}(?:\(\s{0,20})?"
    + rb"|(?<=[\"'])[ \t]{1,4}to[ \t]{1,4}|[ \t]{1,8})"
    + _WRAPS
    + rb"(?P<list>\[\s?)?[bBruRfLN@$]{0,2})(?="
    + _QUOTE
    + rb"[^\"'`\s])"
    rb"|(?P<element>(?:[\"'][^<>\n]{0,80})?>(?:\s{0,40}<(?:value|string)>)?(?P<cdata><!\[CDATA\[)?\s{0,8})(?=[^<>\s])"
    rb"|(?P<bare>(?<=\w):-|\\{0,3}[\"']?[ \t]{0,40}[=:][ \t]{0,40})(?=[^\s\"'`(){\[<,;=:?])"
    rb")(?P<quote>" + _QUOTE + rb"?)"
)
"""A name and what may be assigned to it."""
_LABEL = re.compile(
    rb"(?i)\b(?:for|htmlfor|class|classname|href|title|placeholder|aria-[\w-]+)=[{\"'][^<>]{0,100}>\s{0,8}\Z"
)
"""An attribute that names no value of its element."""
_NEXT = re.compile(rb"\s{0,8},\s{0,8}(?P<quote>\\{0,3}[\"'`])")
_BARE_VALUE = re.compile(rb"[^\s\"'`<>]{1,300}")
_SETS = re.compile(
    rb"(?i)(?:get|env|set|put|define|add|item|property|param|header|append|const|secret|config|default|fetch|option|argument"
    rb"|cookie|field|with|var|arg|cpy)\w{0,20}\s?[(\[{]\s{0,4}(?:[\w.]{1,30}->)?[bBruRfL@]?\\{0,3}[\"'`]?\Z"
)
"""Calls whose first argument names the second."""
_CLOSED = re.compile(rb"\\{0,3}(?:\"\"\"|\x27{3}|[\"'`])\s{0,8}\)")
_QUOTES = re.compile(rb"[\"'`]")
_COMMENT = re.compile(rb"^\s*(?:#|//|/?\*\s|--|;|%|<!--)")
_QUERIED = re.compile(rb"[?&;\"'`{,]\s?\Z")
"""Before a name in a URL, or in a string of names and values."""
_BLOCK = re.compile(
    rb"(?:[|>][-+\d]{0,2}|&[\w-]{1,40})[ \t]{0,8}(?:\n[ \t]{1,40})?(?P<said>[^\s\"'`]{4,200})(?=[ \t]{0,8}(?:\n|\Z))"
)
"""A value of YAML on the line below, or behind an anchor."""
_REFERENCE = re.compile(rb"[!*&][A-Za-z_]")
"""A tag, an alias or an anchor of YAML."""
_ESCAPE = re.compile(rb"\\[nrt]|\*/")
_BEGINS = re.compile(rb"^\s{0,40}(?:export\s{1,4}|set\s{1,4}|-\s{1,4}|[#;]\s{0,4})?[\w.-]{1,60}\s{0,4}[=:]")
_NEXT_SETTING = re.compile(rb"[;&,|](?=[\w.-]{1,40}=)|[)}\]]+[,;]?$")
_ENDS = re.compile(rb"[;,&)}\]|]")

Value = tuple[int, int, bool]
"""Begin, end and whether it is in quotes."""


def confirm(text: Text, start: int, end: int) -> Iterator[Span]:
    """`start` is where the naming word begins."""
    form = text.match(_FORM, start, 260)
    if form is None:
        return
    before = text.window(start - 60, start)
    first = start - len(before) + len(before.rstrip(_IN_NAMES))
    called = text.data[first : form.end("name")].decode("utf-8", "replace")
    power = strength(called)
    if not power:
        return
    for begin, stop, quoted in _values(text, form, first):
        value = text.data[begin:stop].decode("utf-8", "replace")
        if not quoted and called.startswith("$"):  # a comparison, or a variable that is set to another
            continue
        if not quoted and value.lower() == called.lower().rpartition(".")[2]:  # a variable of that name
            continue
        if _is_run(called, value, form):
            continue
        if called.isupper() and value.islower() and called.lower().endswith(value):  # the name of a name
            continue
        if kind := judge.kind_of(power, value, text.place, quoted):
            yield begin, stop, kind


def _is_run(called: str, value: str, form: re.Match[bytes]) -> bool:
    """`t.pass('it')`, `first pass: mask==0`: a run through something, a test that succeeds."""
    last = called.lower().rpartition(".")[2].rpartition("_")[2]
    if last != "pass":
        return (last in ("pw", "psw") and value.isdigit()) or value.lower() in ("passed", "failed")
    return form["sep"] in (b"(", b",") or "==" in value


def _values(text: Text, form: re.Match[bytes], first: int) -> Iterator[Value]:
    at, quote = form.end(), form["quote"]
    if form["element"] is not None:
        yield from _element(text, at - len(quote), form["cdata"] is not None)
    elif quote and form["list"]:
        yield from _list(text, at, quote)
    elif quote:
        if form["sep"] == b"," and not _SETS.search(text.window(first - 30, first)):
            return
        closing = closing_quote(text, at, quote)
        is_command = quote == b"`" and b" " in text.data[at:closing]
        if closing > at and not is_command and (form["sep"] != b"(" or text.match(_CLOSED, closing, 16)):
            yield at, closing, True
    elif form["quoted"] is None and (not text.place.is_code or _in_string(text, first)):
        queried = _QUERIED.search(text.window(first - 2, first)) is not None and form["bare"] == b"="
        yield from _bare(text, first, at, queried)


def _list(text: Text, at: int, quote: bytes) -> Iterator[Value]:
    for _ in range(MAX_LIST):
        closing = closing_quote(text, at, quote)
        if closing <= at:
            return
        yield at, closing, True
        following = text.match(_NEXT, closing + len(quote), 24)
        if following is None:
            return
        at, quote = following.end(), following["quote"]


def _element(text: Text, at: int, is_cdata: bool) -> Iterator[Value]:
    if _LABEL.search(text.window(at - 200, at)):
        return
    closing = text.data.find(b"]]>" if is_cdata else b"</", at, at + MAX_LINE)
    value = text.window(at, closing).rstrip() if closing > 0 else b""
    if value and b"<" not in value and b"\n" not in value:
        yield at, at + len(value), True


def _bare(text: Text, first: int, at: int, is_queried: bool) -> Iterator[Value]:
    """In a query a word is a value as in quotes; a setting on a line of its own goes on to the next blank."""
    if block := text.match(_BLOCK, at, 320):
        yield block.start("said"), block.end("said"), True
        return
    bare = text.match(_BARE_VALUE, at, 320)
    if (
        bare
        and bare.group()[:1] not in b"{(["
        and not (_REFERENCE.match(bare.group()) and text.window(at - 2, at) == b": ")
    ):
        whole = not is_queried and text.place.is_code is False and _BEGINS.search(text.line(first, 60)[:60]) is not None
        value = (_NEXT_SETTING if whole else _ENDS).split(bare.group(), maxsplit=1)[0].rstrip(b"\\.,;")
        yield at, at + len(_ESCAPE.split(value, maxsplit=1)[0]), is_queried


def closing_quote(text: Text, at: int, quote: bytes) -> int:
    """Where the string ends that began before `at`; -1 where it does not on its line."""
    line = text.data.find(b"\n", at, at + MAX_LINE)
    end = min(at + MAX_LINE, len(text.data)) if line < 0 else line
    text.work += end - at
    closing = text.data.find(quote, at, end)
    while closing > at and len(quote) == 1 and _is_escaped(text.data, closing, at):
        closing = text.data.find(quote, closing + 1, end)
    return closing


def _is_escaped(data: bytes, at: int, begin: int) -> bool:
    slashes = 0
    while at - slashes > begin and data[at - slashes - 1] == 0x5C:
        slashes += 1
    return slashes % 2 == 1


def _in_string(text: Text, at: int) -> bool:
    """Whether a quote is open before it on its line, or the line is a comment."""
    start = text.data.rfind(b"\n", max(0, at - 300), at) + 1 or max(0, at - 300)
    before = text.window(start, at)
    return _COMMENT.match(before) is not None or len(_QUOTES.findall(before)) % 2 == 1


ASSIGNED = Detector(
    "assigned",
    "password",
    TRIGGERS,
    confirm,
    fires=(
        "password = 'S3cret-of-Ann'",
        "DB_PASSWORD=hunter22x",
        '{"api_key": "f3Kd92mPq7Zx81LvT0aW"}',
        "<password>Wolke77</password>",
        '<add key="password" value="Wolke77"/>',
        "- name: DB_PASSWORD\n  value: Wolke77",
        "define('DB_PASSWORD', 'Wolke77');",
        'const password string = "Wolke77"',
        "password: str = 'Wolke77'",
        '#define PASSWORD "Wolke77"',
        ":password => 'Wolke77'",
        "${DB_PASSWORD:-Wolke77}",
        "?user=ann&password=Wolke77&x=1",
        "os.environ.get('ADMIN_PASSWORD', 'welcome1')",
        '{\\"password\\": \\"Wolke77\\"}',
        "пароль: 'Wolke77'",
        "password: |\n  Wolke77x\n",
        "password: &anchor Wolke77x\n",
        "password = (\n    'Wolke77x'\n)",
        "SECRET_KEY = \\\n  'f3Kd92mPq7Zx81LvT0aW'",
        '<property name="password"><value>Wolke77x</value></property>',
        'const password = process.env.DB_PASS || "Wolke77"',
        'password = os.environ.get("X") or "Wolke77"',
        'variable "db_password" {\n  type    = string\n  default = "Wolke77"\n}',
        'password                 = "Wolke77"',
        'psk="Wolke77x"',
        "contraseña: Wolke77",
        'String dbPass = "Wolke77";',
        'public string Pwd { get; set; } = "Wolke77";',
        'mapOf("access_token" to "9f8c7b6a5d4e3f21")',
        'let secret = String::from("9f8c7b6a5d4e3f21");',
        'password = SecureString("Wolke77")',
        '"tokens": ["9f8c7b6a5d4e3f21", "1a2b3c4d5e6f7a8b"]',
    ),
    ignores=(
        "password = os.environ['PASSWORD_FILE']",
        "password = changeme",
        "token = 'aaaaaaaaaaaaaaaaaaaaaaaa'",
        "password: ${DB_PASSWORD}",
        "password = getpass('Password for the user: ')",
        "PASSWORD_FILE=/run/secrets/db.txt",
        '"LABEL_PASSWORD": "Neues Passwort"',
        "token = tokens.next(1)",
        'password = kwargs.pop("password", None)',
        "pass_filenames: false",
        "key: value",
        "password_hash = '5f4dcc3b5aa765d61d8327deb882cf99'",
        "secret: <your secret>",
        "encryption_key = os.getenv('CONAN_LOGIN_ENCRYPTION_KEY', None)",
        'import jwt "github.com/some/jwt-go/v4"',
        "integrity sha512-W7s+uC5bikET2twEFg==",
        "password: {{ vault_password }}",
        "token_type = 'bearer'",
        "renderPass = 'ShadowMap1'",
        "t.pass('completed')",
        "MasterUserPassword: !Ref DbPassword",
        "password: *default_pw",
        'ask_password("Password: ")',
        '<label for="password">Password:</label>',
        "'password' => 'required|min:8|confirmed'",
        "public string Token { get; set; }",
    ),
)
