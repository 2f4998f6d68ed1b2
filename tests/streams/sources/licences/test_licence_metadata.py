"""What metadata declare: of each format, of several values, and of what only looks like a claim."""

from __future__ import annotations

import pytest

from streams.prepare.licences import classify
from streams.sources.licences.declared import BY_END, BY_NAME, declaration
from streams.sources.licences.place import licence_of

OSI = "License :: OSI Approved"
GPL3 = f"{OSI} :: GNU General Public License v3 (GPLv3)"


@pytest.mark.parametrize(
    ("name", "text", "spdx"),
    [
        ("pyproject.toml", '[tool.poetry]\nname = "x"\nlicense = "GPL-3.0-only"\n', "GPL-3.0-only"),
        ("pyproject.toml", '[tool.flit.metadata]\nlicense = "MIT"\n', "MIT"),
        ("pyproject.toml", f'[tool.flit.metadata]\nclassifiers = ["{OSI} :: MIT License"]\n', "MIT"),
        ("pyproject.toml", f'[project]\nlicense = "MIT"\nclassifiers = ["{GPL3}"]\n', "GPL-3.0-only AND MIT"),
        ("pyproject.toml", f'[project]\nlicense = "BSD-2-Clause"\nclassifiers = ["{OSI} :: BSD License"]\n',
         "BSD-2-Clause"),
        ("pyproject.toml", f'[project]\nlicense = "MIT"\nclassifiers = ["{OSI}"]\n', "MIT"),
        ("pyproject.toml", '[project]\nlicense = {file = "LICENSE"}\n', ""),
        ("pyproject.toml", '[project]\nlicense = {file = "EULA.txt"}\n', "LicenseRef-proprietary"),
        ("pyproject.toml", "[project]\nlicense = 1\nclassifiers = 2\n", ""),
        ("setup.cfg", f"[metadata]\nlicense = MIT\nclassifiers =\n    {GPL3}\n", "GPL-3.0-only AND MIT"),
        ("setup.py", f"setup(license='MIT', classifiers=['{GPL3}'])", "GPL-3.0-only AND MIT"),
        ("setup.py", "# license='MIT'\nsetup(name='x')  # license='MIT'\n", ""),
        ("setup.py", '"""Use license=\'MIT\' here."""\nsetup(license="GPLv3")\n', "GPL-3.0-only"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]}', "MIT OR GPL-2.0"),
        ("package.json", '{"license": {"type": "GPL-3.0", "url": "x"}}', "GPL-3.0"),
        ("package.json", '{"license": "MIT", "licenses": ["GPL-3.0"]}', "GPL-3.0 AND MIT"),
        ("package.json", '{"licenses": ["GPL-3.0"]}', "GPL-3.0"), ("package.json", '{"license": 3}', ""),
        ("package.json", '{"license": "Acme EULA"}', "LicenseRef-proprietary"),
        ("Cargo.toml", '[workspace.package]\nlicense = "MIT"\n', "MIT"),
        ("Cargo.toml", "[package]\nlicense.workspace = true\n", ""),
        ("Cargo.toml", '[package]\nlicense-file = "LICENSE"\n', ""),
        ("Cargo.toml", '[package]\nlicense-file = "terms.txt"\n', "LicenseRef-unknown"),
        ("composer.json", '{"license": "GPL-2.0-or-later"}', "GPL-2.0-or-later"),
        ("composer.json", '{"license": "proprietary"}', "LicenseRef-proprietary"),
        ("x.gemspec", "  # s.license = 'MIT'\n  s.license = 'GPL-3.0'.freeze\n", "GPL-3.0"),
        ("x.gemspec", "  s.licenses = %w[MIT GPL-2.0]\n", "MIT OR GPL-2.0"),
        ("x.podspec", "  s.license = { :type => 'GPL-3.0', :file => 'LICENSE' }\n", "GPL-3.0"),
        ("pom.xml", "<license>\n <name>\n GNU GPL v3</name></license>", "GPL-3.0-only"),
        ("pom.xml", "<!-- <license><name>MIT</name></license> --><license><name>LGPL</name></license>",
         "LGPL-2.1-or-later"),
        ("x.nuspec", '<license type="expression">MIT</license>', "MIT"),
        ("x.nuspec", '<license type="file">LICENSE.txt</license>', ""),
        ("x.csproj", "<PackageLicenseExpression>GPL-3.0-only</PackageLicenseExpression>", "GPL-3.0-only"),
        ("x.csproj", "<!--<PackageLicenseExpression>MIT</PackageLicenseExpression>-->", ""),
        ("DESCRIPTION", "Package: x\nLicense: GPL (>= 2)\n", "GPL-2+"),
        ("DESCRIPTION", "Package: x\nLicense: GPL-3 | MIT + file LICENSE\n", "GPL-3 OR MIT"),
        ("DESCRIPTION", "Package: x\nLicense: file LICENSE\n", ""),
        ("x.cabal", "name: x\nlicense:        GPL-2.0-or-later\nlicense-file: LICENSE\n", "GPL-2.0-or-later"),
        ("x.cabal", "name: x\nLicense: BSD3\n", "BSD-3-Clause"), ("package.yaml", "license: MIT\n", "MIT"),
        ("mix.exs", '  [licenses: ["Apache-2.0", "GPL-3.0-only"], links: %{}]\n', "Apache-2.0 AND GPL-3.0-only"),
        ("dune-project", "(lang dune 3.0)\n(license LGPL-2.1-only)\n", "LGPL-2.1-only"),
        ("dune-project", "; (license MIT)\n", ""), ("x.opam", 'license: "ISC"\n', "ISC"),
        ("x.opam", 'license: ["MIT" "GPL-3.0-only"]\n', "MIT AND GPL-3.0-only"),
        ("META.json", '{"license": ["perl_5"]}', "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        ("META.yml", "license: gpl_3\n", "GPL-3.0-only"), ("META.yml", "x:\n  license: mit\n", ""),
        ("x.rockspec", 'description = {\n  license = "MIT"\n}\n-- license = "GPL"\n', "MIT"),
        ("bower.json", '{"license": "GPL-3.0"}', "GPL-3.0"),
        ("x.dist-info/METADATA", f"Name: x\nLicense: MIT\nClassifier: {GPL3}\n\nText\n", "GPL-3.0-only AND MIT"),
        ("x.dist-info/METADATA", f"Name: x\nLicense: UNKNOWN\nClassifier: {OSI} :: MIT License\n", "MIT"),
        ("x.dist-info/METADATA", f"Name: x\nClassifier: {OSI}\nClassifier: License :: Other/Proprietary License\n",
         "LicenseRef-proprietary"),
        ("x.dist-info/METADATA", f"License-Expression: MIT OR GPL-3.0-only\nClassifier: {OSI} :: MIT License\n",
         "MIT OR GPL-3.0-only"),
        ("x.dist-info/METADATA", "Classifier: License :: Free for non-commercial use\n", "LicenseRef-proprietary"),
    ],
)  # fmt: skip
def test_what_a_format_declares(name: str, text: str, spdx: str) -> None:
    assert licence_of([name], {name: text}.get)[0] == spdx


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("MIT AND Acme", "unknown"), ("MIT or later GPL", "copyleft"), ("MIT with Commons Clause", "proprietary"),
        ("MIT (non-commercial)", "proprietary"), ("BSD, parts GPL", "copyleft"), ("GPL, but MIT for you", "copyleft"),
        ("Elastic License 2.0", "proprietary"), ("CC BY-NC-SA 4.0", "proprietary"), ("CC BY-SA 4.0", "copyleft"),
        ("Acme", "unknown"), ("GNU GPL v2 or newer", "copyleft"), ("MIT License, see LICENSE", "permissive"),
        ("The BSD 3-Clause License", "permissive"), ("Apache License, Version 2.0", "permissive"),
        ("MIT-ish", "unknown"), ("MIT, SEE LICENSE IN EULA", "unknown"), ("MIT, SEE LICENSE IN LICENSE.md",
         "permissive"),
        ("not MIT", "unknown"), ("MIT unless you sell it", "unknown"),
    ],
)  # fmt: skip
def test_a_value_is_read_strictly(value: str, expected: str) -> None:
    assert classify(licence_of(["setup.cfg"], {"setup.cfg": f"[metadata]\nlicense = {value}\n"}.get)[0]) == expected


@pytest.mark.parametrize("name", [*BY_NAME, *(f"x{end}" for end in BY_END), "METADATA"])
@pytest.mark.parametrize(
    "text",
    ["", "\0", "[]", "3", '"x"', "License:", "'\\" * 99_000, '"\\' * 99_000, "'''\\" * 50_000]
    + [unit * 9_000 for unit in ("[", "{", "license: [", "(license ", ".license = ", "<license>", "<!--", "'''", "# ",
                                 "License: \n ", "license = '", "<license><name>", "%w[")],
)  # fmt: skip
def test_what_cannot_be_read_says_nothing_that_frees(name: str, text: str) -> None:
    read = declaration(name)
    assert read and classify(read(text)) == "unknown"
