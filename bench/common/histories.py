"""Real repositories for the benches: consecutive releases of pinned packages, a commit each, or generated commits.

The packages are of Python, JavaScript, TypeScript and C++, under permissive licences, each with its checksum in
`histories.lock`, fetched once by the user's own `pip` and `npm`. The repositories are kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from midstream.demo.corpus import CorpusError, Pin, fetch, pins

LOCK = Path(__file__).with_name("histories.lock")
DOWNLOADS = 3
"""At a time: the registries' clients spend their time waiting."""
BEGIN, WEEK = 1_600_000_000, 7 * 24 * 3600
"""Seconds since 1970 of a repository's first commit, and between two: the same commits on every machine."""
LICENCES = ("LICEN", "COPYING")
GENERATED = 4
"""Repositories without a registry: so many, each of COMMITS that change CHANGED of its FILES files."""
COMMITS, FILES, CHANGED = 24, 120, 40


def histories(cache: Path, work: Path) -> tuple[str, list[Path]]:
    """(releases, their repositories), or (generated, others in `work`) when the registries cannot be had."""
    try:
        return "releases", list(repositories(cache / "histories"))
    except CorpusError as error:
        print(f"{error} Generated repositories take the place of the releases.", flush=True)
        return "generated", list(generated(work))


def repositories(folder: Path) -> Iterator[Path]:
    """A git repository for each package of the lock, in the lock's order; only what is missing is made.

    Raises CorpusError when a package cannot be downloaded, or is not the one that was pinned.
    """
    for name, releases in groupby(pins(LOCK), lambda pin: pin.name):
        yield repository(folder, name, list(releases))


def repository(folder: Path, name: str, releases: list[Pin]) -> Path:
    """One package's repository, named after its releases: another lock makes another one."""
    digest = hashlib.sha256("".join(pin.sha256 for pin in releases).encode()).hexdigest()[:8]
    path = folder / f"{name}-{digest}"
    if not path.is_dir():
        unpacked = downloaded(folder, releases)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as work:
            commit_releases(Path(work) / "x", [(f"{name} {pin.version}", unpacked[pin]) for pin in releases])
            (Path(work) / "x").rename(path)
        for release in unpacked.values():
            shutil.rmtree(release)
    return path


def downloaded(folder: Path, releases: list[Pin]) -> dict[Pin, Path]:
    """Each release's unpacked folder. Raises CorpusError."""
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(DOWNLOADS) as several:
        paths = several.map(lambda pin: fetch(folder, lambda line: print(line, flush=True), [pin]), releases)
        return {pin: path for one in paths for pin, path in one.items()}


def commit_releases(path: Path, releases: Iterable[tuple[str, Path]]) -> None:
    """A repository in which every (message, unpacked package) is a commit of the files that it changes."""
    start(path)
    for number, (message, folder) in enumerate(releases):
        clear(path)
        for file, name in contents(folder):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, path / name)
        commit(path, message, number)


def contents(folder: Path) -> Iterator[tuple[Path, Path]]:
    """(file, its path in the repository): no archive's first folder; of a wheel's metadata the licence alone."""
    root = folder / "package" if (folder / "package").is_dir() else folder
    for file in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
        inside = file.relative_to(root)
        if not inside.parts[0].endswith(".dist-info"):
            yield file, inside
        elif file.name.startswith(LICENCES):
            yield file, Path(file.name)


def generated(folder: Path) -> Iterator[Path]:
    """Repositories of Python files whose lines and changes a fixed seed draws."""
    for number in range(GENERATED):
        path, draw = folder / f"generated-{number}", random.Random(number)
        start(path)
        (path / "pyproject.toml").write_text('[project]\nname = "generated"\nlicense = "Unlicense"\n')
        for n in range(COMMITS):
            for file in draw.sample(range(FILES), CHANGED if n else FILES):
                (path / f"module_{file}.py").write_text(functions(draw))
            commit(path, f"Change {n}", n)
        yield path


def functions(draw: random.Random) -> str:
    """Some 4 KB of functions that no other file has."""
    return "".join(
        f"def compute_{draw.getrandbits(32):x}(first, second):\n    return first * {draw.getrandbits(40)}\n\n\n"
        for _ in range(50)
    )


def start(path: Path) -> None:
    path.mkdir(parents=True)
    git(path, 0, "init", "--quiet", "--initial-branch=main")


def clear(path: Path) -> None:
    """Removes everything but the repository itself."""
    for entry in path.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def commit(path: Path, message: str, number: int) -> None:
    """The tree as it lies there, as the commit of this number, also when nothing has changed."""
    git(path, number, "add", "--all", "--force")
    git(path, number, "commit", "--quiet", "--allow-empty", "--message", message)


def git(path: Path, number: int, *arguments: str) -> None:
    """git without the user's own settings, at the time of the commit of this number."""
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in WHO.items()}
    when = {f"GIT_{role}_DATE": f"{BEGIN + number * WEEK} +0000" for role in ("AUTHOR", "COMMITTER")}
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", "-C", str(path), *arguments], check=True, stdout=subprocess.DEVNULL,
        env={**os.environ, **who, **when, **own},
    )  # fmt: skip


WHO = {"NAME": "Bench", "EMAIL": "bench@example.org"}
