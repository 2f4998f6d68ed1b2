"""A rule: one small function, its own frozen parameters, and documents that it must drop and must keep.

A rule sees the document, what is measured of it and its parameters, nothing else: the same document always gets the
same finding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from model.lines import bare
from streams.document import Document

if TYPE_CHECKING:
    from streams.prepare.measure import Measure

ALL = ("file", "commit", "issue", "notebook", "question", "pull")
CODE = ("file", "commit")
THREADS = ("issue", "pull", "question")


@dataclass(frozen=True)
class Verdict:
    """Why a document is dropped."""

    rule: str
    reason: str
    measure: float = 0.0


class RuleInput:
    """What a rule looks at; each measure is taken when the first rule asks for it."""

    def __init__(self, document: Document, text: str) -> None:
        self.document = document
        self.text = text
        """What rules measure: streams.prepare.texts.judged."""

    @cached_property
    def measure(self) -> Measure:
        from streams.prepare.measure import measure  # with numba, 1.4 s, which the command line does without

        return measure(self.text)

    @cached_property
    def lines(self) -> list[str]:
        """Without their ends."""
        return bare(self.text)


Found = tuple[float, str]
"""What was measured, and why that drops the document; an empty reason keeps it."""
Check = Callable[[RuleInput, Any], Found]


@dataclass(frozen=True)
class NoParameters:
    """Of a rule that has none."""


@dataclass(frozen=True)
class Rule:
    name: str
    kinds: tuple[str, ...]
    """Of documents that the rule can judge."""
    says: str
    """When it drops, one line for the documentation; where a peer's rule differs, how."""
    check: Check
    drops: tuple[Document, ...]
    keeps: tuple[Document, ...]
    parameters: type = NoParameters
    """A frozen dataclass; its defaults are the rule's."""
    shown: Any = None
    """The parameters of the examples, where they are not the defaults."""

    @property
    def example_parameters(self) -> Any:
        return self.parameters() if self.shown is None else self.shown
