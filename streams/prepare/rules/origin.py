"""Rules about where a document comes from: its owner, licence, path, language, stars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from model import bounds
from model.languages import LANGUAGES
from streams.prepare import names
from streams.prepare.licences import POLICIES, classify
from streams.prepare.rules.examples import CODE_TEXT, OWN, file
from streams.prepare.rules.rule import ALL, CODE, Found, NoParameters, Rule, RuleInput, counted


@dataclass(frozen=True)
class LicenceParameters:
    policy: str = "no-copyleft"
    """permissive: only what is known to be; no-copyleft: what is not known, too; any."""

    def __post_init__(self) -> None:
        bounds.among(self, "policy", POLICIES)


@dataclass(frozen=True)
class LanguageParameters:
    names: tuple[str, ...] = ()
    """That are kept, as docs/rules.md lists them; empty keeps all."""
    unknown: bool = False
    """Whether a file of no known language is kept where names are given."""

    def __post_init__(self) -> None:
        bounds.among(self, "names", sorted(language.name for language in LANGUAGES))

    @cached_property
    def kept(self) -> frozenset[str]:
        return frozenset((*self.names, *([""] if self.unknown else [])))


@dataclass(frozen=True)
class StarsParameters:
    least: int = 5
    """The fewest stars of its repository."""
    unknown: bool = True
    """Whether a document of a repository whose stars are not known is kept."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "least")


def opt_out(s: RuleInput, p: NoParameters) -> Found:
    return (1.0, "the repository's owner has opted out") if s.document.opt_out else (0.0, "")


def licence(s: RuleInput, p: LicenceParameters) -> Found:
    category = classify(s.document.licence)
    if category in POLICIES[p.policy]:
        return 0.0, ""
    return 1.0, f"licence {s.document.licence} is {category}" if s.document.licence else "its licence is not known"


def vendored(s: RuleInput, p: NoParameters) -> Found:
    match = names.VENDORED.search(s.document.path)
    return (1.0, f"path goes through {match.group(0).strip('/')}") if match else (0.0, "")


def no_code(s: RuleInput, p: NoParameters) -> Found:
    if names.is_licence(s.document.path):
        return 1.0, "a licence's text"
    extension = names.extension(s.document.path)
    return (1.0, f".{extension} holds no code") if extension in names.NO_CODE else (0.0, "")


def language(s: RuleInput, p: LanguageParameters) -> Found:
    if not p.names or s.document.language in p.kept:
        return 0.0, ""
    return 1.0, f"language {s.document.language or 'unknown'} is not in the recipe"


def stars(s: RuleInput, p: StarsParameters) -> Found:
    count = s.document.stars
    if count is None:
        return 0.0, "" if p.unknown else "the repository's stars are not known"
    return float(count), f"{counted(count, 'star')}, fewer than {p.least}" if count < p.least else ""


RULES: tuple[Rule, ...] = (
    Rule("opt_out", ALL, "The repository's owner has asked not to be trained on.", opt_out,
         (file(CODE_TEXT, opt_out=True),), OWN),
    Rule("licence", ALL, "The policy keeps no licence of this class.", licence,
         (file(CODE_TEXT, licence="GPL-3.0-only"), file(CODE_TEXT, licence="LicenseRef-proprietary")),
         (file(CODE_TEXT, licence=""), file(CODE_TEXT, licence="MIT OR GPL-2.0")), LicenceParameters),
    Rule("vendored", CODE, "The path goes through a folder of other people's code.", vendored,
         (file(CODE_TEXT, "x/node_modules/y.js"), file(CODE_TEXT, "vendor/a.go"),
          file(CODE_TEXT, "3rdparty/zlib/a.c")),
         (file(CODE_TEXT, "src/vendors.py"), file(CODE_TEXT, "src/external.py"))),
    Rule("no_code", CODE, "A licence's text, a translation, a log, subtitles, a track.", no_code,
         (file(CODE_TEXT, "COPYING", ""), file(CODE_TEXT, "locale/de/app.po", ""), file(CODE_TEXT, "LICENSE-MIT", "")),
         (file(CODE_TEXT, "src/license.py"), file(CODE_TEXT, "src/licenses/check.py"))),
    Rule("language", CODE, "The recipe names languages, and this is none of them.", language,
         (file(CODE_TEXT, "a.rb", "ruby"), file(CODE_TEXT, "a", "")), OWN, LanguageParameters,
         LanguageParameters(("python", "go"))),
    Rule("stars", ALL, "Its repository has few stars (SantaCoder tried it, and found that it harms).", stars,
         (file(CODE_TEXT, stars=4),), (file(CODE_TEXT, stars=5), *OWN), StarsParameters),
)  # fmt: skip
