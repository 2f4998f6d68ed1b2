"""Keys that are known by their form: prefixes, lengths and alphabets, as the vendors describe them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from streams.redact import values
from streams.redact.detector import Detector, Span, Text
from streams.redact.finders.sample import example

_JOINED = (b"_", b".", b"-")
"""Before a key: it is a part of something else."""
MAX_KEY = 600
MIN_BITS = 2.5
"""A sign of a key: where the form says that it is one, less is enough than of a value of any kind."""


FORMS: tuple[tuple[str, str], ...] = (
    ("aws", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
    ("github", r"gh[pousr]_[A-Za-z0-9]{36,251}"),
    ("github fine-grained", r"github_pat_[A-Za-z0-9_]{22,100}"),
    ("gitlab", r"gl(?:pat|dt|rt|ft|soat|agent|cbt|imt|ptt|oas|ffct|rtr)-[A-Za-z0-9_=.-]{20,300}"),
    ("gitlab runner", r"GR1348941[A-Za-z0-9_-]{20,22}"),
    ("slack", r"xox[abeprs](?:\.xox[abep])?-[A-Za-z0-9-]{10,250}"),
    ("slack app", r"xapp-\d-[A-Z0-9]{8,20}-\d{8,20}-[a-f0-9]{32,128}"),
    ("slack webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_+]{40,80}"),
    ("stripe", r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,120}"),
    ("stripe webhook", r"whsec_[A-Za-z0-9+/]{32,64}={0,2}"),
    ("google", r"AIza[0-9A-Za-z_-]{35}"),
    ("google oauth", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    ("google token", r"ya29\.[0-9A-Za-z_-]{20,400}"),
    ("openai", r"sk-(?:proj-|svcacct-|admin-|None-|or-v1-|lf-)?[A-Za-z0-9_-]{20,200}"),
    ("anthropic", r"sk-ant-(?:api|admin|sid)\d{2}-[A-Za-z0-9_-]{80,120}"),
    ("npm", r"npm_[A-Za-z0-9]{36}"),
    ("pypi", r"pypi-AgE[A-Za-z0-9_-]{50,250}"),
    ("huggingface", r"(?:hf|api_org)_[A-Za-z]{34,40}"),
    ("sendgrid", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("nats seed", r"S[ACNOUX][A-Z2-7]{56}"),
    ("airtable", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    ("doppler", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    ("discord webhook", r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,72}"),
    ("discord bot", r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}"),
    ("mapbox", r"[st]k\.eyJ[A-Za-z0-9_-]{10,200}\.[A-Za-z0-9_-]{20,40}"),
    ("databricks", r"dapi[a-f0-9]{32}(?:-\d)?"),
    ("rubygems", r"rubygems_[a-f0-9]{48}"),
    ("twilio", r"SK[a-f0-9]{32}"),
    ("shopify", r"shp(?:at|ca|pa|ss|tka)_[a-fA-F0-9]{32}"),
    ("mailgun", r"key-[a-f0-9]{32}"),
    ("mailchimp", r"[a-f0-9]{32}-us\d{1,2}"),
    ("heroku", r"HRKU-[A-Za-z0-9_-]{58,64}"),
    ("linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{40,48}"),
    ("square", r"EAAA[lE]?[A-Za-z0-9_-]{59,62}"),
    ("square oauth", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43}"),
    ("vault", r"hv[sbr]\.[A-Za-z0-9_-]{24,300}"),
    ("perplexity", r"pplx-[A-Za-z0-9]{48}"),
    ("notion", r"ntn_[A-Za-z0-9]{43,50}"),
    ("notion old", r"secret_[A-Za-z0-9]{43}"),
    ("digitalocean", r"do[opr]_v1_[a-f0-9]{64}"),
    ("telegram", r"\d{8,10}:AA[A-Za-z0-9_-]{32,35}"),
    ("grafana cloud", r"glc_[A-Za-z0-9+/]{32,400}={0,2}"),
    ("grafana", r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    ("new relic", r"NR(?:AK|II|JS|AL)-[A-Za-z0-9]{19,42}"),
    ("postman", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    ("pulumi", r"pul-[a-f0-9]{40}"),
    ("sentry user", r"sntryu_[a-f0-9]{64}"),
    ("sentry organisation", r"sntrys_eyJ[A-Za-z0-9+/=_-]{60,400}"),
    ("supabase", r"sbp_[a-f0-9]{40}"),
    ("supabase secret", r"sb_secret_[A-Za-z0-9_-]{31,40}"),
    ("terraform", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"),
    ("fly", r"fo1_[A-Za-z0-9_-]{43}"),
    ("fly macaroon", r"fm[12][ar]?_[A-Za-z0-9+/]{100,500}={0,3}"),
    ("groq", r"gsk_[A-Za-z0-9]{48,56}"),
    ("replicate", r"r8_[A-Za-z0-9]{37,40}"),
    ("xai", r"xai-[A-Za-z0-9]{70,84}"),
    ("dropbox", r"sl\.[A-Za-z0-9_-]{130,180}"),
    ("facebook", r"EAA[MCG][A-Za-z0-9]{80,400}"),
    ("asana", r"\d/\d{16}(?:/\d{16})?:[a-f0-9]{32}"),
    ("atlassian", r"AT(?:ATT|CTT)3[A-Za-z0-9_=-]{160,220}"),
    ("bitbucket", r"ATBB[A-Za-z0-9]{32}"),
    ("azure ad", r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    ("contentful", r"CFPAT-[A-Za-z0-9_-]{43}"),
    ("cloudflare origin", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"),
    ("clojars", r"CLOJARS_[a-f0-9]{60}"),
    ("duffel", r"duffel_(?:test|live)_[A-Za-z0-9_=-]{43}"),
    ("dynatrace", r"dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("easypost", r"EZ[AT]K[A-Za-z0-9]{54}"),
    ("frameio", r"fio-u-[A-Za-z0-9_=-]{64}"),
    ("infracost", r"ico-[A-Za-z0-9]{32}"),
    ("artifactory", r"AKCp[A-Za-z0-9]{69}"),
    ("artifactory reference", r"cmVmdGtu[A-Za-z0-9+/]{50,70}={0,2}"),
    ("octopus", r"API-[A-Z0-9]{26,32}"),
    ("openshift", r"sha256~[A-Za-z0-9_-]{43}"),
    ("planetscale", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,64}"),
    ("prefect", r"pnu_[A-Za-z0-9]{36}"),
    ("readme", r"rdme_[a-z0-9]{70}"),
    ("scalingo", r"tk-us-[A-Za-z0-9_-]{48}"),
    ("brevo", r"xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    ("brevo smtp", r"xsmtpsib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    ("shippo", r"shippo_(?:live|test)_[a-f0-9]{40}"),
    ("sourcegraph", r"sgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}"),
    ("segment", r"sgp_[A-Za-z0-9]{64}"),
    ("typeform", r"tfp_[A-Za-z0-9_.=-]{44,60}"),
    ("yandex", r"AQVN[A-Za-z0-9_-]{35,38}"),
    ("yandex iam", r"t1\.[A-Za-z0-9_-]{10,300}={0,2}\.[A-Za-z0-9_-]{86}={0,2}"),
    ("age", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    ("alibaba", r"LTAI[A-Za-z0-9]{16,24}"),
    ("1password", r"ops_eyJ[A-Za-z0-9+/]{250,1000}={0,3}"),
    ("1password secret", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|"
     "[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}"),
    ("tencent", r"AKID[A-Za-z0-9]{28,36}"),
    ("circleci", r"CCIPAT_[A-Za-z0-9]{22}_[a-f0-9]{40}"),
    ("figma", r"figd_[A-Za-z0-9_-]{38,45}"),
    ("hubspot", r"pat-(?:na|eu)1-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"),
    ("launchdarkly", r"(?:api|sdk|mob)-[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[a-f0-9]{4}-[a-f0-9]{12}"),
    ("netlify", r"nf[pcoub]_[A-Za-z0-9]{36}"),
    ("nuget", r"oy2[a-z0-9]{43}"),
    ("plaid", r"access-(?:sandbox|development|"
     "production)-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"),
    ("posthog", r"phx_[A-Za-z0-9]{40,50}"),
    ("razorpay", r"rzp_(?:live|test)_[A-Za-z0-9]{14,24}"),
    ("sonarqube", r"sq[upa]_[a-f0-9]{40}"),
    ("tailscale", r"tskey-(?:api|auth|client|scim|webhook)-[A-Za-z0-9]{10,24}-[A-Za-z0-9]{16,60}"),
    ("wakatime", r"waka_[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[a-f0-9]{4}-[a-f0-9]{12}"),
    ("zapier webhook", r"hooks\.zapier\.com/hooks/catch/\d{5,10}/[A-Za-z0-9]{5,10}"),
    ("teams webhook", r"webhook\.office\.com/webhookb2/[a-z0-9@-]{70,80}/IncomingWebhook/[a-z0-9]{32}/[a-z0-9-]{36}"),
    ("langsmith", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    ("nvidia", r"nvapi-[A-Za-z0-9_-]{60,70}"),
    ("buildkite", r"bk[uc]a_[a-f0-9]{40}"),
    ("cargo", r"cio[A-Za-z0-9]{32}"),
    ("docker", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,32}"),
    ("braintree", r"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}"),
    ("harness", r"(?:pat|sat)\.[A-Za-z0-9_-]{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20}"),
    ("clickhouse", r"4b1d[A-Za-z0-9]{38}"),
    ("adobe", r"p8e-[a-z0-9]{32}"),
    ("intercom", r"dG9rO[A-Za-z0-9+/=]{55}"),
    ("flutterwave", r"FLWSECK(?:_TEST)?-[a-h0-9]{12,32}"),
    ("mailersend", r"mlsn\.[a-f0-9]{64}"),
    ("resend", r"re_[A-Za-z0-9]{7}[A-Za-z0-9]_[A-Za-z0-9]{24}"),
    ("lob", r"(?:live|test)_(?:pub_)?[a-f0-9]{35}"),
    ("shortcut", r"eyJrIjoi[A-Za-z0-9]{70,400}={0,3}"),
    ("endor", r"endr\+[A-Za-z0-9-]{16}"),
    ("convex", r"(?:prod|dev):[a-z-]{3,30}-\d{3}\|eyJ[A-Za-z0-9+/=]{60,200}"),
    ("deno", r"dd[pw]_[A-Za-z0-9]{36}"),
    ("rootly", r"rootly_[a-f0-9]{64}"),
    ("polar", r"polar_(?:oat|pat|at)_[A-Za-z0-9_-]{30,60}"),
    ("gitea", r"gto_[A-Za-z0-9]{40}"),
    ("openrouter", r"sk-or-v1-[a-f0-9]{64}"),
    ("aiven", r"AVNS_[A-Za-z0-9_-]{16,24}"),
)  # fmt: skip
"""Vendor, and the whole key as an expression that Python and hyperscan both read."""


def _confirm(pattern: str) -> Callable[[Text, int, int], Iterator[Span]]:
    whole = re.compile(pattern.encode())

    def confirm(text: Text, start: int, end: int) -> Iterator[Span]:
        match = whole.match(text.window(start, start + MAX_KEY))
        before = text.window(start - 1, start)
        if match is None or before.isalnum() or (before in _JOINED and b"/" not in match.group()):
            return
        key = match.group().decode()
        after = text.window(start + match.end(), start + match.end() + 1)
        if after.isalnum() or values.is_placeholder(key) or not _is_filled(key):
            return
        yield start, start + match.end(), "key"

    return confirm


def _is_filled(key: str) -> bool:
    """Not one sign again and again, and not letters that follow each other."""
    body = re.split(r"[_.-]", key, maxsplit=1)[-1]
    if len(set(body)) < min(8, len(body) // 2) or values.is_sequence(body):
        return False
    head = body[:256]
    return len(head) < values.MIN_RANDOM or (
        values.bits(head) >= MIN_BITS and values.bytes_a_token(head) <= values.RANDOM
    )


_LONG = re.compile(r"\{(\d{2,})(?:,\d*)?\}|\{([4-9])(?:,\d*)?\}")


def trigger(pattern: str) -> str:
    """The beginning of a form, up to the eighth sign of its first long run: hyperscan's tables stay small."""
    depth, at = 0, 0
    runs = list(_LONG.finditer(pattern))
    for long in runs[pattern[0] in "[\\" :]:  # of a form that begins with any sign the first run stays whole
        depth += pattern.count("(", at, long.start()) - pattern.count(")", at, long.start())
        at = long.start()
        if not depth and int(long[1] or long[2]) >= 8:
            return f"{pattern[: long.start()]}{{{min(8, int(long[1] or long[2]))}}}"
    return pattern


def _row(vendor: str, pattern: str) -> Detector:
    key = example(pattern)
    return Detector(vendor, "key", (trigger(pattern),), _confirm(pattern), (f"x = '{key}'",), (f"x = '{key[:8]}'",))


PROVIDERS: tuple[Detector, ...] = tuple(_row(vendor, pattern) for vendor, pattern in FORMS)
