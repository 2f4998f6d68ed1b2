"""Every rule, by its name."""

from __future__ import annotations

from streams.prepare.rules import code, commits, content, origin, sizes, threads, words
from streams.prepare.rules.rule import Rule

RULES: dict[str, Rule] = {
    rule.name: rule
    for module in (origin, sizes, content, words, code, commits, threads)
    for rule in module.RULES
}  # fmt: skip
