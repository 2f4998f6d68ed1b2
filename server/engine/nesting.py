"""Which brackets and quotes are open: read a character at a time, by rules that most languages share.

Brackets in strings and in comments do not count. A string ends at its quote or with its line, one in backticks or in
three quotes at its quote alone.
"""

from __future__ import annotations

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(CLOSER_OF.values())
QUOTES = "\"'`"


class Nesting:
    """`push` every character; `open` are the closers that are due, the innermost last."""

    def __init__(self, comment: str = "#") -> None:
        """`comment`: what a comment to the end of the line begins with; empty: there are none."""
        self.open: list[str] = []
        self._comment = comment
        self._string = ""
        self._seen = ""
        """Of the line, or of what could be the beginning of three quotes: a few characters."""
        self._escaped = self.in_comment = False

    @property
    def in_string(self) -> bool:
        return bool(self._string)

    def push_all(self, text: str) -> None:
        for character in text:
            self.push(character)

    def push(self, character: str) -> str:
        """The closer that the character is and that nothing was open for; empty: another character."""
        if character in "\r\n":
            self._end_line()
            return ""
        self._seen = (self._seen + character)[-4:]
        if self.in_comment:
            return ""
        if self._string:
            self._push_in_string(character)
            return ""
        return self._push_in_code(character)

    def _end_line(self) -> None:
        if len(self._string) == 1 and self._string != "`" and not self._escaped:
            self._close_string()
        self.in_comment = self._escaped = False
        self._seen = ""

    def _push_in_string(self, character: str) -> None:
        if self._escaped:
            self._escaped = False
        elif character == "\\":
            self._escaped = True
        elif self._seen.endswith(self._string):
            self._close_string()

    def _push_in_code(self, character: str) -> str:
        if self._comment and self._seen.endswith(self._comment) and self._may_comment():
            self.in_comment = True
        elif character in CLOSER_OF:
            self.open.append(CLOSER_OF[character])
        elif character in QUOTES:
            self._open_string(character)
        elif character in CLOSERS:
            if not self.open or self.open[-1] != character:
                return character
            self.open.pop()
        return ""

    def _may_comment(self) -> bool:
        """It stands at a line's beginning or behind a blank: `x[#` and `http://` begin no comment."""
        before = self._seen[: -len(self._comment)][-1:]
        return before in ("", " ", "\t")

    def _open_string(self, quote: str) -> None:
        """Three in a row are one: the first two were an empty string."""
        self._string = quote * 3 if self._seen.endswith(quote * 3) else quote
        self.open.append(quote)
        if len(self._string) == 3:
            self._seen = ""

    def _close_string(self) -> None:
        self._string = ""
        self.open.pop()


def due(line: str, comment: str = "#") -> list[str]:
    """The closers that are due at the end of a piece of code, the innermost first."""
    nesting = Nesting(comment)
    nesting.push_all(line)
    return nesting.open[::-1]
