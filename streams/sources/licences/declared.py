"""What a package's metadata declare: the rows of what is read, and how a file's values go together.

All values of a file hold (AND), but where the format says that one may be chosen (OR). Classifiers that repeat what the
field says, or say less, add nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from streams.prepare.licences.expressions import families_of, sides, together
from streams.sources.licences import formats, markup, programs, tables
from streams.sources.licences.claim import Claim
from streams.sources.licences.spellings import spdx_of

METADATA_FILE = re.compile(r"(?i)(^|/)(METADATA|PKG-INFO)$")
DEBIAN = re.compile(r"(^|/)debian/copyright$")
MAX_CHARS = 1_000_000
"""Of a file that are read."""
Reader = Callable[[str], Claim]
ALL, ONE = " AND ", " OR "
BY_NAME: dict[str, tuple[Reader, str]] = {
    "pyproject.toml": (tables.pyproject, ALL), "setup.cfg": (tables.setup_cfg, ALL), "setup.py": (programs.setup_py,
    ALL),
    "package.json": (tables.package_json, ONE), "bower.json": (tables.package_json, ONE),
    "composer.json": (tables.package_json, ONE), "jsr.json": (tables.package_json, ONE),
    "deno.json": (tables.package_json, ONE), "elm.json": (tables.package_json, ALL),
    "haxelib.json": (tables.package_json, ALL), "META.json": (tables.package_json, ALL), "META.yml": (formats.yaml,
    ALL),
    "package.yaml": (formats.yaml, ALL), "Cargo.toml": (tables.cargo, ALL), "pom.xml": (markup.pom, ONE),
    "mix.exs": (programs.mix, ALL), "dune-project": (programs.dune, ALL), "DESCRIPTION": (formats.description, ALL),
    "Directory.Build.props": (markup.dotnet, ALL), "vcpkg.json": (tables.package_json, ALL),
    "dub.json": (tables.package_json, ALL), "shard.yml": (formats.yaml, ALL), "pubspec.yaml": (formats.yaml, ALL),
    "__manifest__.py": (programs.setup_py, ALL), "__openerp__.py": (programs.setup_py, ALL),
    "conanfile.py": (programs.setup_py, ALL), "project.clj": (programs.leiningen, ALL),
}  # fmt: skip
"""What reads the claim of a file, by its name, and how several licences go together: where one may be chosen, the
format's documentation says so (npm for its old list `licenses`, Composer, Maven, RubyGems)."""
BY_END: dict[str, tuple[Reader, str]] = {
    ".gemspec": (programs.gemspec, ONE), ".podspec": (programs.gemspec, ALL), ".cabal": (formats.cabal, ALL),
    ".opam": (programs.opam, ALL), ".nuspec": (markup.dotnet, ALL), ".csproj": (markup.dotnet, ALL),
    ".fsproj": (markup.dotnet, ALL), ".vbproj": (markup.dotnet, ALL), ".rockspec": (programs.rockspec, ALL),
    ".nimble": (programs.nimble, ALL),
}  # fmt: skip
"""The same by how a file's name ends."""
DECLARING = frozenset(BY_NAME)


def declaration(name: str) -> Callable[[str], str] | None:
    """What reads the declaration of a file with this name: from its text to an SPDX expression, or nothing."""
    if METADATA_FILE.search(name):
        return from_metadata
    if DEBIAN.search(name):
        return _reading(formats.debian, ALL)
    base = name.rpartition("/")[2]
    row = BY_NAME.get(base) or BY_END.get("." + base.rpartition(".")[2] if "." in base[1:] else "")
    return _reading(*row) if row else None


def _reading(reader: Reader, joint: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        return expression_of(reader(text[:MAX_CHARS]), joint)

    return read


def from_metadata(text: str) -> str:
    """From a wheel's METADATA: License-Expression, else License; and the classifiers."""
    return expression_of(formats.core_metadata(text[:MAX_CHARS]), ALL)


def expression_of(claim: Claim, joint: str) -> str:
    """The expression that a file's values say together; empty: they say nothing."""
    named = list(dict.fromkeys(spdx for value in claim.values if (spdx := spdx_of(value))))
    own = together([joint.join(sides(named)), *(spdx_of(value) for value in claim.further)])
    listed = _listed(claim.classifiers)
    if not own or not listed:
        return own or listed
    return own if families_of(listed) <= families_of(own) else together([own, listed])


def _listed(classifiers: Iterable[str]) -> str:
    """All of them hold: a package that offers a choice says so in an expression."""
    return together(
        [spdx for c in classifiers if c.startswith("License ::") and (spdx := spdx_of(c.rpartition(" :: ")[2]))]
    )
