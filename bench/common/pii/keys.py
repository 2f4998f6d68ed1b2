"""Made-up keys in the forms that providers describe in public: prefix, alphabet, length, a checksum where known."""

from __future__ import annotations

import base64
import json
import random
import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from common.pii.blocks import KINDS, block

ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
URL = ALNUM + "-_"
BASE32 = string.ascii_uppercase + "234567"
_62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


@dataclass(frozen=True)
class Form:
    """One form of key."""

    name: str
    make: Callable[[random.Random], str]
    names: tuple[str, ...] = ()
    """Words of the variable that holds it, where the key alone is not to be told from other random text."""


def draw(r: random.Random, alphabet: str, count: int) -> str:
    return "".join(r.choices(alphabet, k=count))


def form(name: str, pattern: str, *names: str) -> Form:
    """Of a pattern such as `glpat-{w20}`: d digits, h hex, x upper hex, l lower, u upper, w letters and digits, s those
    with - and _, b base32, k base64, q Bech32's; each with a count."""
    return Form(name, lambda r: fill(r, pattern), names)


_CLASSES = {
    "d": string.digits, "h": HEX, "x": HEX.upper(), "l": LOWER, "u": UPPER, "w": ALNUM, "s": URL, "b": BASE32,
    "k": ALNUM + "+/", "a": string.ascii_letters, "q": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}  # fmt: skip


def fill(r: random.Random, pattern: str) -> str:
    head, *rest = pattern.split("{")
    for piece in rest:
        what, _, tail = piece.partition("}")
        head += draw(r, _CLASSES[what[0]], int(what[1:])) + tail
    return head


def checked(prefix: str) -> Callable[[random.Random], str]:
    """30 characters, and their CRC-32 in base 62, as GitHub and npm write it."""

    def make(r: random.Random) -> str:
        body = draw(r, ALNUM, 30)
        number, digits = zlib.crc32(body.encode()), ""
        while number:
            number, digit = divmod(number, 62)
            digits = _62[digit] + digits
        return prefix + body + digits.rjust(6, "0")

    return make


def jwt(r: random.Random) -> str:
    claims = {
        "sub": draw(r, "0123456789", 10),
        "iat": 1_600_000_000 + r.randrange(10**8),
        "scope": r.choice(("admin", "api")),
    }
    parts = [json.dumps(p, separators=(",", ":")).encode() for p in ({"alg": "HS256", "typ": "JWT"}, claims)]
    return ".".join(_url64(part) for part in (*parts, r.randbytes(32)))


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _pypi(r: random.Random) -> str:
    return "pypi-" + _url64(
        b"\x02\x01\x08pypi.org\x02\x24" + draw(r, HEX, 36).encode() + b"\x00\x00\x06\x20" + r.randbytes(70)
    )


def _mapbox(r: random.Random) -> str:
    return (
        "sk."
        + _url64(b'{"u":"%s","a":"%s"}' % (draw(r, LOWER, 8).encode(), draw(r, LOWER, 25).encode()))
        + fill(r, ".{s22}")
    )


def _discord(r: random.Random) -> str:
    return _url64(draw(r, "123456789", 18).encode()) + fill(r, ".{s6}.{s38}")


BLOCKS = tuple(Form(label, block(label)) for label in KINDS)

