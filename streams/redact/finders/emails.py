"""Addresses of electronic mail: plain, in URLs with `%40`, written with `[at]`, and in other scripts than Latin."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.redact.detector import Detector, Span, Text

_GENERIC = frozenset(
    re.findall(
        r"\S+",
        "com org net edu gov mil int info biz name pro mobi aero coop museum jobs travel cat post asia tel xxx "
        "arpa io dev app ai tech online site store shop blog cloud xyz live email systems solutions agency "
        "digital software engineering network services group team studio design media world today space club me "
        "tv cc academy company consulting foundation international institute university school health care bank "
        "finance law legal news science computer codes technology ninja rocks guru expert works zone tools "
        "support help host hosting page wiki social chat mail business center city community contact directory "
        "education energy events exchange global ltd gmbh llc inc management marketing partners photo photos "
        "productions properties security training ventures berlin london paris nyc tokyo amsterdam hamburg koeln "
        "wien swiss moscow google microsoft apple amazon",
    )
)
"""The usual ones of more than two letters."""
_COUNTRIES = frozenset(
    re.findall(
        r"\S+",
        "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw "
        "by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et "
        "eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie "
        "il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv "
        "ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr "
        "nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl "
        "sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz "
        "va vc ve vg vi vn vu wf ws ye yt za zm zw",
    )
)
_FILES = frozenset(
    re.findall(
        r"\S+",
        "py md sh rs go cc hs pl so in am is as la st vi ps mk mm ml lu ms do",
    )
)
"""Ends of names of files, which are countries, too."""
_LOCAL = re.compile(rb"[A-Za-z0-9.!#$&'*+/=?^_{|}~\x80-\xff%-]{1,64}\Z")
_DOMAIN = re.compile(
    rb"(?:[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]{0,61}[A-Za-z0-9\x80-\xff])?\.){1,6}[A-Za-z\x80-\xff][A-Za-z0-9\x80-\xff-]{1,62}"
)
_SPELT = re.compile(
    rb"[ \t]{0,2}(?:[\[({<][ \t]?(?:at|AT|@)[ \t]?[\])}>]|&#0?64;|&commat;|\\u0040|\\x40|%40)[ \t]{0,2}"
    rb"(?P<domain>[A-Za-z0-9\x80-\xff-]{1,63}(?:[ \t]{0,2}(?:\.|"
    rb"[\[({<][ \t]?(?:dot|DOT|\.)[ \t]?[\])}>])[ \t]{0,2}[A-Za-z0-9\x80-\xff-]{1,63}){1,5})"
)
_DOT = re.compile(rb"[ \t]{0,2}[\[({<][ \t]?(?:dot|DOT|\.)[ \t]?[\])}>][ \t]{0,2}")
_SAFE = re.compile(
    rb"(?i)@(?:[\w-]+\.)*(?:example\.(?:com|org|net|edu)|(?:[\w-]+\.)?(?:example|test|invalid|localhost|local))$"
    rb"|^(?:git|svn|hg|ssh|no-?reply|noreply|donotreply|do-not-reply|notifications?)@|^[\w.+-]{0,64}\[bot\]@|@2x\.|@3x\."
    rb"|^(?:zlib|[\w.-]*(?:sha\d|umac|etm|gcm|poly|curve|cert|kex|strict|rsa|dss|ed25519|ecdsa|25519|sntrup)[\w.-]*)@"
    rb"(?:openssh\.com|libssh\.org|ssh\.com|lysator\.liu\.se|tinyssh\.org)$|@[A-Z]+\.(?:min|js|css)"
)
"""Also names of algorithms, to which their makers put their domain."""
_ATTACHED = re.compile(rb"[(\[]|\.[a-z_]+\(")
_USERINFO = re.compile(rb"://[^\s/\"'<>]{0,120}\Z")
"""Before an `@` in a URL."""
_SCALED = re.compile(rb"\d+(?:\.\d+)?x(?:\.|~)")
_EDGES = b".!#$&'*+/=?^_{|}~%-"


def _span(text: Text, at: int, domain: bytes, begin: int, stop: int) -> Iterator[Span]:
    """The address whose local part ends at `at`; its domain is what is said between `begin` and `stop`."""
    local = _LOCAL.search(text.window(at - 64, at))
    if local is None:
        return
    name = local.group().lstrip(_EDGES)
    if text.window(at - len(name) - 1, at - len(name)) == b"\\":
        return
    if b"%" in name:  # in a URL what stands before is not a part of it
        name = re.split(rb"%[0-9A-Fa-f]{2}", name)[-1]
    name = re.split(rb"[=/?&'{}|]", name)[-1].lstrip(_EDGES)
    if _USERINFO.search(text.window(at - 160, at)):
        return
    if not name or _SCALED.match(domain) or not _is_domain(domain.lower()) or _SAFE.search(name + b"@" + domain):
        return
    yield at - len(name), stop, "email"


def _is_domain(domain: bytes) -> bool:
    tail = domain.rpartition(b".")[2]
    if not tail.isascii() or tail.startswith(b"xn--"):
        return True
    last = tail.decode()
    return last in _GENERIC or last in _COUNTRIES


def plain(text: Text, start: int, end: int) -> Iterator[Span]:
    at = text.data.find(b"@", start, end)
    window = text.window(at + 1, at + 260)
    domain = _DOMAIN.match(window)
    if domain is None or _ATTACHED.match(window, domain.end()) or window[domain.end() : domain.end() + 1] == b"@":
        return
    host = domain.group()
    before = text.window(at - 2, at)
    code = text.place.is_code is not False and (host.rpartition(b".")[2].decode("ascii", "replace") in _FILES)
    if code and not _is_quoted(text, at) and not _is_plain(text, at, host):
        return
    if (
        window[domain.end() : domain.end() + 1] == b":"
        and window[domain.end() + 1 : domain.end() + 2].isalnum()
        and before[-3:] == b"git"
    ):
        return
    yield from _span(text, at, host, at + 1, at + 1 + domain.end())


def _is_plain(text: Text, at: int, host: bytes) -> bool:
    """An address as people have them, and no product of two names: `ann.lee@firma.pl`."""
    local = _LOCAL.search(text.window(at - 64, at))
    return local is not None and len(local.group()) > 2 and len(host.split(b".")[-2]) > 3


def _is_quoted(text: Text, at: int) -> bool:
    before = text.window(at - 80, at)
    return any(mark in before.rpartition(b"\n")[2] for mark in (b'"', b"'", b"`", b"#", b"//", b"<", b"*", b"mailto"))


def spelt(text: Text, start: int, end: int) -> Iterator[Span]:
    """`start` is where what stands for `@` begins."""
    before = text.window(start - 3, start)
    at = start - (len(before) - len(before.rstrip(b" \t")))
    match = _SPELT.match(text.window(at, at + 320))
    if match is None:
        return
    domain = _DOT.sub(b".", match["domain"]).replace(b" ", b"")
    yield from _span(text, at, domain, at + match.start("domain"), at + match.end())


EMAILS: tuple[Detector, ...] = (
    Detector(
        "email",
        "email",
        (r"[A-Za-z0-9._%+\x80-\xff-]@[A-Za-z0-9\x80-\xff-]+\.[A-Za-z0-9\x80-\xff]",),
        plain,
        (
            "write to ann.lee@mail.org today",
            "<ann@mail.org>,`bob@mail.org`/",
            "mailto:ann@sub.mail.co.uk?subject=x",
            "ann@müller.de",
            "x=ann+list@mail.org;",
            "анна@почта.рф",
            "author: Ann Lee <ann@mail.org>",
        ),
        (
            "git@github.com:org/repo.git",
            "user@example.com",
            "icon@2x.png",
            "x = A@B.conj()",
            "self.W@self.x.view",
            "\\Gin@base.bb",
            "@decorator.name",
            "noreply@github.com",
            "y = a@b.T",
            "import x@1.2.3",
            "node@18.2.0-alpine",
            "lodash@4.17.21",
            "pkg@next.js.map",
            "zlib@openssh.com",
            "hmac-sha2-256-etm@openssh.com",
            "jquery-@VERSION.min.js",
        ),
    ),
    Detector(
        "spelt_email",
        "email",
        (r"(?i)[\[({<] ?at ?[\])}>]", r"[\[({<] ?@ ?[\])}>]", "%40", "&#0?64;", "&commat;", r"\\u0040", r"\\x40"),
        spelt,
        (
            "ann [at] mail [dot] org",
            "ann(at)mail.org",
            "https://h.org/?to=ann%40mail.org",
            "ann&#64;mail.org",
            '"ann\\u0040mail.org"',
        ),
        ("a[at]b", "look (at) this", "x%40y"),
    ),
)
