"""Every rule, by its name."""

from __future__ import annotations

from streams.prepare.rules import code, commits, content, findings, origin, peers, projects, sizes, threads, words
from streams.prepare.rules.rule import Rule

MODULES = (origin, sizes, content, words, code, peers, projects, findings, commits, threads)
RULES: dict[str, Rule] = {
    rule.name: rule
    for module in MODULES
    for rule in module.RULES
}  # fmt: skip
