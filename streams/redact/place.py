"""Where a text stands: what is code there, so that a bare word behind `=` is a variable, and what is configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

CONFIGURATION = frozenset(
    (
        "", *re.findall(
            r"\S+",
            "bash fish powershell batch dockerfile yaml toml ini json xml csv text markdown rst html hcl sql make "
            "nginx asciidoc org diff",
        ),
    )
)  # fmt: skip
"""Languages in which a value needs no quotes."""
CODE = frozenset(
    re.findall(
        r"\S+",
        "py pyi pyx js mjs cjs ts tsx jsx go java c h cc cpp cxx hpp hh cs rs rb php kt kts swift scala m mm lua pl "
        "pm r jl dart ex "
        "exs erl hs ml mli fs vb groovy gradle sol vue svelte clj cljs lisp el nim zig d pas f90 v sv vhd proto thrift",
    )
)
"""Ends of names of programs."""
_CONFIGURED = re.compile(
    r"(?i)(?:^|/)(?:\.?env[\w.-]*|[\w.-]*\.env|\.npmrc|\.netrc|\.pgpass|\.?[\w-]*rc|dockerfile[\w.-]*|[\w.-]*\.(?:ya?ml|"
    r"ini|cfg|conf|config|properties|toml|json[5c]?|xml|sh|bash|zsh|ps1|bat|cmd|md|rst|txt|tf|tfvars|sql|rsp|template|tpl|example|"
    r"sample|log|csv|adoc|plist|env|cnf|service))$"
)
_LOCALE = re.compile(
    r"(?i)(?:^|[/_.-])(?:locales?|i18n|l10n|lang|langs|languages?|translations?|messages|strings\.xml$|values)(?:[/_.-]|$)"
    r"(?:.*\.(?:json5?|ya?ml|properties|pot?|strings|arb|resx|xlf|xliff|php|[cm]?[jt]sx?|xml|toml|ini|lua|rb|py|go|vue|dart|"
    r"kt|java|cs|csv|ftl|mo|txt|html?))?$"
)


@dataclass(frozen=True)
class Place:
    """Of a text."""

    path: str = ""
    language: str = ""

    @property
    def is_code(self) -> bool | None:
        """None: neither path nor language says it."""
        return _is_code(self.path, self.language)

    @property
    def is_locale(self) -> bool:
        """Whether it holds what programs say in a language."""
        return bool(_LOCALE.search(self.path))

    @property
    def is_markup(self) -> bool:
        return self.language in ("xml", "html", "svg", "vue") or self.path.endswith((".xml", ".html", ".htm", ".svg"))


@lru_cache(maxsize=1024)
def _is_code(path: str, language: str) -> bool | None:
    if _CONFIGURED.search(path):
        return False
    if language:
        return language not in CONFIGURATION
    return True if path.rpartition(".")[2].lower() in CODE else None
