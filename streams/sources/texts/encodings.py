"""The text of bytes that are not UTF-8, where what they say leaves no doubt in which encoding they were written.

A wrong text is worse than none. Each family of encodings has a judge that knows how its languages look: which
characters are frequent, which letters stand in one word, which small words stand around them. A text counts when
one judge alone takes it. Detectors that compare code pages as such take Polish for French and EUC-JP for Korean on
short comments (tests/streams/sources/texts/test_encodings.py counts both).
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable

from streams.sources.texts.scripts import (
    CHINESE,
    CYRILLIC,
    EAST,
    KOREAN,
    NEUTRAL,
    SAFE,
    SHARED,
    WEST,
    LatinLanguage,
)

SAMPLE_BYTES = 64 * 1024
"""What is looked at: lines that hold more than ASCII, from the beginning on."""
MIN_WIDE = 8
MIN_CYRILLIC = 12
"""Letters beyond ASCII below which an Asian, or a Cyrillic, text is not certain."""

_HIGH = re.compile(rb"[\x80-\xff]")
_END = re.compile(rb"[\r\n]")
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\x80-\x9f\ue000-\uf8ff\ufffd]")
_WORDS = re.compile(r"[^\W\d_]+")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNS_IN_PLACE = re.compile(
    r"(?<![\w-])©(?=\s*[A-Z0-9])|(?<=\w\w)[®™](?!\w)|(?<=\d)\s?°|(?<=\w)’(?=\w)|(?<=[\s\d])[–—](?=[\s\d])"
    r"|“[^“”\n]*”|‘[^‘’\n]*’|„[^“”„\n]*[“”]|«[^«»\n]*»|(?<=\w)…(?!\w)|(?<=\d)\xa0(?=\w)|(?<=\w)\xa0(?=[»:;!?%])"
)
"""Signs where texts of Latin letters have them; elsewhere they are letters of another page."""
_ALONE = re.compile(r"[A-Za-z][^\x00-\x7f][A-Za-z]")
"""What a letter of Western Europe becomes on a page of Asia."""
_AUTHORS = re.compile(r"(?i)author|copyright|©|\(c\)|@|\bby\b|contribut|maintain|thank|written")
_CYRILLIC_PAGES = ("cp1251", "koi8-r", "cp866", "iso8859-5")
_LEAST_LOG = math.log(0.0002)


def marked(value: bytes) -> str | None:
    """The text behind a byte-order mark of UTF-16 or UTF-32; None when there is no mark, or no such text behind it."""
    for mark, encoding in _MARKS:
        if value.startswith(mark):
            text = _decoded(value, encoding)
            return None if text is None or _CONTROLS.search(text) else text
    return None


def legacy(value: bytes) -> str | None:
    """The text of bytes in an older encoding; None when it is not certain which. Time is linear in the bytes."""
    if (text := marked(value)) is not None:
        return text
    sample = _sample(value)
    if _is_damaged_utf8(sample):
        return None
    found: dict[str, str] = {}
    for judge in _JUDGES:
        if encoding := judge(sample):
            found.setdefault(sample.decode(encoding), encoding)
    if len(found) != 1:
        return None
    text = _decoded(value, found.popitem()[1])
    return None if text is None or _CONTROLS.search(text) else text


def _sample(value: bytes) -> bytes:
    """The lines that hold more than ASCII, from the beginning on; of the first one at most SAMPLE_BYTES."""
    lines: list[bytes] = []
    size = at = 0
    while size < SAMPLE_BYTES and (high := _HIGH.search(value, at)) is not None:
        start = max(value.rfind(b"\n", at, high.start()), value.rfind(b"\r", at, high.start()), at - 1) + 1
        end = found.start() if (found := _END.search(value, high.end())) is not None else len(value)
        lines.append(value[start:end])
        size, at = size + end - start + 1, end
    if size > SAMPLE_BYTES and len(lines) > 1:
        lines.pop()
    return b"\n".join(lines) if len(lines) > 1 else b"".join(lines)[:SAMPLE_BYTES]


def _is_damaged_utf8(sample: bytes) -> bool:
    """Whether most of it is UTF-8: what is broken then is the file."""
    high = sum(byte > 0x7F for byte in sample)
    return 2 * sum(len(sequence) for sequence in _UTF8.findall(sample)) > high


def _decoded(value: bytes, encoding: str) -> str | None:
    try:
        return value.decode(encoding)
    except UnicodeDecodeError:
        return None


def _wide(text: str | None) -> str:
    """The characters beyond ASCII, without those signs that most scripts share."""
    return "" if text is None else "".join(c for c in text if c > "\x7f" and c not in NEUTRAL)


def _share(characters: str, test: Callable[[str], bool]) -> float:
    return sum(map(test, characters)) / len(characters)


def _is_han(c: str) -> bool:
    return "\u4e00" <= c <= "\u9fff"


def _is_kana(c: str) -> bool:
    return "\u3041" <= c <= "\u30fe"


def _is_asian_sign(c: str) -> bool:
    return "\u3000" <= c <= "\u303f" or "\uff01" <= c <= "\uff5e" or c in "“”‘’…—–·×÷→"


def _is_frequent(characters: str, frequent: frozenset[str], least: float) -> bool:
    """Whether frequent characters are as frequent as in running text."""
    count = sum(c in frequent for c in characters)
    return len(characters) >= MIN_WIDE and count >= 3 and count >= least * len(characters)


def _chinese(encoding: str) -> Callable[[bytes], str]:
    def judge(sample: bytes) -> str:
        wide = _wide(text := _decoded(sample, encoding))
        if text is None or len(_ALONE.findall(text)) > len(wide) / 10:
            return ""
        han = "".join(filter(_is_han, wide))
        if not _is_frequent(han, CHINESE, 0.25) or _share(wide, _is_kana) > 0.02:
            return ""
        return encoding if _share(wide, lambda c: _is_han(c) or _is_asian_sign(c)) > 0.97 else ""

    return judge


def _japanese(encoding: str) -> Callable[[bytes], str]:
    def judge(sample: bytes) -> str:
        wide = _wide(_decoded(sample, encoding))
        if len(wide) < MIN_WIDE or _share(wide, _is_kana) < 0.25:
            return ""
        known = _share(wide, lambda c: _is_kana(c) or _is_han(c) or _is_asian_sign(c))
        return encoding if known > 0.97 else ""

    return judge


def _korean(sample: bytes) -> str:
    wide = _wide(_decoded(sample, "cp949"))
    hangul = "".join(c for c in wide if "\uac00" <= c <= "\ud7a3")
    return "cp949" if _is_frequent(hangul, KOREAN, 0.3) and len(hangul) > 0.9 * len(wide) else ""


def _cyrillic(sample: bytes) -> str:
    """The code page whose letters are as frequent as Russian's, and clearly more so than on any other page."""
    scores = sorted(((_cyrillic_score(sample, page), page) for page in _CYRILLIC_PAGES), reverse=True)
    (best, page), (second, _) = scores[0], scores[1]
    return page if best > -math.inf and best - second > 6 else ""


