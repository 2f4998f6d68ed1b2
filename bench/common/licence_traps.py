"""Licence texts made to be mistaken: copyleft and proprietary ones that look permissive, permissive ones that take a
right back, or whose words were changed, and, beside them, permissive ones that are only set in another way."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from streams.prepare.licences import classify

PERMISSIVE = ("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "BSL-1.0", "Unlicense",
              "PostgreSQL", "NCSA", "X11")  # fmt: skip
CHANGED = ("MIT", "Apache-2.0", "BSD-3-Clause", "ISC", "Zlib", "X11")
"""Those that something is added to."""
COPYLEFT = ("GPL-2.0-only", "GPL-3.0-only", "LGPL-2.1-only", "LGPL-3.0-only", "AGPL-3.0-only", "MPL-1.1", "MPL-2.0",
            "EPL-1.0", "EPL-2.0", "CDDL-1.0", "EUPL-1.2", "OSL-3.0", "CC-BY-SA-4.0", "SSPL-1.0", "CECILL-2.1",
            "CPL-1.0", "MS-RL")  # fmt: skip
PROPRIETARY = ("BUSL-1.1", "Elastic-2.0", "PolyForm-Noncommercial-1.0.0", "PolyForm-Small-Business-1.0.0",
               "CC-BY-NC-4.0", "CC-BY-ND-4.0")  # fmt: skip
CONDITIONS = {
    "commons clause": (
        '"Commons Clause" License Condition v1.0. The Software is provided to you by the Licensor under the License, '
        "as defined below, subject to the following condition. Without limiting other conditions in the License, the "
        "grant of rights under the License will not include the right to Sell the Software."
    ),
    "non-commercial": "This software may be used for non-commercial purposes only.",
    "not commercial": "Commercial use is not permitted without a separate agreement.",
    "no selling": "The Software may not be sold, in whole or in part.",
    "evaluation": "The Software is licensed for evaluation purposes only.",
    "military": "The Software must not be used for military purposes.",
    "no training": "No AI training: the Software must not be used to train models.",
    "confidential": "CONFIDENTIAL AND PROPRIETARY. All rights reserved. Unauthorized copying of this is prohibited.",
}
"""What takes a right back, whatever stands beside it."""
NOTICES = {
    "GPL notice": "This program is free software: you can redistribute it and/or modify it under the terms of the GNU "
    "General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your "
    "option) any later version.",
    "LGPL line": "Parts of this library are licensed under the GNU Lesser General Public License, version 2.1.",
    "AGPL line": "The server is licensed under the GNU Affero General Public License v3.0.",
    "MPL line": "The files in core/ are subject to the terms of the Mozilla Public License, v. 2.0.",
}
RULE = "\n\n" + "-" * 60 + "\n\n"


@dataclass(frozen=True)
class Trap:
    name: str
    text: str
    truth: str
    """The class: permissive, copyleft, proprietary, unknown."""


def texts(package: Path, names: tuple[str, ...]) -> dict[str, str]:
    """By SPDX identifier, of the unpacked package `spdx-license-list`."""
    folder = next(package.rglob("licenses"))
    return {name: json.loads((folder / f"{name}.json").read_text())["licenseText"] for name in names}


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "in one line": lambda text: " ".join(text.split()),
    "narrow": lambda text: "\n\n".join(fill(p, 40) for p in text.split("\n\n")),
    "in #": lambda text: "".join(f"# {line}\n" for line in text.split("\n")),
    "in /* */": lambda text: "/*\n" + "".join(f" * {line}\n" for line in text.split("\n")) + " */\n",
    "quoted": lambda text: "".join(f"> {line}\n" for line in text.split("\n")),
    "in HTML": lambda text: "<html><body>" + "".join(f"<p>{p}</p>\n" for p in text.split("\n\n")) + "</body></html>",
    "with CRLF": lambda text: text.replace("\n", "\r\n"),
}
"""Ways to set a text that change nothing of what it says."""
SHORT: dict[str, Callable[[str], str]] = {
    "without its head": lambda text: text.split("\n", 4)[-1],
    "its first tenth": lambda text: text[: len(text) // 10],
    "its first quarter": lambda text: text[: len(text) // 4],
    "its first section": lambda text: text[: _second_section(text)],
    "its second half": lambda text: text[len(text) // 2 :],
    "with an MIT title": lambda text: f"The MIT License (MIT)\n\nCopyright (c) 2026 A. Author\n\n{text}",
    "with an MIT title for its own": lambda text: "MIT License\n\n" + text.split("\n", 4)[-1],
}  # fmt: skip


def _second_section(text: str) -> int:
    """Where it begins, as far as that can be seen."""
    found = re.compile(r"\n\s*(?:1\.|2\.|Section 2)").search(text, 200)
    return found.start() if found else 600


def traps(package: Path) -> Iterator[Trap]:
    """What must not be taken for permissive."""
    free, bound, owned = (texts(package, names) for names in (PERMISSIVE, COPYLEFT, PROPRIETARY))
    for name, text in bound.items():
        for form, change in (FORMS | SHORT).items():
            yield Trap(f"{name} {form}", change(text), "copyleft")
        for other in ("MIT", "Apache-2.0", "BSD-3-Clause"):
            yield Trap(f"{other} before {name}", f"{free[other]}{RULE}{text}", "copyleft")
            yield Trap(f"{other} behind {name}", f"{text}\n\n{free[other]}", "copyleft")
    for name, text in owned.items():
        for form, change in FORMS.items():
            yield Trap(f"{name} {form}", change(text), "proprietary")
        yield Trap(f"MIT before {name}", f"{free['MIT']}{RULE}{text}", "proprietary")
    for name in CHANGED:
        yield from _bound(name, free[name])


def _bound(name: str, text: str) -> Iterator[Trap]:
    """A permissive text that something was added to, at its head, in its middle or at its end."""
    lines = text.split("\n\n")
    middle = len(lines) // 2
    for what, condition in CONDITIONS.items():
        yield Trap(f"{name}, {what} at its end", f"{text}\n\n{condition}\n", "proprietary")
        yield Trap(f"{name}, {what} at its head", f"{condition}\n\n{text}", "proprietary")
        yield Trap(f"{name}, {what} inside", "\n\n".join([*lines[:middle], condition, *lines[middle:]]), "proprietary")
    for what, notice in NOTICES.items():
        yield Trap(f"{name}, {what} at its end", f"{text}\n\n{notice}\n", "copyleft")
        yield Trap(f"{name}, {what} at its head", f"{notice}\n\n{text}", "copyleft")


def innocents(package: Path) -> Iterator[Trap]:
    """Permissive texts, set in other ways, under other names."""
    for name, text in texts(package, PERMISSIVE).items():
        for form, change in FORMS.items():
            yield Trap(f"{name} {form}", change(text), "permissive")
        yield Trap(f"{name} of many", "".join(f"Copyright (c) {y} Author {y}\n" for y in range(2010, 2027)) + text,
                   "permissive")  # fmt: skip


SENTENCES = (
    "Derivative works must be licensed under the same terms.", "This does not apply to companies with employees.",
    "Redistributions in any form must be accompanied by the complete source.", "It is granted to students alone.",
    "Use in production needs a separate agreement.", "Any use by a competitor is excluded.",
)  # fmt: skip
PUT_IN = (
    "for non-production use", "for a fee", "to members", "not", "personally", "for evaluation",
    "within one organization", "at no profit", "until 2030", "by individuals",
)  # fmt: skip
"""Behind the word at which a text grants or asks."""
_PLACES = re.compile(r"\b(?:granted|permitted|allowed|may|use|copy|purpose|conditions|person|free)\b", re.I)
REPLACED = (
    ("free of charge", "for a fee"), ("any person", "any student"), ("any person", "any registered user"),
    ("anyone", "any member"), ("any purpose", "any non-profit purpose"), ("any purpose", "one purpose"),
    ("without fee", "for a fee"), ("with or without fee", "with fee"), ("without restriction", "with restrictions"),
    ("is hereby granted", "is hereby not granted"), ("are permitted", "are not permitted"), ("may", "may not"),
    ("royalty-free", "royalty-bearing"), ("irrevocable", "revocable"), ("perpetual", "yearly"),
    ("commercial", "private"), ("with or without modification", "without modification"), ("modify,", ""),
    ("sell", "lend"), ("publish, ", ""), ("redistribute it freely", "keep it"), ("worldwide", "local"),
    ("source and binary forms", "binary form"),
)  # fmt: skip
_SENTENCE = re.compile(r"[A-Z][^.]{40,}\.\s")


FEW = 6
"""Of a licence that is not among the common ones each sixth change."""


def mutations(package: Path, common: tuple[str, ...]) -> Iterator[Trap]:
    """Of the unpacked package `spdx-license-list`: changes of each permissive text, of the common ones all."""
    folder = next(package.rglob("licenses"))
    names = [name for name in sorted(path.stem for path in folder.glob("*.json")) if classify(name) == "permissive"]
    for at, (name, text) in enumerate(texts(package, tuple(names)).items()):
        step = 1 if name in common else FEW
        for what, changed in itertools.islice(changes(text), 0 if step == 1 else at % FEW, None, step):
            yield Trap(f"{name}, {what}", changed, "unknown")


def changes(text: str) -> Iterator[tuple[str, str]]:
    """What a permissive text is no more, with what was done to it."""
    for i, (old, new) in enumerate(REPLACED):
        if found := re.search(rf"\b{re.escape(old)}(?![\w-])", text, re.I):
            yield f"replaced {i}", f"{text[: found.start()]}{new}{text[found.end() :]}"
    places = list(_PLACES.finditer(text))
    for i, words in enumerate(PUT_IN if places else ()):
        at = places[i * len(places) // len(PUT_IN)].end()
        yield f"put in {i}", f"{text[:at]} {words} {text[at:]}"
    gaps = [match.end() for match in re.finditer(r"[.;:]\s", text[len(text) // 5 : len(text) * 4 // 5])]
    for i, sentence in enumerate(SENTENCES if gaps else ()):
        at = len(text) // 5 + gaps[i * len(gaps) // len(SENTENCES)]
        yield f"sentence {i}", f"{text[:at]}{sentence} {text[at:]}"
    said = list(_SENTENCE.finditer(text))
    for part in (1, 2):
        if len(said) > 2:
            cut = said[part * len(said) // 3]
            yield f"half left out {part}", text[: cut.start()] + text[(cut.start() + cut.end()) // 2 :]
