"""Where a statement or a block ends: by brackets and indentation, and by its grammar where the language has one.

Lines are counted from the cursor's own, whose beginning stands in the prefix. A line end is held back until the first
word behind it tells whether the text goes on.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from model.grammars import parse
from model.languages import BY_EXTENSION, BY_NAME
from server.engine.nesting import Nesting
from server.request import Until

MOST_PARSED = 4_096
"""Characters of a statement that its grammar is asked about; a longer one ends by brackets and indentation."""
MOST_PARSES = 16
TAB = 8
GOES_ON = re.compile(r"(else|elif|except|finally|catch|then|do|end|fi|done|esac|rescue|ensure|when)\b|[})\]]")
"""What belongs to the statement before it, at the same indentation."""
BLANKS = re.compile(r"\s*")
WORD = re.compile(r"\w*")


def language_of(path: str, language: str) -> str:
    """Our name of it; empty where it is not known."""
    if language.lower() in BY_NAME:
        return language.lower()
    known = BY_EXTENSION.get(path.rpartition(".")[2].lower())
    return known.name if known else ""


def comment_of(language: str) -> str:
    """What a comment to the end of the line begins with."""
    known = BY_NAME.get(language)
    return known.comment if known and not known.closing else "" if known else "#"


class Ended:
    """Lets generated text pass up to the end of a statement or of a block."""

    def __init__(self, until: Until, prefix: str, language: str) -> None:
        self._is_statement, self._language = until is Until.STATEMENT, language
        self._comment = comment_of(language)
        self._line = prefix[prefix.rfind("\n") + 1 :][-MOST_PARSED:]
        """The cursor's line, then the one that is being generated."""
        self._text = self._line
        """All lines of the statement."""
        self._indent = _width(self._line) if self._line.strip() else None
        """Of the statement or the block; None until its first line comes."""
        self._nesting = Nesting(self._comment)
        self._nesting.push_all(self._line)
        if until is Until.SCOPE and "}" in self._nesting.open:  # the block itself was opened in this line
            while self._nesting.open.pop(0) != "}" or "}" in self._nesting.open:
                pass
        self._rest = ""
        self._between = self._joined = self._block = False
        """A line has ended and the next one's first word is not there; the next one belongs to it for certain; a block
        was opened, which ends where the indentation does."""
        self._parses = 0
        self.stopped = False

    def push(self, text: str) -> str:
        """The text that is certain; sets `stopped` at the end."""
        return self._pass(text, final=False)

    def finish(self) -> str:
        """What was held back, when generation ended by itself."""
        shown = self._pass("", final=True)
        shown, self._rest = shown + ("" if self.stopped else self._rest), ""
        return shown

    def _pass(self, text: str, final: bool) -> str:
        self._rest += text
        shown: list[str] = []
        while self._rest and not self.stopped:
            passed = self._next_line(final) if self._between else self._this_line()
            if not passed and self._between:
                break
            shown.append(passed)
        return "".join(shown)

    def _this_line(self) -> str:
        """Up to the line's end, or to a closer of what was open before."""
        part = self._rest.partition("\n")[0]
        for at, character in enumerate(part):
            if self._nesting.push(character):
                self.stopped = True
                return part[:at]
        self._line += part
        self._text += part
        if self._indent is None and self._line.strip():
            self._indent = _width(self._line)
        self._between = len(part) < len(self._rest)
        self._rest = self._rest[len(part) :]
        if self._between and self._is_statement:
            self._look_at_line()
        return part

    def _next_line(self, final: bool) -> str:
        """The line ends and blanks before a line's first word, once that tells that the text goes on."""
        start = BLANKS.match(self._rest).end()  # pyright: ignore[reportOptionalMemberAccess]
        word = WORD.match(self._rest, start).group()  # pyright: ignore[reportOptionalMemberAccess]
        if start + len(word) == len(self._rest) and not (final and word):
            return ""
        blanks = self._rest[:start]
        self._line = blanks[blanks.rfind("\n") + 1 :]
        if not self._goes_on(self._rest[start:]):
            self.stopped = True
            return ""
        self._nesting.push_all(blanks)
        self._text += blanks
        self._rest, self._between, self._joined = self._rest[start:], False, False
        return blanks

    def _goes_on(self, first: str) -> bool:
        """Whether a line belongs to what comes before it: inside of brackets or of a string it does."""
        width = _width(self._line + "x")
        if self._joined or self._indent is None or self._nesting.open:
            return True
        if not self._is_statement:
            return width >= self._indent
        return width > self._indent or (width == self._indent and GOES_ON.match(first) is not None)

    def _look_at_line(self) -> None:
        """A line of a statement has ended: so may the statement."""
        line = self._line.split(self._comment)[0].rstrip() if self._comment else self._line.rstrip()
        if not line.strip() or self._nesting.open:
            self._joined = bool(self._line.strip())
        elif line.endswith(("\\", ",")) or line.lstrip().startswith(("@", "#[")):
            self._joined = True
        elif self._block or line.endswith((":", "}")):
            self._block = True
        else:
            self._joined = self._is_cut()
            self.stopped = not self._joined

    def _is_cut(self) -> bool:
        """The grammar misses something at the end."""
        self._parses += 1
        if self._parses > MOST_PARSES or len(self._text) > MOST_PARSED:
            return False
        parsed = parse(self._text.lstrip(), self._language)
        if parsed is None or not parsed[1].root_node.has_error:
            return False
        data, tree = parsed
        return _misses(tree.root_node, len(data.rstrip()))


def _misses(node: Node, end: int) -> bool:
    """Along the nodes that end the text, one is not there, or is none."""
    while True:
        if node.is_missing or (node.is_error and node.end_byte >= end):
            return True
        if not node.children:
            return False
        node = node.children[-1]


def _width(line: str) -> int:
    """Columns of its indentation."""
    wide = line.expandtabs(TAB)
    return len(wide) - len(wide.lstrip())
