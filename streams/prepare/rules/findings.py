"""Rules by what static analysers found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from model import bounds
from streams.prepare import ruff as analyser
from streams.prepare import sarif
from streams.prepare.rules.examples import CODE_TEXT, OWN, file
from streams.prepare.rules.rule import CODE, Found, Rule, RuleInput, counted
from streams.prepare.texts import whole

LEVELS = ("error", "warning", "note", "none")
_REPOSITORY = re.compile(r"[\w.-]+(?:/[\w.@+ -]+){1,8}(?<!\.git)")


@dataclass(frozen=True)
class SarifParameters:
    files: dict[str, str] = field(default_factory=dict)
    """By repository (`github.com/owner/name`, `local/name`), the SARIF file of its findings."""
    levels: tuple[str, ...] = ("error",)
    """That count."""
    rules: tuple[str, ...] = ()
    """Beginnings of the rules' names that count; empty: all."""
    most: int = 0
    """Findings from which on more drop the file."""

    def __post_init__(self) -> None:
        bounds.among(self, "levels", LEVELS)
        bounds.at_least(self, 0, "most")
        if not all(name.strip() for name in self.rules):
            raise ValueError("rules must be beginnings of names that are not empty; leave it out to count all")
        if unnamed := [name for name in self.files if not _REPOSITORY.fullmatch(name)]:
            raise ValueError(f"files: {unnamed[0]!r} is no repository: write github.com/owner/name or local/name")
        if missing := [name for name in self.files.values() if not Path(name).expanduser().is_file()]:
            raise ValueError(f"files: there is no file {', '.join(missing)}")
        for name in self.files.values():
            sarif.read(name)


@dataclass(frozen=True)
class RuffParameters:
    select: tuple[str, ...] = ("E9", "F63", "F7", "F82")
    """ruff's rules: syntax and tokens, comparisons with literals, misplaced statements, names that are not there."""
    most: int = 0
    """Findings from which on more drop the file."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 0, "most")
        if analyser.program() is None:
            raise ValueError("ruff is not installed here: pip install ruff, or leave the rule out")
        if not self.select or not all(name.isalnum() and name.isascii() for name in self.select):
            raise ValueError("select must be names of ruff's rules, such as E9 or F821")
        if refused := analyser.refusal(self.select):
            raise ValueError(f"select: {refused}")


def _found(numbers: Iterable[tuple[tuple[str, str], int]], most: int) -> Found:
    named = dict(numbers)
    total = sum(named.values())
    if total <= most:
        return float(total), ""
    return float(total), f"{counted(total, 'finding')}: {', '.join(sorted({rule for rule, _ in named})[:5])}"


def findings(s: RuleInput, p: SarifParameters) -> Found:
    name = p.files.get(s.document.repository)
    if not name:
        return 0.0, ""
    rows = sarif.read(name).get(s.document.path, sarif.Findings())
    numbers = [
        ((rule, level), n)
        for (rule, level), n in rows.items()
        if level in p.levels and (not p.rules or rule.startswith(p.rules))
    ]
    return _found(numbers, p.most)


def ruff(s: RuleInput, p: RuffParameters) -> Found:
    if s.document.language != "python":
        return 0.0, ""
    return _found(analyser.check(whole(s.document), p.select).items(), p.most)


RULES: tuple[Rule, ...] = (
    Rule("ruff", CODE, "Faults that `ruff` finds in a Python file; a file that takes longer than ten seconds has none.",
         ruff, (file("def f():\n    return undefined_name\n"),), (*OWN, file("return ]", "a.go", "go")),
         RuffParameters),
    Rule("findings", CODE, "Faults that an analyser found before, in a SARIF file that is given for the repository.",
         findings, (), (file(CODE_TEXT),), SarifParameters),
)  # fmt: skip
