"""REUSE's precedence: what overrides, what is aggregated, and annotations that cannot be read."""

from __future__ import annotations

import pytest

from streams.sources.licences.nearest import Licences
from tests.support.licences.licences import licence

MIT = licence("MIT")


def annotation(path: str, spdx: str, precedence: str = "closest") -> str:
    return f'[[annotations]]\npath = "{path}"\nprecedence = "{precedence}"\nSPDX-License-Identifier = "{spdx}"\n'


GPL, NEAR = "GPL-3.0-only", {"src/REUSE.toml": annotation("**", "MIT")}


@pytest.mark.parametrize(
    ("contents", "spdx"),
    [
        ({"REUSE.toml": annotation("src/**", GPL, "override"), **NEAR}, GPL),
        ({"REUSE.toml": annotation("src/**", GPL, "override"), "src/LICENSE": MIT}, GPL),
        ({"REUSE.toml": annotation("src/**", GPL, "override"), "src/a.c.license": "SPDX-License-Identifier: MIT"}, GPL),
        ({"REUSE.toml": annotation("lib/**", GPL, "override"), **NEAR}, "MIT"),
        ({"REUSE.toml": annotation("src/**", GPL), **NEAR}, "MIT"),
        ({"REUSE.toml": annotation("**", GPL, "override") + annotation("src/**", "ISC"), **NEAR}, "MIT"),
        ({"REUSE.toml": annotation("**", GPL, "override"), "src/REUSE.toml": annotation("**", "MIT", "override")}, GPL),
        ({"REUSE.toml": annotation("src/**", GPL, "aggregate"), **NEAR}, f"{GPL} AND MIT"),
        ({"REUSE.toml": annotation("src/**", GPL, "aggregate"), "src/LICENSE": MIT}, f"{GPL} AND MIT"),
        ({"REUSE.toml": annotation("src/**", GPL, "aggregate"), "LICENSE": MIT}, f"{GPL} AND MIT"),
        ({"REUSE.toml": annotation("src/**", "MIT", "aggregate"), "LICENSE": MIT}, "MIT"),
        ({"REUSE.toml": annotation("src/**", GPL, "aggregate")}, GPL),
        ({"REUSE.toml": "[[annotations]\nSPDX-License-Identifier =", **NEAR}, "LicenseRef-unknown AND MIT"),
        ({"REUSE.toml": None, "LICENSE": MIT}, "LicenseRef-unknown AND MIT"),
        ({"REUSE.toml": "version = 1\n", "LICENSE": MIT}, ""),
        ({"REUSE.toml": '[annotations]\npath = "**"\nSPDX-License-Identifier = "MIT"\n', **NEAR},
         "LicenseRef-unknown AND MIT"),
        ({"REUSE.toml": annotation("src/**", "MIT", "override").replace('"MIT"', "7"), **NEAR},
         "LicenseRef-unknown"),
    ],
)  # fmt: skip
def test_what_holds_for_a_file(contents: dict[str, str | None], spdx: str) -> None:
    found = Licences(contents.get)
    for path in contents:
        found.put(path, path)
    assert found.of("src/a.c") == spdx
