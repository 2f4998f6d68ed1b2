"""Real text in other scripts than Latin: the translations in Django's wheel, joined to documents, and variants of them
that are a little or much alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import xxhash

from midstream.demo.corpus import Pin, fetch

PIN = Pin("pypi", "django", "5.1.1", "71603f27dac22a6533fb38d83072eea9ddb4017fead6f67f2562a40402d61c3f")
LANGUAGES = {
    "arabic": "ar", "chinese": "zh_Hans", "cyrillic": "ru", "devanagari": "hi", "greek": "el", "hebrew": "he",
    "japanese": "ja", "korean": "ko", "thai": "th",
}  # fmt: skip
SENTENCES = 12
"""Of a document."""
_ENTRY = re.compile(r'^msgstr(?:\[0\])? ((?:"(?:\\.|[^"\\])*"\s*)+)', re.M)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"')


@cache
def paragraphs(cache_home: Path) -> dict[str, list[str]]:
    """By script, documents in an order in which each variant stands behind what it was made of."""
    (folder,) = fetch(cache_home, lambda line: print(line, flush=True), [PIN]).values()
    return {name: list(_documents(name, _sentences(folder, language))) for name, language in LANGUAGES.items()}


def _sentences(folder: Path, language: str) -> list[str]:
    """The translated texts of at least a dozen characters, each once, in the files' order."""
    texts: dict[str, None] = {}
    for path in sorted(folder.rglob(f"locale/{language}/LC_MESSAGES/*.po")):
        for entry in _ENTRY.findall(path.read_text(encoding="utf-8")):
            text = "".join(_QUOTED.findall(entry)).replace("\\n", "\n").replace('\\"', '"')
            if len(text) >= 12:
                texts[text] = None
    return list(texts)


def _documents(name: str, sentences: list[str]) -> Iterator[str]:
    """Of some sentences each: as they are; with one more; with a fourth and with a half of them replaced by others; and
    under one English template."""
    template = "### Bug report\n\n**What happened?**\n\n{}\n\n**What should have happened?**\n\nSee above.\n"
    for at in range(0, len(sentences) - SENTENCES, SENTENCES):
        own = sentences[at : at + SENTENCES]
        others = _drawn(name, at, sentences)
        yield "\n".join(own)
        yield "\n".join([*own, others[0]])
        yield "\n".join([*own[: SENTENCES * 3 // 4], *others[: SENTENCES // 4]])
        yield "\n".join([*own[: SENTENCES // 2], *others[: SENTENCES // 2]])
        yield template.format(own[0])


def _drawn(name: str, at: int, sentences: list[str]) -> list[str]:
    """As many others as a document has, by keyed hash."""
    keys = (xxhash.xxh3_64_intdigest(f"{name} {at} {n}".encode()) for n in range(SENTENCES))
    return [sentences[key % len(sentences)] for key in keys]
