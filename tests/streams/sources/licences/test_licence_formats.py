"""What packages declare in ways that were not read, and remarks that take rights back."""

from __future__ import annotations

import time

import pytest

from streams.prepare.licences import classify
from streams.sources.licences.declared import declaration
from streams.sources.licences.nearest import Licences
from streams.sources.licences.place import licence_of
from tests.support.licences.licences import licence

MIT = licence("MIT")
POM = "<project><licenses><license{}</license></licenses></project>"
PLUGIN = "<project><build><plugins><plugin><licenses><license><name>MIT</name></license></licenses></plugin></plugins>"


@pytest.mark.parametrize(
    ("name", "text", "spdx"),
    [
        ("x.gemspec", "s.license = 'MIT'\ns.license = 'GPL-3.0'\n", "GPL-3.0 AND MIT"),
        ("x.gemspec", "s.licenses << 'GPL-3.0'\n", "GPL-3.0"), ("x.gemspec", "s.license = %q(GPL-3.0)\n", "GPL-3.0"),
        ("x.gemspec", "s.licenses = [\n  'GPL-2.0',\n  'GPL-3.0'\n]\n", "GPL-2.0 OR GPL-3.0"),
        ("x.gemspec", "s.license = LICENCE\n", "LicenseRef-unknown"),
        ("setup.py", 'setup(license=("GPL-3.0"))', "GPL-3.0"), ("setup.py", 'setup(license=f"GPL-3.0")', "GPL-3.0"),
        ("setup.py", 'setup(license=f"{x}")', "LicenseRef-unknown"),
        ("setup.py", 'setup(license="""GPL-3.0""", name="x")', "LicenseRef-unknown"),
        ("setup.py", 'LICENSE = "GPL-3.0"\nsetup(license=LICENSE)', "GPL-3.0"),
        ("setup.py", '__license__ = "MIT"\nsetup(license=__license__)', "MIT"),
        ("setup.py", 'setup(**{"license": "GPL-3.0"})', "GPL-3.0"),
        ("setup.py", 'setup(license="MIT" + more)', "LicenseRef-unknown AND MIT"),
        ("setup.py", "license = open('LICENSE').read()\nsetup(license=license)", ""),
        ("setup.py", "kw['license'] = 'GPL-3.0'\nsetup(**kw)", "GPL-3.0"),
        ("mix.exs", "[licenses: ~w(GPL-3.0)]", "LicenseRef-unknown"),
        ("project.clj", '(defproject a "1" :license "GPL")', "LicenseRef-unknown"),
        ("package.json", '{"license": {"url": "https://licence.invalid/x"}}', "LicenseRef-unknown"),
        ("setup.cfg", "[metadata]\nlicence = GPL-3.0\n", "GPL-3.0"),
        ("pom.xml", POM.format("><name><![CDATA[GPL v3]]></name>"), "GPL-3.0-only"),
        ("pom.xml", POM.format(' a="b"><name>GPL v3</name>'), "GPL-3.0-only"),
        ("pom.xml", POM.format("><url>https://www.gnu.org/licenses/gpl-3.0.html</url>"), "GPL-3.0-only"),
        ("pom.xml", POM.format("><url>https://licence.invalid</url>"), "LicenseRef-unknown"),
        ("pom.xml", POM.format("><name>MIT</name><comments>A business-friendly licence</comments>"), "MIT"),
        ("pom.xml", f"{PLUGIN}</build></project>", ""), ("pom.xml", f"<br>{PLUGIN}", "LicenseRef-unknown"),
        ("x.csproj", "<PackageLicenseUrl>https://licenses.nuget.org/MIT</PackageLicenseUrl>", "MIT"),
        ("x.csproj", "<PackageLicenseUrl>https://licence.invalid/x</PackageLicenseUrl>", "LicenseRef-unknown"),
        ("x.nuspec", '<license type="file">LICENSE</license><licenseUrl>https://aka.ms/deprecateLicenseUrl</licenseUrl>',
         ""),
        ("__manifest__.py", "{'name': 'x', 'license': 'OPL-1'}", "LicenseRef-unknown"),
        ("conanfile.py", 'class A(ConanFile):\n    license = ("MIT", "GPL-3.0")\n', "GPL-3.0 AND MIT"),
        ("x.nimble", 'license       = "GPL-3.0"\n', "GPL-3.0"), ("vcpkg.json", '{"license": "MIT"}', "MIT"),
        ("project.clj", '(defproject x "1" :license {:name "EPL-2.0" :url "u"})', "EPL-2.0"),
        ("dub.json", '{"license": "GPL-3.0"}', "GPL-3.0"), ("shard.yml", "license: MIT\n", "MIT"),
        ("pubspec.yaml", "license: GPL-3.0\n", "GPL-3.0"),
        ("debian/copyright", "Files: *\nLicense: GPL-2+\n text\n\nFiles: x\nLicense: Expat\n", "GPL-2+"),
        ("debian/copyright", "Files: *\nLicense: Expat\n\nFiles: x\nLicense: GPL-2+\n", "MIT"),
        ("debian/copyright", "It is under the GPL: /usr/share/common-licenses/GPL.\n", "GPL-2.0-or-later"),
        ("package.json", '{"license": "MIT",}', "LicenseRef-unknown"),
        ("package.json", '{\n// x\n"license": "GPL-3.0"}', "LicenseRef-unknown"), ("package.json", "{,}", ""),
        ("pyproject.toml", '[project\nlicense = "GPL-3.0"', "LicenseRef-unknown"),
    ],
)  # fmt: skip
def test_what_a_format_declares(name: str, text: str, spdx: str) -> None:
    assert licence_of([name], {name: text}.get)[0] == spdx
    beside = Licences({"LICENSE": MIT, name: text}.get)
    for path in ("LICENSE", name):
        beside.put(path, path)
    assert (classify(beside.repository()[0]) == "permissive") == (spdx in ("", "MIT", "Apache-2.0"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("MIT (hobbyists; companies pay)", "unknown"), ("MIT, EULA", "proprietary"), ("MIT (see EULA)", "proprietary"),
        ("see https://licence.invalid/commercial-license", "proprietary"), ("MIT, students", "unknown"),
        ("MIT (see LICENSE)", "permissive"), ("MIT (http://mit-license.org)", "permissive"),
        ("The MIT License (MIT)", "permissive"), ("MIT, Copyright 2020 A. Author", "permissive"),
        ("MIT, Copyright 2020 A. Author, not for sale", "unknown"), ("BSD (3-clause)", "permissive"),
        ("Apache License 2.0 (see COPYING)", "permissive"),
    ],
)  # fmt: skip
def test_a_remark_behind_a_name(value: str, expected: str) -> None:
    contents = {"package.json": f'{{"license": "{value}"}}', "LICENSE": MIT}
    assert classify(licence_of(contents, contents.get)[0]) == expected


def test_what_takes_rights_back_beside_a_name() -> None:
    comments = POM.format("><name>MIT</name><comments>noncommercial only</comments>")
    assert classify(licence_of(["pom.xml"], {"pom.xml": comments}.get)[0]) == "proprietary"
    kept = "Package: x\nLicense: MIT\nLicense_restricts_use: yes\n"
    assert classify(licence_of(["DESCRIPTION"], {"DESCRIPTION": kept}.get)[0]) == "proprietary"


@pytest.mark.parametrize(
    ("name", "unit"),
    [("pom.xml", "<license>"), ("pom.xml", "<license><name>MIT</name></license>"), ("pom.xml", "<a "),
     ("pom.xml", "<![CDATA["), ("setup.py", "license="),
     ("setup.py", "a=\nlicense=a\n"), ("x.gemspec", ".license = {")],
)  # fmt: skip
def test_a_long_file_costs_no_time(name: str, unit: str) -> None:
    read = declaration(name)
    begin = time.process_time()
    assert read and classify(read(unit * (950_000 // len(unit)))) in ("unknown", "permissive")
    assert time.process_time() - begin < 2
