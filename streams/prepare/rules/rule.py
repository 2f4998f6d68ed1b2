"""A rule: one small function, its own frozen parameters, and documents that it must drop and must keep.

A rule sees the document, what is measured of it and its parameters, nothing else: the same document always gets the
same finding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from model import bounds
from model.lines import bare
from streams.document import Document

if TYPE_CHECKING:
    from streams.prepare.measure import Measure
    from streams.prepare.syntax import Syntax
    from streams.prepare.words import Repetition

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
        """Those that are not blank, without their ends."""
        return [line for line in bare(self.text) if line.strip()]

    @cached_property
    def words(self) -> list[str]:
        from streams.prepare.words import words

        return words(self.text)

    @cached_property
    def repetition(self) -> Repetition:
        from streams.prepare.words import Repetition

        return Repetition(self.words)

    @cached_property
    def syntax(self) -> Syntax | None:
        """Of a file, or of the file after a commit; None: no grammar, or too large."""
        from streams.prepare.syntax import parse
        from streams.prepare.texts import whole

        document = self.document
        return parse(whole(document), document.language) if document.kind in CODE else None


Found = tuple[float, str]
"""What was measured, and why that drops the document; an empty reason keeps it."""
Check = Callable[[RuleInput, Any], Found]


@dataclass(frozen=True)
class NoParameters:
    """Of a rule that has none."""


@dataclass(frozen=True)
class Range:
    """What a measure may be."""

    least: float | None = None
    """The smallest that is kept; unset: any."""
    most: float | None = None
    """The greatest that is kept; unset: any."""

    def __post_init__(self) -> None:
        bounds.in_order(self, "least", "most")

    def found(self, value: float, what: str) -> Found:
        """`what` is measured: "share of comments"."""
        if self.least is not None and value < self.least:
            return value, f"{what} {value:.4g}, less than {self.least:g}"
        if self.most is not None and value > self.most:
            return value, f"{what} {value:.4g}, more than {self.most:g}"
        return value, ""


def counted(number: int, noun: str, several: str = "") -> str:
    """ "1 line", "2 lines"; `several` where the plural is another than with an s."""
    return f"{number} {noun if number == 1 else several or noun + 's'}"


def at_most(share: float) -> Range:
    return Range(None, share)


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

    def __reduce__(self) -> tuple[Any, ...]:
        """By its name: a process of its own gets the same function."""
        return _named, (self.name,)

    @property
    def example_parameters(self) -> Any:
        return self.parameters() if self.shown is None else self.shown


def _named(name: str) -> Rule:
    from streams.prepare.rules.table import RULES

    return RULES[name]
