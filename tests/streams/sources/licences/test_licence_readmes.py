"""What a README states in its section on the licence, and what it only shows."""

from __future__ import annotations

import time

import pytest

from streams.prepare.licences import classify
from streams.sources.licences.readme import stated


@pytest.mark.parametrize(
    "words",
    [
        "MIT (client) and closed (server)", "MIT for students", "MIT, companies pay", "MIT TBD",
        "MIT? Not yet decided.",
        "MIT + Anti-996", "MIT and Elastic", "MIT, data: CC BY-NC 4.0", "MIT，但禁止商用", "MIT. Companies pay.",
        "MIT\n\nLicense of server: GPL", "MIT\n\n## License of the server\n\nGPL", "MIT\n\n## License\n\nGPL",
        "MIT\n\n## Server license\n\nGPLv3", "MIT\n\nThe server is closed source.",
    ],
)  # fmt: skip
def test_a_section_that_says_more_is_not_permissive(words: str) -> None:
    assert classify(stated(f"# x\n\n## License\n\n{words}\n")) != "permissive"
    assert classify(stated(f"# x\n\n## License\n{words}\n")) != "permissive"


@pytest.mark.parametrize(
    "words",
    [
        "MIT", "MIT © A. Author", "MIT © [A. Author](https://author.invalid)", "[MIT](LICENSE)",
        "[MIT](LICENSE) © A. Author",
        "This project is licensed under the MIT License - see the LICENSE file for details.", "MIT License",
        "This project is licensed under the MIT License - see the [LICENSE.md](LICENSE.md) file for details",
        "The MIT License (MIT)\n\nCopyright (c) 2020 A. Author", "MIT. See LICENSE.", "MIT Licensed", "MIT licensed.",
        "MIT/Apache-2.0", "Apache License 2.0", "Licensed under the MIT license.", "Released under the MIT License.",
        "BSD 3-Clause, see LICENSE.txt", "MIT\n\n## Server\n\nRun it.", "MIT\n\n## Third-party licenses\n\nx: GPL",
    ],
)  # fmt: skip
def test_a_plain_section_is_permissive(words: str) -> None:
    assert classify(stated(f"# x\n\n## License\n\n{words}\n")) == "permissive"


@pytest.mark.parametrize(
    "text",
    [
        "<!--\n## License\nMIT\n-->\n", "```\n## License\nMIT\n```\n",
        "~~~\nx is licensed under the MIT license.\n~~~\n",
        "<!-- x is licensed under the MIT license.", "```\n## License\nMIT\n",
        "Example output: foo is licensed under the MIT license.", "Your app is licensed under the MIT license.",
        "## License\n\nISC is a company\n",
    ],
)  # fmt: skip
def test_what_is_only_shown_states_nothing(text: str) -> None:
    assert stated(text) == ""
    assert classify(stated(f"{text}\n\n## License\n\nGPL\n")) in ("copyleft", "unknown")


def test_a_mark_of_a_comment_within_words_hides_nothing() -> None:
    assert stated("It writes `<!--` and more.\n\n## License\n\nMIT\n") == "MIT"


@pytest.mark.parametrize(
    "unit", ["a <!-- ", "<!--\n", "```\n", "# a license\n", "license of a: b\n", "## License\nMIT ("]
)
def test_a_long_readme_costs_no_time(unit: str) -> None:
    begin = time.process_time()
    stated(unit * (200_000 // len(unit)))
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("# Shop\n\nOf ACME.\n\nThe front end uses Bootstrap. Bootstrap is released under the MIT license.", ""),
        ("# X\n\n## License\n\nReact is MIT licensed. This project is closed source.", ""),
        ("# Bar\n\nFoo is released under the MIT license. This fork is GPLv3.", "GPL-3.0-only"),
        ("# X\n\nCopyright ACME, all rights reserved. MIT licensed parts: src/vendor.", ""),
        ("# Foo\n\nFoo is released under the MIT license.", "MIT"), ("# node-foo\n\nFoo is MIT licensed.", "MIT"),
        ("![logo](x)\n\nReleased under the MIT License.", "MIT"),
    ],
)  # fmt: skip
def test_what_another_project_is_under_is_not_the_repository_s(text: str, spdx: str) -> None:
    assert stated(text) == spdx


@pytest.mark.parametrize(
    "text",
    [
        "# X\n\n## License\n\nMIT\n\n## Disclaimer\n\nFor personal use only. Commercial use is prohibited.",
        "# X\n\n## License\n\nMIT\n\n## 声明\n\n本项目禁止用于商业用途。", "# X\n\nMIT License\n\n商用利用は禁止です",
    ],
)  # fmt: skip
def test_a_disclaimer_that_takes_a_right_back_counts(text: str) -> None:
    assert "proprietary" in stated(text)
