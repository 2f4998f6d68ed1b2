"""Texts for real models' tokenizers: code, prose, many scripts, and sentinels as users might write them."""

from __future__ import annotations

from tests.support.tokens.patterns import MORE, PROSE
from tests.tree import ROOT

SAID = "a<|fim_prefix|>b<｜fim▁hole｜>c<s>d</s><|endoftext|>"
SCRIPTS = (
    "Việt Nam, Ελληνικά; עברית العربية १२३ हिन्दी ไทย ქართული አማርኛ 한국어 こんにちは 中文，𠀀 🙂👩\u200d💻 schön õ÷Á\n"
    "\t▁ a\u0301 \ufb01 \u00a0\u2003x\x00\x7f\r\n\U000e0100\u0378 IT'S 'ſ\r\n \u3000中"
)


def texts() -> list[str]:
    """This checkout's own Python files, prose, and sentinels as users might write them."""
    files = sorted(f for where in ("model/*.py", "streams/*.py", "tests/**/*.py") for f in ROOT.glob(where))
    return [*(f.read_text(encoding="utf-8") for f in files), PROSE * 3, MORE * 3, SCRIPTS, SAID]
