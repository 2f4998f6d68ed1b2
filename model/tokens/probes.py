"""Whether a tokenizer gives texts back as they were: what it changes is lost to training, and wrong in completions."""

from __future__ import annotations

from model.tokens.tokenizer import Tokenizer

PROBES = (
    "def f(x):\n\treturn [x]  # 1\n", "    if (a != b) {\n        c['k'] += 1;\n    }\n\n\n", "ABC Def_gHi", " a",
    "b  ",
    "\t\ttabs\tinside\n", "x = 1\r\ny = 2\r\n", "naïve Größe 日本語 русский 🙂 ½",
    "<b>&amp;</b> \\ `q` ~!@#$%^*()_+{}|\"?,./;:", "it's 12345 don't . , ! ? end .", "\n", "a",
)  # fmt: skip
"""Composed characters alone: some tokenizers compose them (NFC). No private use: some lack the bytes for it."""
SHOWN = 40
"""Characters of a text in a message."""


def difference(tokenizer: Tokenizer) -> str:
    """The first text of PROBES that is not given back, in a sentence; empty: all are."""
    for text in PROBES:
        try:
            back = tokenizer.decode(tokenizer.encode(text))
        except Exception as error:  # the library raises a bare Exception
            return f"{text[:SHOWN]!r} cannot be encoded and decoded ({type(error).__name__}: {error})"
        if back != text:
            return f"{text[:SHOWN]!r} comes back as {back[:SHOWN]!r}"
    return ""
