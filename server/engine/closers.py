"""Closers that stand right behind the cursor because an editor typed them, or because they were there.

In spm order the suffix is the prompt's beginning: with `)` put before it nothing of the session's prompt would be
found again, at the keys that are typed most. The rule, whatever was asked before: as long as the suffix begins with the
closer of what the cursor's line has opened last and not closed, it is taken out of the prompt. It belongs behind what
is generated, so that ends where the same closer comes.

Such are `foo(|)`, `x = [f(|)]`, `print("|")`, the bar being the cursor.
"""

from __future__ import annotations

from server.engine.nesting import QUOTES, Nesting

MOST_LINE = 1_000
"""Characters of the line before the cursor that are looked at."""


def taken_out(prefix: str, suffix: str, comment: str = "#") -> tuple[str, str]:
    """The closers, and the suffix without them."""
    line = prefix[prefix.rfind("\n", max(0, len(prefix) - MOST_LINE)) + 1 :][-MOST_LINE:]
    nesting = Nesting(comment)
    nesting.push_all(line)
    count = 0
    if not nesting.in_comment:
        for closer in reversed(nesting.open):
            if not suffix.startswith(closer, count):
                break
            count += 1
    return suffix[:count], suffix[count:]


class Closed:
    """Lets generated text pass up to the closer that was taken out of the suffix."""

    def __init__(self, closers: str, comment: str = "#") -> None:
        """`closers`: as `taken_out` gives them, at least one."""
        self._due = closers[0]
        self._nesting = Nesting(comment)
        if self._due in QUOTES:
            self._nesting.push(self._due)
        self.stopped = False

    def push(self, text: str) -> str:
        """The text before the closer, at which `stopped` is set; a string in quotes ends with its line, too."""
        for at, character in enumerate(text):
            in_quotes = self._due in QUOTES and self._nesting.in_string and len(self._nesting.open) == 1
            unmatched = self._nesting.push(character)
            if unmatched == self._due or (in_quotes and not self._nesting.in_string):
                self.stopped = True
                return text[:at]
        return text

    def finish(self) -> str:
        """Nothing is ever held back."""
        return ""
