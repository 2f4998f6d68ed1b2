"""The open documents, kept in step with the editor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lsp.position import Encoding, offset


@dataclass(frozen=True)
class OpenDocument:
    """An editor's buffer."""

    uri: str
    language: str
    text: str


@dataclass(frozen=True)
class TextChange:
    """`text` in place of what lies between `start` and `end` (line, character); without them, of everything."""

    text: str
    start: tuple[int, int] | None = None
    end: tuple[int, int] | None = None


class Documents:
    """By URI. A change to a document that was never opened is passed over."""

    def __init__(self, encoding: Encoding = "utf-16") -> None:
        self.encoding: Encoding = encoding
        self._open: dict[str, OpenDocument] = {}

    def get(self, uri: str) -> OpenDocument | None:
        return self._open.get(uri)

    def open(self, uri: str, language: str, text: str) -> None:
        self._open[uri] = OpenDocument(uri, language, text)

    def close(self, uri: str) -> None:
        self._open.pop(uri, None)

    def change(self, uri: str, changes: Iterable[TextChange]) -> None:
        """Applies the changes in turn: each is meant for the text that the one before it left."""
        document = self._open.get(uri)
        if document is None:
            return
        text = document.text
        for change in changes:
            text = self._changed(text, change)
        self._open[uri] = replace(document, text=text)

    def _changed(self, text: str, change: TextChange) -> str:
        if change.start is None or change.end is None:
            return change.text
        start = offset(text, *change.start, self.encoding)
        end = offset(text, *change.end, self.encoding)
        return text[:start] + change.text + text[end:]
