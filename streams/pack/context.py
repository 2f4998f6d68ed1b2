"""Repository context: the files of one event in dependency order, so that what is imported is read before its importer.

Imports are found by one expression a language and resolved among the event's own paths; what is not there is ignored.
Bounded: an expression never looks further than a line, so many characters and imports of a file are looked at, and an
event of more than MOST_FILES is not put in order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath
from posixpath import normpath

from streams.document import Document

MOST_FILES = 256
LOOKED_AT = 65_536
"""Characters of a file in which imports are looked for."""
MOST_TARGETS = 100
"""Imports of a file that are resolved."""
_PYTHON = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.{0,16})([\w.]{0,256})[ \t]+import[ \t]+\(?([^\n#]*)|import[ \t]+([\w., \t]+))", re.M
)
_SCRIPT = re.compile(r"""(?:\bfrom|\bimport|\brequire[ \t]*\(|\bimport[ \t]*\()[ \t]*["'](\.[^"'\n]*)["']""")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.M)
_DOTTED = re.compile(r"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+)", re.M)
_QUOTED = re.compile(r'^[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?"([\w./-]+)"[ \t]*$', re.M)
_RUST = re.compile(r"^[ \t]*(?:pub[ \t]+)?(?:mod[ \t]+(\w+)[ \t]*;|use[ \t]+(?:crate|self|super)::([\w:]+))", re.M)
_RUBY = re.compile(r"""^[ \t]*require_relative[ \t]*\(?["']([^"'\n]+)["']""", re.M)
PACKAGES = ("__init__", "index", "mod")
"""Files that stand for their folder."""


def ordered(documents: Sequence[Document]) -> list[Document]:
    """Imported files before their importers; else, and in a cycle, by path.

    Of those left the one with the fewest unread imports comes next (DeepSeek-Coder, arXiv 2401.14196, algorithm 1).
    """
    left = sorted(documents, key=lambda d: (d.path, d.index))
    needs = dependencies(left)
    unread = [len(needed) for needed in needs]
    order: list[int] = []
    waiting = set(range(len(left)))
    while waiting:
        following = min(waiting, key=lambda i: (unread[i], i))
        waiting.remove(following)
        order.append(following)
        for i in waiting:
            unread[i] -= following in needs[i]
    return [left[i] for i in order]


def dependencies(documents: Sequence[Document]) -> list[set[int]]:
    """For each document the positions of those that it imports, itself left out."""
    stems = [_without(d.path) for d in documents]
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for i, stem in enumerate(stems):
        by_name[stem.rsplit("/", 1)[-1]].append(i)
        by_name[stem.rsplit("/", 2)[-2] if "/" in stem else ""].append(i)  # a folder is a package in Go
    edges: list[set[int]] = []
    for i, d in enumerate(documents):
        hits: set[int] = set()
        for target in islice(dict.fromkeys(targets(d)), MOST_TARGETS):
            near = by_name.get(target.rsplit("/", 1)[-1], ())
            hits |= {j for j in near if _matches(stems[j], target, d.language)}
        edges.append(hits - {i})
    return edges


def targets(document: Document) -> Iterator[str]:
    """What the file imports, as paths without extension; those that begin with `/` start at the repository's root."""
    text, here = document.parts[0].text[:LOOKED_AT], str(PurePosixPath(document.path).parent)
    match document.language:
        case "python":
            yield from _python(text, here)
        case "javascript" | "typescript" | "vue" | "svelte":
            yield from (_from(here, name) for name in _SCRIPT.findall(text))
        case "c" | "cpp" | "cuda" | "objc":
            yield from (_without(name) for name in _INCLUDE.findall(text))
        case "java" | "kotlin" | "scala" | "groovy":
            yield from (name.replace(".", "/") for name in _DOTTED.findall(text))
        case "go":
            yield from _QUOTED.findall(text)
        case "rust":
            yield from (name or path.replace("::", "/") for name, path in _RUST.findall(text))
        case "ruby":
            yield from (_from(here, name) for name in _RUBY.findall(text))
        case _:
            return


def _python(text: str, here: str) -> Iterator[str]:
    for dots, module, names, plain in _PYTHON.findall(text):
        if plain:
            yield from (name.split(" as ")[0].strip().replace(".", "/") for name in plain.split(","))
            continue
        base = _from("/".join([here, *[".."] * (len(dots) - 1)]), "") if dots else ""
        path = "/".join(p for p in (base, module.replace(".", "/")) if p)
        yield path
        yield from (f"{path}/{name.split(' as ')[0].strip(' )')}" for name in names.split(",") if name.strip(" )\\"))


def _from(here: str, name: str) -> str:
    return "/" + _without(normpath(f"{here}/{name}").lstrip("/"))


def _without(path: str) -> str:
    """Without a file's extension; `a/index` and the like are `a`."""
    stem, dot, extension = path.rpartition(".")
    stem = stem if dot and "/" not in extension and stem and not stem.endswith("/") else path
    folder, _, name = stem.rpartition("/")
    return folder if folder and name in PACKAGES else stem


def _matches(stem: str, target: str, language: str) -> bool:
    if target.startswith("/"):
        return stem == target[1:]
    if language == "go":
        folder = stem.rpartition("/")[0]
        return bool(folder) and (target == folder or target.endswith("/" + folder))
    return stem == target or stem.endswith("/" + target)
