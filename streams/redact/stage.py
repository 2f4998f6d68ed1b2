"""Redact as a stage: the documents of a Frame, those of one event together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.document import Document
from streams.each import Call, directly, each
from streams.frame import Frame, Outcome
from streams.redact import FORMS
from streams.redact.documents import redact_document, redact_first
from streams.redact.ner.layer import Layer
from streams.redact.ner.reading import Found, Reading

MAX_AGAIN = 3
"""Times that a document which the NER layer changed is read again: the second time finds little, the third nothing."""


@dataclass(frozen=True)
class Redact:
    call: Call = directly
    forms: Mapping[str, str] = field(default_factory=lambda: FORMS)
    """What stands in for a find, by its kind."""

    layer: Layer | None = None
    """What finds names and secrets that no detector does."""

    def __call__(self, frame: Frame) -> Outcome:
        """What was found in one document of an event is a secret in all of them."""
        forms = dict(self.forms)  # a process of its own is given them
        found = self._read(frame.documents)
        outcome = each(frame, "redact", self.call, redact_first, lambda d: (forms, found(d)))
        pairs: list[tuple[Document, list[bytes]]] = outcome.frame.documents  # type: ignore[assignment]
        known: dict[int, set[bytes]] = {}
        for document, own in pairs:
            known.setdefault(document.offset, set()).update(own)
        outcome.frame.documents = [document for document, _ in pairs]
        secrets = {offset: sorted(several) for offset, several in known.items()}
        if any(secrets.values()):
            outcome = self._again(outcome, lambda d: (forms, secrets[d.offset]))
        return outcome if self.layer is None else self._until_still(frame, outcome, forms)

    def _read(self, documents: Sequence[Document]) -> Callable[[Document], Found]:
        """What the layer finds in each, if there is one."""
        return (lambda _: {}) if self.layer is None else Reading(self.layer, documents, self.call).of

    def _again(self, outcome: Outcome, more: Callable[[Document], tuple[Any, ...]]) -> Outcome:
        again = each(outcome.frame, "redact", self.call, redact_document, more)
        return Outcome(again.frame, dead=(*outcome.dead, *again.dead))

    def _until_still(self, before: Frame, outcome: Outcome, forms: Mapping[str, str]) -> Outcome:
        """A model's finds depend on what stands around them: what was changed is read again until nothing is found."""
        for _ in range(MAX_AGAIN):
            counts = {(d.offset, d.index): d.redactions for d in before.documents}
            changed = [d for d in outcome.frame.documents if d.redactions != counts[d.offset, d.index]]
            reading = self._read(changed)
            before, outcome = outcome.frame, self._again(outcome, lambda d, found=reading: (forms, (), None, found(d)))
            if all(
                a.redactions == b.redactions for a, b in zip(before.documents, outcome.frame.documents, strict=False)
            ):
                break
        return outcome
