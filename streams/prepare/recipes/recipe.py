"""A recipe: steps of rules with parameters, for some kinds and languages, and the lengths that texts are cut to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from model import bounds
from streams.document import Document
from streams.draw import drawn
from streams.prepare.identity import identity
from streams.prepare.rules.rule import Rule, RuleInput, Verdict
from streams.redact.replacing import FORMS

SEED = 0
"""Of the choices of steps with a rate; one text always falls alike."""


@dataclass(frozen=True)
class Lengths:
    """What is cut in the middle, not dropped."""

    message_chars: int = 4_000
    """The most characters of a commit's message, which stands with each of its files (10 of 43,700 messages of twelve
    public repositories are longer)."""
    comment_lines: int = 80
    """The most lines of a comment; a longer one is cut to its first 60 and its last ones (bigcode's issue filter)."""
    thread_chars: int = 50_000
    """The most characters of an issue thread or a question with its answers."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 1, "message_chars", "comment_lines", "thread_chars")


@dataclass(frozen=True)
class Step:
    """One rule at work in a recipe."""

    rule: Rule
    name: str
    """What a rejection is counted under."""
    parameters: Any
    kinds: tuple[str, ...]
    languages: frozenset[str] | None = None
    """That it judges; None: all."""
    exempt: frozenset[str] = frozenset()
    """Languages that it does not judge."""
    rate: float = 1.0
    """Of what the rule would drop, how much it does, by a keyed hash of the document."""

    def judges(self, document: Document) -> bool:
        language = document.language
        if document.kind not in self.kinds or language in self.exempt:
            return False
        return self.languages is None or language in self.languages

    def find(self, seen: RuleInput) -> tuple[float, str]:
        """The rule's measure, and why the document is dropped, or an empty text."""
        measure, reason = self.rule.check(seen, self.parameters)
        if reason and self.rate < 1 and not drawn(identity(seen.document), self.name, self.rate, SEED):
            return measure, ""
        return measure, reason

    def settings(self) -> dict[str, Any]:
        """What distinguishes it from the rule as it is, as its table in a recipe's file."""
        told: dict[str, Any] = asdict(self.parameters)
        if self.kinds != self.rule.kinds:
            told["kinds"] = self.kinds
        if self.languages is not None:
            told["languages"] = tuple(sorted(self.languages))
        if self.exempt:
            told["except"] = tuple(sorted(self.exempt))
        return told | ({"rate": self.rate} if self.rate < 1 else {})


@dataclass(frozen=True)
class Recipe:
    """Steps in their order: the first that drops decides."""

    name: str
    says: str
    """What it is, one sentence."""
    steps: tuple[Step, ...]
    source: str = ""
    """Where its rules and figures come from."""
    differs: tuple[str, ...] = ()
    """Where it does not do what its source does, and why."""
    lengths: Lengths = field(default_factory=Lengths)
    edits: tuple[tuple[str, Any], ...] = ()
    """Names of streams.prepare.recipes.edits with their parameters: what is changed before any rule looks."""
    redaction: Mapping[str, str] = field(default_factory=lambda: dict(FORMS))
    """What stands in for a find, by its kind; `delete` leaves nothing, `keep` what was found."""

    def judge(self, seen: RuleInput) -> Verdict | None:
        """The first step that drops the document; None when none does."""
        document = seen.document
        for step in self.steps:
            if step.judges(document):
                measure, reason = step.find(seen)
                if reason:
                    return Verdict(step.name, reason, measure)
        return None

    def explain(self, seen: RuleInput) -> Iterator[tuple[Step, float, str]]:
        """Each step that judges the document, with its measure and reason, as if none before it had dropped."""
        for step in self.steps:
            if step.judges(seen.document):
                yield (step, *step.find(seen))

    def settings(self) -> dict[str, Any]:
        """Everything that decides, flat: `step.parameter` to its value, and the order of the steps."""
        told: dict[str, Any] = {"name": self.name, "steps": [step.name for step in self.steps]}
        for step in self.steps:
            if step.name != step.rule.name:
                told[f"{step.name}.rule"] = step.rule.name
            told |= {f"{step.name}.{key}": value for key, value in step.settings().items()}
        for name, parameters in self.edits:
            told |= {f"edits.{name}.{key}": value for key, value in asdict(parameters).items()}
        told |= {f"redaction.{kind}": form for kind, form in self.redaction.items() if form != FORMS[kind]}
        return told | {f"lengths.{key}": value for key, value in asdict(self.lengths).items()}
