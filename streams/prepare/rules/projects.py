"""Rules about the repository as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from math import log10

from model import bounds
from model.languages import BY_NAME, TITLES
from streams.document import Document, Project
from streams.prepare.rules.examples import CODE_TEXT, OWN, file
from streams.prepare.rules.rule import ALL, CODE, Found, Rule, RuleInput


@dataclass(frozen=True)
class MainParameters:
    names: tuple[str, ...] = ()
    """Main languages whose repositories are kept, by our names or GitHub's; empty keeps all."""
    own: bool = False
    """Whether a file must be in its repository's main language."""
    unknown: bool = True
    """Whether a document is kept where the main language is not known."""

    def __post_init__(self) -> None:
        for name in self.names:
            if _our_name(name) not in BY_NAME:
                near = get_close_matches(name.lower(), [*BY_NAME, *TITLES], 3) or ["those that docs/rules.md lists"]
                raise ValueError(f"names: there is no language {name!r}; near ones are {', '.join(near)}")

    @cached_property
    def kept(self) -> frozenset[str]:
        return frozenset(map(_our_name, self.names))


@dataclass(frozen=True)
class ScoreParameters:
    least: float = 1.29
    """The smallest score: the mean of the logarithms (base 10) of one more than each count that is known. 1.29 is the
    lowest tenth of nineteen public repositories by commits and tests; `midstream recipes scores` finds your own."""
    stars: float = 1.0
    """Weight of the stars."""
    commits: float = 1.0
    """Weight of the commits."""
    tests: float = 1.0
    """Weight of the files that are tests."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "least", "stars", "commits", "tests")
        if not (self.stars or self.commits or self.tests):
            raise ValueError("stars, commits and tests are all 0, so that nothing has a score: leave the rule out")


def _our_name(name: str) -> str:
    return TITLES.get(name.lower(), name.lower())


def main_language(s: RuleInput, p: MainParameters) -> Found:
    named = s.document.project.language if s.document.project else ""
    if not named:
        return 0.0, "" if p.unknown else "the repository's main language is not known"
    name = _our_name(named)
    if p.names and name not in p.kept:
        return 1.0, f"the repository's main language, {named}, is not in the recipe"
    if p.own and s.document.language != name:
        return 1.0, f"not in the repository's main language, {named}"
    return 0.0, ""


def score(stars: int | None, project: Project, p: ScoreParameters) -> float | None:
    """Of a repository; None: nothing is known of it."""
    counts = ((stars, p.stars), (project.commits, p.commits), (project.tests, p.tests))
    known = [(count, weight) for count, weight in counts if count is not None and weight]
    if not known:
        return None
    return sum(weight * log10(1 + max(0, count)) for count, weight in known) / sum(weight for _, weight in known)


def project_score(s: RuleInput, p: ScoreParameters) -> Found:
    value = score(s.document.stars, s.document.project or Project(), p)
    if value is None:
        return 0.0, ""
    return value, f"its repository's score {value:.2f}, less than {p.least:g}" if value < p.least else ""


def _of(project: Project, text: str = CODE_TEXT) -> Document:
    document = file(text)
    document.project = project
    return document


RULES: tuple[Rule, ...] = (
    Rule("main_language", CODE, "By the repository's main language, as its host names it (InCoder).", main_language,
         (_of(Project(language="Go")),), (_of(Project(language="Python")), *OWN), MainParameters,
         MainParameters(("python",))),
    Rule("project_score", ALL, "Few stars, commits and tests of the repository, together (aiXcoder).", project_score,
         (_of(Project(3, 0)),), (_of(Project(300, 20)), *OWN), ScoreParameters),
)  # fmt: skip
