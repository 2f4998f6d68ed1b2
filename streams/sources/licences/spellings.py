"""How packages name licences outside SPDX."""

from __future__ import annotations

import re

from streams.prepare.licences.classes import classify, parse
from streams.prepare.licences.expressions import together
from streams.prepare.licences.naming import OWN, UNKNOWN, whole
from streams.prepare.licences.parts import BINDING, families
from streams.prepare.licences.texts import recognise
from streams.sources.licences.behind import says_no_more

NAMES: dict[str, str] = {
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "mit licence": "MIT",
    "expat": "MIT",
    "the apache software license, version 2.0": "Apache-2.0",
    "the apache license, version 2.0": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache2": "Apache-2.0",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "the unlicense (unlicense)": "Unlicense",
    "zlib/libpng license": "Zlib",
    "mozilla public license 1.1 (mpl 1.1)": "MPL-1.1",
    "eclipse public license 2.0 (epl-2.0)": "EPL-2.0",
    "eclipse public license 1.0 (epl-1.0)": "EPL-1.0",
    "european union public licence 1.2 (eupl 1.2)": "EUPL-1.2",
    "gnu lesser general public license v2 (lgplv2)": "LGPL-2.0-only",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu affero general public license v3 or later (agplv3+)": "AGPL-3.0-or-later",
    "gpl": "GPL-2.0-or-later",
    "gplv2": "GPL-2.0-only",
    "gplv3": "GPL-3.0-only",
    "lgpl": "LGPL-2.1-or-later",
    "lgplv3": "LGPL-3.0-only",
    "agplv3": "AGPL-3.0-only",
    "public domain": "Unlicense",
    "cc0 1.0 universal (cc0 1.0) public domain dedication": "CC0-1.0",
    "apache 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause",
    "isc": "ISC",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mpl-2.0": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu general public license v2 (gplv2)": "GPL-2.0-only",
    "gnu general public license (gpl)": "GPL-2.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.0-or-later",
    "gnu library or lesser general public license (lgpl)": "LGPL-2.0-or-later",
    "gnu affero general public license v3": "AGPL-3.0-only",
    "perl_5": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "apache_2_0": "Apache-2.0",
    "artistic_2": "Artistic-2.0",
    "gpl_2": "GPL-2.0-only",
    "gpl_3": "GPL-3.0-only",
    "agpl_3": "AGPL-3.0-only",
    "lgpl_2_1": "LGPL-2.1-only",
    "lgpl_3_0": "LGPL-3.0-only",
    "freebsd": "BSD-2-Clause",
    "bsd2": "BSD-2-Clause",
    "bsd3": "BSD-3-Clause",
    "bsd_2_clause": "BSD-2-Clause",
    "bsd_3_clause": "BSD-3-Clause",
    "publicdomain": "Unlicense",
}
"""How packages name a licence outside SPDX, in lower case: from classifiers and old `License` fields."""

UNFREE = frozenset([
    "unlicensed", "proprietary", "commercial", "closed source", "other/proprietary license", "proprietary license",
    "free for non-commercial use", "free to use but restricted", "free for home use", "free for educational use",
    "all rights reserved", "restricted", "none of your business",
])  # fmt: skip
"""How packages say that nothing, or not all, is allowed."""
_SILENT = re.compile(
    r"(?i)(?:osi|dfsg)[- _]approved|unknown|none|n/?a|tbd|todo|other|free|freely distributable|freeware"
    r"|open[- _]?source"
    r"|unrestricted|dual(?:[- ]licen[cs]ed?)?|multiple|various|licen[cs]e|-|\?+|(?:see licen[cs]e (?:in|file)|file)"
    r" <?(?:[\w./-]*/)?(?:un)?(?:licen[cs]es?"
    r"|copying|copyright|legal|readme)[\w.-]*>?(?: .{0,99})?"
    r"|(?:un)?licen[cs]e\.\w+|https?://\S+|.{0,80}\bsee\b(?! licen[cs]e in).{0,160}"
)
"""Values that name no licence, or a file whose text says it."""
_KEPT = re.compile(r"(?i)\b(?:no[- ]charge|commercial|proprietary|evaluation|trial|eula|non-?commercial)\b")
"""Words of names by which somebody keeps rights."""
_ELSEWHERE = re.compile(r"(?i)\bsee licen[cs]e in\b.*")
MAX_CHARS = 200
"""Of a name; what is longer is a text."""


def spdx_of(name: str) -> str:
    """An SPDX expression from a licence's name as packages write it; LicenseRef-unknown for what is not understood;
    empty for what names none, or only points to a text."""
    text, name = name, " ".join(name.split())
    lower = name.lower()
    if not name:
        return ""
    if lower in NAMES:
        return NAMES[lower]
    if lower in UNFREE or lower.startswith("all rights reserved"):
        return OWN
    if len(name) > MAX_CHARS:
        return recognise(text) or UNKNOWN
    if parse(name) is not None and (classify(name) != "unknown" or name.startswith("LicenseRef-")):
        return name
    # prose may say which one it is not under
    bound = [spdx for spdx in families(name) if spdx in BINDING]
    if spdx := whole(name):
        named = set(families(spdx))
        if (pointer := _ELSEWHERE.search(name)) and not _SILENT.fullmatch(pointer.group()):
            bound.append(UNKNOWN)
        elif classify(spdx) == "permissive" and not says_no_more(lower):
            bound.append(OWN if _KEPT.search(name) else UNKNOWN)
        return together([spdx, *(each for each in bound if each not in named)])
    if not bound and _KEPT.search(name):
        return OWN
    return together(bound) or ("" if _SILENT.fullmatch(name) else UNKNOWN)
