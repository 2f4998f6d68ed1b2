"""The claims of metadata that are programs. They are not run, and what stands in their comments is none; a value that
only running would tell is unknown."""

from __future__ import annotations

import re

from streams.prepare.licences.naming import UNKNOWN
from streams.sources.licences.claim import Claim

MAX_PROGRAM = 200_000
"""Characters of a program that are looked through."""
_TOKENS = re.compile(
    r"(?P<dropped>#[^\n]*+|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\")?|'{3}(?:[^'\\]|\\.|'(?!''))*+(?:'{3})?)"
    r"|\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?",
    re.S,
)
"""Comments and strings of several lines, and strings, in which `#` begins no comment."""
QUOTED = re.compile(r"[\"']([^\"'\n]{1,200})[\"']")
_CLASSIFIER = re.compile(r"[\"'](License :: [^\"'\n]{1,200})[\"']")
_KEY = re.compile(r"(?:\b|__)licen[cs]e(?:__)?(?:[ \t]{0,20}=(?!=)|[\"']\]?[ \t]{0,20}(?::|=(?!=)))[ \t\n(\[]{0,20}")
"""`license=` of a call or an assignment, `"license":` of a table."""
_LITERAL = re.compile(r"(?P<kind>[rRuUbBfF]{0,2})[\"'](?P<value>[^\"'\n]{0,200})[\"']")
_ENDS = re.compile(r"[ \t]*(?:\n\s{0,99}(?![\"'+%.]|(?:if|or|and)\b)|[,)}\];#]|\Z)")
"""What stands behind a value that is whole."""
_FURTHER = re.compile(r"\s{0,99},\s{0,99}(?=[rRuUbBfF]{0,2}[\"'])")
"""Between the values of a list."""
_NAME = re.compile(r"[A-Za-z_]\w{0,60}\b(?![.(\[])")
_READ = re.compile(r"None\b|[\"']{2}(?![\"'])|[^\n]{0,100}\bread\w*\(")
"""Nothing, or a file's text."""
MAX_VALUES = 20


def program(text: str) -> str:
    """Without what its comments and its documentation say."""
    return _TOKENS.sub(lambda token: "" if token["dropped"] else token.group(), text[:MAX_PROGRAM])


def setup_py(text: str) -> Claim:
    """What `license=` is, and the classifiers."""
    bare = program(text)
    values: list[str] = []
    for key in _KEY.finditer(bare):
        if len(values) >= MAX_VALUES:
            values.append(UNKNOWN)
            break
        values += _values(bare, key.end())
    return Claim([], list(dict.fromkeys(values)), _CLASSIFIER.findall(bare))


def _values(bare: str, at: int, depth: int = 0) -> list[str]:
    """Of the expression that begins here."""
    if literal := _LITERAL.match(bare, at):
        value = literal["value"]
        if "f" in literal["kind"].lower() and "{" in value:
            return [UNKNOWN]
        if not _ENDS.match(bare, literal.end()):
            return [value, UNKNOWN]
        is_first = bare[max(0, at - 1) : at] in ("(", "[") or depth < 0
        further = _FURTHER.match(bare, literal.end()) if is_first and depth > -MAX_VALUES else None
        return [value, *(_values(bare, further.end(), min(depth, 0) - 1) if further else [])]
    if _READ.match(bare, at):
        return []
    name = _NAME.match(bare, at)
    if not name or depth > 1:
        return [UNKNOWN]
    set_ = list(re.finditer(rf"(?m)^[ \t]{{0,20}}{name.group()}[ \t]{{0,20}}=(?!=)[ \t\n(]{{0,20}}", bare))
    if not set_ or len(set_) > MAX_VALUES:
        return [UNKNOWN]
    return [value for each in set_ for value in _values(bare, each.end(), depth + 1)]


_GEM = re.compile(
    r"\.licen[cs]es?[ \t]{0,80}(?:\+?=(?!=)|<<|\.(?:push|concat)\b)\s{0,80}(?P<said>%w(?:"
    r"\[[^\]]{0,300}\]|\([^)]{0,300}\)|\{[^}]{0,300}\})|\[[^\]]{0,300}\]|[^\n]{1,300})"
)
_TYPE = re.compile(r":?type[\"']?[ \t]{0,9}(?:=>|:)[ \t]{0,9}[\"']([^\"'\n]{1,200})")
_PERCENT = re.compile(r"%[qQ]?[(\[{|<]([^()\[\]{}|<>\n]{1,200})")
HASH_CHARS = 500


def gemspec(text: str) -> Claim:
    """RubyGems' `license =` and `licenses = [...]`, CocoaPods' `license = { :type => ... }`. Of one list one may be
    chosen; what is set again holds beside it."""
    bare = program(text)
    several: list[list[str]] = []
    for match in _GEM.finditer(bare):
        said, at = match["said"], match.start("said")
        if said.startswith("{"):
            said = bare[at : at + HASH_CHARS]
            kind = _TYPE.search(said)
            several.append([kind.group(1)] if kind else QUOTED.findall(match["said"]) or [UNKNOWN])
        elif said.startswith("%w"):
            several.append(said[3:-1].split())
        else:
            found = QUOTED.findall(said) or _PERCENT.findall(said)
            several.append(found or ([] if re.fullmatch(r"\[\s*\]|nil\b.*", said) else [UNKNOWN]))
    first, *others = several or [[]]
    return Claim(first, [value for values in others for value in values])


def _listed(pattern: str, text: str) -> Claim:
    return Claim([value for said in re.findall(pattern, text) for value in QUOTED.findall(said)])


def mix(text: str) -> Claim:
    """Elixir's `licenses: [...]`."""
    bare = program(text)
    claim = _listed(r"\blicenses:\s{0,20}\[([^\]]{1,300})\]", bare)
    return claim if claim.values or not re.search(r"\blicenses:", bare) else Claim([UNKNOWN])


def rockspec(text: str) -> Claim:
    """Lua's `license = "..."`."""
    return _listed(r"\blicense\s{0,20}=\s{0,20}([\"'][^\n]{1,200})", re.sub(r"(?m)--[^\n]*", "", text[:MAX_PROGRAM]))


def opam(text: str) -> Claim:
    return _listed(r"(?m)^license:\s{0,20}(\[[^\]]{1,300}\]|\"[^\"\n]{1,200}\")", text)


def nimble(text: str) -> Claim:
    """Nim's `license = "..."`, at the left edge."""
    return _listed(r"(?m)^license\s{0,20}=\s{0,20}(\"[^\n]{1,200})", program(text))


_LISP_COMMENTS = re.compile(r"(?m);[^\n]*")


def dune(text: str) -> Claim:
    said = re.findall(r"\(license\s{1,20}([^()]{1,300})\)", _LISP_COMMENTS.sub("", text[:MAX_PROGRAM]))
    return Claim([value.strip().strip('"') for value in said])


def leiningen(text: str) -> Claim:
    """Clojure's `:license {:name "..."}`, and `:licenses [{:name ...} ...]`, of which all hold."""
    bare = _LISP_COMMENTS.sub("", text[:MAX_PROGRAM])
    values: list[str] = []
    for said in re.findall(r":licenses?\s{1,20}(\{[^}]{1,500}|\[[^\]]{1,900})", bare):
        values += re.findall(r":name\s{1,20}\"([^\"\n]{1,200})\"", said) or [UNKNOWN]
    return Claim(values if values or not re.search(r":licenses?\s", bare) else [UNKNOWN])
