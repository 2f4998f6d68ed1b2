"""Internet addresses: IPv4 and IPv6 that could be somebody's machine; no versions, no numbers of sections, no masks."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from streams.redact.detector import Detector, Span, Text

_V4 = re.compile(rb"(?:\d{1,3}\.){3}\d{1,3}")
_V6 = re.compile(rb"[0-9A-Fa-f:]{2,45}(?:(?<=:)(?:\d{1,3}\.){3}\d{1,3})?")
_HEAD6 = re.compile(rb"[0-9A-Fa-f:]{0,40}\Z")
_SAYS = re.compile(
    rb"(?i)\b(?:ip(?:v[46])?|addr(?:ess)?|host(?:name)?|server|client|remote|peer|dns|nameserver|gateway|subnet|bind|listen|ping|ssh|curl|"
    rb"wget|connect\w*|route|proxy|node|machine|inet6?|source|src|dst|dest\w*|from|endpoint|url|whitelist|blacklist|allow|deny|ban\w*|"
    rb"firewall|iptables|network|cidr|lookup|traceroute|forwarded|login|telnet)\b|[_-]ip\b|ip[_-]|Ip\b|IP|://|@"
)
"""Words near an address that say what it is."""
_VERSIONED = re.compile(
    rb"(?i)(?:v|ver|versions?|release|rev(?:ision)?|build|chrome|safari|firefox|version|section|sect?\.|chapter|oid|rfc|\xc2\xa7|[<>~^]=?|[=!]=|"
    rb"requires?|assembly\w*|sdk|jdk|firmware|\$id:|,v|package|release:?|update|tag|msie|edge|opera|webkit|gecko|android|ios|kernel|"
    rb"driver|mysql|product|file ?version|dll)[\s\"'=:(/_-]{0,4}\Z"
)
"""What stands before a version or the number of a section."""
_FOUR_TIMES_SMALL = 25


def v4(text: Text, start: int, end: int) -> Iterator[Span]:
    start += not text.data[start : start + 1].isdigit()
    match = _V4.match(text.window(start, start + 16))
    if match is None:
        return
    stop = start + match.end()
    before, after = text.window(start - 40, start), text.window(stop, stop + 8)
    if not _stands_alone(before, after):
        return
    address = _address(match.group())
    if address is None or not _is_somebody(address):
        return
    line_before = before.rpartition(b"\n")[2]
    if _VERSIONED.search(line_before):
        return
    told = (after[:1] == b":" and after[1:2].isdigit()) or line_before.endswith((b"://", b"@"))
    small = max(address.packed) < _FOUR_TIMES_SMALL
    says = _SAYS.search(line_before[-24:] if small else text.line(start, 80))
    if told or says or _unlike_a_version(address):
        yield start, stop, "ip"


def _stands_alone(before: bytes, after: bytes) -> bool:
    last, following = before[-1:], after[:1]
    if last.isalnum() or last in (b".", b"_", b"-", b"$") or last >= b"\x80":
        return False
    if following.isalnum() or following in (b"_",) or following >= b"\x80":
        return False
    return not (following in (b".", b"-") and after[1:2].isalnum())


def _unlike_a_version(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Of a bare one: numbers as large as no part of a version is, more than once."""
    numbers = address.packed
    return numbers[0] >= _FOUR_TIMES_SMALL and sum(number >= _FOUR_TIMES_SMALL for number in numbers) >= 2


def v6(text: Text, start: int, end: int) -> Iterator[Span]:
    head = _HEAD6.search(text.window(start - 40, start))
    first = start - (len(head.group()) if head else 0)
    match = _V6.match(text.window(first, first + 64))
    if match is None:
        return
    found = match.group()
    if found.endswith(b":") and not found.endswith(b"::"):
        found = found[:-1]
    stop = first + len(found)
    before, after = text.window(first - 1, first), text.window(stop, stop + 1)
    if before.isalnum() or before in (b".", b"_", b"-", b":") or after.isalnum() or after in (b"_", b":"):
        return
    address = _address(found)
    if address is None or found.count(b":") < 2 or not _is_somebody(address):
        return
    groups = [group for group in found.split(b":") if group]
    if b"::" not in found or (len(groups) > 2 and max(map(len, groups)) > 2):  # `[1::2]` is a slice
        yield first, stop, "ip"


def _address(found: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(found.decode())
    except ValueError:
        return None


_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_DOCUMENTED = ipaddress.ip_network("2001:db8::/32")


def _is_somebody(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Global; what carries an IPv4 address inside of it is as that one is."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return _is_somebody(inner)
        if address.packed.endswith(b"\xff" * 6) or (address in _TRANSLATED and address.packed.endswith(b"\0" * 4)):
            return False  # a mask, and the prefix of translated addresses itself
        return address.is_global and not address.is_multicast and address not in _DOCUMENTED
    return (
        address.is_global and not address.is_multicast and address.packed[0] != 0 and _PUBLIC.get(str(address)) is None
    )


_PUBLIC: dict[str, str] = dict.fromkeys(
    (
        "8.8.8.8",
        "8.8.4.4",
        "1.1.1.1",
        "1.0.0.1",
        "9.9.9.9",
        "208.67.222.222",
        "208.67.220.220",
        "114.114.114.114",
        "4.2.2.2",
    ),
    "a public resolver",
)
"""Nobody's own."""

ADDRESSES: tuple[Detector, ...] = (
    Detector(
        "ipv4",
        "ip",
        (r"(?:^|[^0-9.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}",),
        v4,
        (
            "host 93.184.216.34 answers",
            "93.184.216.34:8080",
            "http://93.184.216.34/x",
            "ssh root@18.20.3.4",
            "allow 93.184.216.0/22",
        ),
        (
            "version 1.2.3.4",
            "10.2.3.14 and 192.168.0.1 and 127.0.0.1",
            "5.10.15.20.25",
            "OID 2.5.29.14",
            "Chrome/91.0.4472.124",
            "224.0.0.251 is multicast",
            "1.2.3.40",
            "section 2.1.3.1",
            "nameserver 8.8.8.8",
            "255.255.255.0",
            "192.0.2.7",
            "203.0.113.9",
        ),
    ),
    Detector(
        "ipv6",
        "ip",
        (r"[0-9A-Fa-f]{3,4}:[0-9A-Fa-f:][0-9A-Fa-f:]", r"(?i)::ffff:\d"),
        v6,
        ("host 2606:2800:220:1:248:1893:25c8:1946.", "[2606:2800:220:1::25c8]:443", "ip ::ffff:93.184.216.34"),
        (
            "std::vector<int> a::b C::D",
            "12:30:45",
            "2001:db8::1",
            "fe80::1",
            "::1",
            "aa:bb:cc:dd:ee:ff",
            "fd12:3456:789a:1::1",
        ),
    ),
)