FORMS: tuple[Form, ...] = (
    form("AWS access key id", "AKIA{b16}"), form("AWS temporary key id", "ASIA{b16}"),
    form("AWS secret access key", "{k40}", "aws secret access key", "aws secret key"),
    Form("GitHub personal", checked("ghp_")), Form("GitHub OAuth", checked("gho_")),
    Form("GitHub server", checked("ghs_")), form("GitHub fine-grained", "github_pat_11{u20}_{w59}"),
    form("GitLab personal", "glpat-{s20}"), form("GitLab runner", "glrt-{s20}"), form("GitLab deploy", "gldt-{s20}"),
    form("Slack bot", "xoxb-{d12}-{d13}-{w24}"), form("Slack user", "xoxp-{d12}-{d12}-{d13}-{h32}"),
    form("Slack webhook", "https://hooks.slack.com/services/T{u10}/B{u10}/{w24}"), form("Stripe live", "sk_live_{w24}"),
    form("Stripe live, long", "sk_live_51{w97}"), form("Stripe restricted", "rk_live_{w24}"),
    form("Stripe webhook", "whsec_{w32}"), form("Google API", "AIza{s35}"), form("Google OAuth secret", "GOCSPX-{s28}"),
    form("Google access token", "ya29.a0{s120}"), form("OpenAI", "sk-{w20}T3BlbkFJ{w20}"),
    form("OpenAI project", "sk-proj-{s74}T3BlbkFJ{s74}"), form("Anthropic", "sk-ant-api03-{s93}AA"),
    Form("npm", checked("npm_")), Form("PyPI", _pypi), form("RubyGems", "rubygems_{h48}"),
    form("Docker Hub", "dckr_pat_{s27}"), form("SendGrid", "SG.{s22}.{s43}"), form("Twilio API key", "SK{h32}"),
    form("Twilio auth token", "{h32}", "twilio auth token"), form("DigitalOcean", "dop_v1_{h64}"),
    form("Azure storage", "{k86}==", "azure storage key", "account key"),
    form("Azure client secret", "{w3}8Q~{s34}", "azure client secret", "client secret"), Form("Discord bot", _discord),
    form("Discord webhook", "https://discord.com/api/webhooks/{d18}/{s68}"), form("Telegram bot", "{d10}:AA{s33}"),
    form("Shopify", "shpat_{h32}"), form("Mailgun", "key-{h32}"),
    form("Mailgun, new", "{h32}-{h8}-{h8}", "mailgun api key"), form("Heroku", "HRKU-AA{s58}"),
    form("Heroku, old", "{h8}-{h4}-4{h3}-a{h3}-{h12}", "heroku api key"), form("Hugging Face", "hf_{a34}"),
    form("Databricks", "dapi{h32}"), form("Linear", "lin_api_{w40}"), form("Notion", "ntn_{d11}{w35}"),
    form("Figma", "figd_{s40}"), form("Atlassian", "ATATT3xFfGF0{s171}={x8}"), form("Doppler", "dp.pt.{w43}"),
    form("Grafana service account", "glsa_{w32}_{h8}"), form("New Relic", "NRAK-{u27}"),
    form("Sentry user", "sntryu_{h64}"), form("Square", "EAAAE{s59}"), form("PlanetScale", "pscale_tkn_{s43}"),
    form("Vault", "hvs.{s95}"), form("Supabase", "sbp_{h40}"), form("Terraform Cloud", "{w14}.atlasv1.{s67}"),
    form("Postman", "PMAK-{h24}-{h34}"), form("Airtable", "pat{w14}.{h64}"), form("Groq", "gsk_{w52}"),
    form("Replicate", "r8_{w37}"), form("Perplexity", "pplx-{w48}"), Form("Mapbox secret", _mapbox),
    form("age", "AGE-SECRET-KEY-1{q58}"), form("Datadog", "{h32}", "datadog api key", "dd api key"),
    form("Cloudflare", "{s40}", "cloudflare api token", "cf api token"),
    form("Algolia", "{h32}", "algolia admin key", "algolia api key"), Form("JWT", jwt),
)  # fmt: skip
"""Over sixty forms of over forty providers."""

GENERIC: tuple[Form, ...] = (
    form("hex 32", "{h32}"), form("hex 40", "{h40}"), form("hex 64", "{h64}"), form("letters and digits 24", "{w24}"),
    form("letters and digits 32", "{w32}"), form("letters and digits 48", "{w48}"), form("base64 44", "{k43}="),
    form("base64 url 43", "{s43}"), form("upper 20", "{u20}"), form("lower 16", "{l16}"),
    form("uuid", "{h8}-{h4}-4{h3}-b{h3}-{h12}"), form("dotted", "{l8}.{w22}"),
)  # fmt: skip
"""What applications make for themselves: only the name tells that it is a secret."""
GENERIC_NAMES = (
    "api key", "secret key", "auth token", "client secret", "access token", "signing secret", "webhook secret",
    "encryption key", "secret key base", "jwt secret", "app secret", "session secret", "private token",
    "consumer secret", "service token", "refresh token", "hmac key", "cookie secret", "master key", "deploy token",
    "x api key", "bot token",
)  # fmt: skip