def _cyrillic_score(sample: bytes, page: str) -> float:
    """The log-likelihood of the letters; minus infinity when words do not look like words."""
    text = _decoded(sample, page)
    wide = _wide(text)
    if (
        text is None
        or len(wide) < MIN_CYRILLIC
        or _share(wide, lambda c: "\u0400" <= c <= "\u045f" or c in "ґҐ") < 0.97
    ):
        return -math.inf
    words = [word for word in _WORDS.findall(text) if not word.isascii()]
    good = sum(_has_case_of_a_word(word) and not re.search("[A-Za-z]", word) for word in words)
    if sum(map(str.isupper, wide)) > len(wide) / 2:  # Hebrew on KOI8-R, and any text of KOI8-R on the others
        return -math.inf
    logs = [math.log(CYRILLIC[c]) if c in CYRILLIC else _LEAST_LOG for c in wide.lower()]
    return sum(logs) if good > 0.95 * len(words) and sum(logs) > -3.42 * len(logs) else -math.inf


def _has_case_of_a_word(word: str) -> bool:
    return word.islower() or word.isupper() or (word[:1].isupper() and (word[1:].islower() or len(word) == 1))


def _latin(sample: bytes) -> str:
    """Of the pages that a language explains, the one whose small words stand in the text; or any, where all agree."""
    best: dict[str, tuple[int, str]] = {}
    for page, languages in (("cp1252", WEST), ("cp1250", EAST), ("iso8859-2", EAST)):
        text = _decoded(sample, page)
        if text is None or _CONTROLS.search(text) or not _are_latin_words(text):
            continue
        letters = frozenset(c for c in text if c > "\x7f" and c.isalpha())
        if page == "cp1252" and (letters <= SAFE or (letters <= SHARED and _are_names(text))):
            return page
        hits = max(_hits(text, language) for language in languages)
        if hits > best.get(text, (0, ""))[0]:
            best[text] = (hits, page)
    ranked = sorted(best.values(), reverse=True)
    if not ranked or ranked[0][0] < 2 or (len(ranked) > 1 and ranked[0][0] < 2 * ranked[1][0]):
        return ""
    return ranked[0][1]


def _are_latin_words(text: str) -> bool:
    """Whether letters beyond ASCII stand in words that ASCII's letters make up, and other signs outside of words."""
    if any(c > "\x7f" and not c.isalpha() and c not in NEUTRAL for c in text):
        return False
    if sum(c in NEUTRAL for c in _SIGNS_IN_PLACE.sub("", text)) > sum(c > "\x7f" and c.isalpha() for c in text) / 50:
        return False
    if "\xa0" in text and not any(c > "\x7f" and c.isalpha() for c in text):  # à and á on pages of DOS
        return False
    words = [word for word in _WORDS.findall(text) if not word.isascii()]
    good = sum(_has_case_of_a_word(word) for word in words)
    ascii_letters = sum(c < "\x80" for word in words for c in word)
    return good >= 0.9 * len(words) and ascii_letters >= 0.6 * sum(map(len, words))


def _are_names(text: str) -> bool:
    """Whether only a few names, where authors are named, hold letters beyond ASCII."""
    words = {word for word in _WORDS.findall(text) if not word.isascii()}
    named = all(line.isascii() or _AUTHORS.search(line) for line in text.split("\n"))
    return named and len(words) <= 3 and all(len(w) > 2 and w[0].isupper() and w[1:].islower() for w in words)


def _hits(text: str, language: LatinLanguage) -> int:
    """How many different small words of the language stand in the text; 0 where it does not explain the letters.

    Many small words make up for a foreign word.
    """
    letters = [c for c in text if c > "\x7f" and c.isalpha()]
    foreign = sum(c not in language.letters for c in letters)
    hits = len(language.words & {word.lower() for word in _WORDS.findall(text)})
    return hits if not foreign or (hits >= 5 and foreign < 0.05 * len(letters)) else 0


_JUDGES: tuple[Callable[[bytes], str], ...] = (
    _chinese("gb18030"),
    _chinese("big5"),
    _japanese("cp932"),
    _japanese("euc_jp"),
    _korean,
    _cyrillic,
    _latin,
)
