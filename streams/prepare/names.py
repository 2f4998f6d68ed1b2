"""What a path says: other people's code, files that programs wrote, texts that are no code."""

from __future__ import annotations

import re

VENDORED = re.compile(
    r"(^|/)(vendor|vendors|vendored|_vendor|vendor_?lib|node_modules|third[-_]?party|3rd[-_]?party|bower_components|"
    r"site-packages|dist-packages|externals?|extern|deps|venv|\.venv|virtualenv|Godeps|Pods|Carthage|\.yarn|\.tox)/"
    r"|(^|/)(jquery|bootstrap|angular|react)[-.\d\w]*\.min\.(js|css)$"
)
"""Folders of copies (linguist's vendor.yml names the most usual of them)."""
TEST = re.compile(
    r"(^|/)(tests?|specs?|__tests__|testing)/|(^|/)(test_[^/]*\.py|tests?\.\w+|[^/]*(_test|_spec|\.test|\.spec)\.\w+|[^/]*Tests?\."
    r"(java|cs|kt|scala|swift))$"
)
"""Tests, by their names and folders."""
COMPILED = re.compile(r"(^|/)(dist|umd)/.*\.(m?js|cjs|css)$|\.(js|css|mjs|d\.ts)\.map$")
"""What a bundler wrote beside the sources, in the languages that are bundled."""
GENERATED = re.compile(
    r"(\.min\.(js|css)|[-_.]pb2(_grpc)?\.pyi?|\.pb(\.\w+)?\.(go|cc|h|swift|dart)|\.pb(enum|json|server)?\.dart|"
    r"_(grpc_)?pb\.(js|d\.ts|rb)|\.generated\.\w+|_generated\.\w+|zz_generated\.[\w.]+|\.g(\.i)?\.(dart|cs)|"
    r"\.(freezed|gr|mocks|config)\.dart|\.designer\.(cs|vb)|\.tsbuildinfo|\.snap|\.pbxproj|\.lock)$"
    r"|(^|/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|bun\.lockb|go\.(work\.)?sum|Package\.resolved|"
    r"gradle-wrapper\.properties|R\.java|BuildConfig\.java)$"
    r"|(^|/)(__generated__|__snapshots__|generated-sources)/",
    re.I,
)
_LICENCE = re.compile(
    r"(^|/)((un)?licen[cs]es?|copying|copyright|notice|patents)\d?([-_.][\w.-]*)?$|(^|/)[\w.]+-licen[cs]e(\.txt|\.md)?$",
    re.I,
)
_LICENCES = re.compile(r"(^|/)licen[cs]es?/[^/]*$", re.I)
_TEXTS = frozenset(["", "txt", "md", "rst", "html", "lesser", "gpl", "lgpl", "mit", "apache", "bsd"])
NO_CODE = frozenset(["po", "pot", "xlf", "xliff", "log", "srt", "vtt", "gpx", "kml"])
"""Translations, logs, subtitles and tracks: texts that nobody completes code in, however short."""
DATA = frozenset(["jsonl", "ndjson", "geojson", "topojson", "tsv", "dat"])
"""Records that are data beside the data languages: they have the same limit."""


def extension(path: str) -> str:
    """In lower case, without its dot; empty when the name has none."""
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[-1].lower() if "." in name else ""


def is_licence(path: str) -> bool:
    """Whether the file is a licence's text by its name: source files called `license.py` are none."""
    kind = extension(path)
    is_text = kind in _TEXTS or any(character.isdigit() for character in kind)
    return bool(is_text and _LICENCE.search(path)) or bool(kind in ("", "txt") and _LICENCES.search(path))
