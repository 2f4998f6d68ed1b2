"""git, called on a repository that nobody vouches for: what its configuration names is never run or connected to.

Two guards, each enough by itself. References and the configuration are read in the repository, with every
setting that could start a program overridden. Objects are read through a *view*: an empty repository of our own
that has the other's objects and nothing else of it, so that its configuration is not even read; to a view a
partial clone is a repository that lacks objects, whatever git's version knows of lazy fetching.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PROTOCOLS = ("ext", "file", "ssh", "git", "http", "https")
SAFE = (
    *("-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"),
    *("-c", "protocol.allow=never", *(f for name in PROTOCOLS for f in ("-c", f"protocol.{name}.allow=never"))),
    *("-c", "core.sshCommand=false", "-c", "core.gitProxy=", "-c", "core.askPass=", "-c", "credential.helper="),
    *("-c", "core.attributesFile=/dev/null", "-c", "core.alternateRefsCommand="),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "log.showSignature=false", "-c", "log.showRoot=true"),
    *("-c", "core.quotePath=false", "-c", "i18n.logOutputEncoding=UTF-8", "--no-pager", "--no-replace-objects"),
)
"""A repository's own configuration runs no program, opens no connection and does not change the format.

A protocol's own setting counts before `protocol.allow`, so each is named. Replaced objects change what a commit is:
they are not asked.
"""
VARIABLES = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "/",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
"""GIT_ALLOW_PROTOCOL lists the only protocols allowed, also among those that a configuration makes up; `/` is none."""

OLDEST = (2, 36)
"""The first version whose cat-file takes commands."""
_VERSIONS: dict[str, str] = {}
"""By PATH: a program is asked for it once, and not for every repository."""
PARTIAL = r"^(remote\..*\.(promisor|partialclonefilter)|extensions\.partialclone)$"


class GitError(Exception):
    """git could not do what was asked; the message is a sentence with git's own last line."""


class NoRef(GitError):
    """The repository has no such branch or commit."""


@dataclass(frozen=True)
class Git:
    """A repository's folder, or a bare repository."""

    path: Path
    view: tuple[tuple[str, str], ...] = ()
    """Variables that put a view in the repository's place."""

    def command(self, *arguments: str) -> list[str]:
        return ["git", *SAFE, "-C", str(self.path), *arguments]

    def environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return {**others, **VARIABLES, **dict(self.view)}

    def run(self, *arguments: str) -> bytes:
        """The output. Raises GitError."""
        with Child(self, *arguments) as child:
            output = child.output.read()
            child.check()
        return output

    def ask(self, *arguments: str) -> str:
        """The output's text, stripped; empty when git answers no. Raises GitError when it could not answer."""
        with Child(self, *arguments) as child:
            output = child.output.read()
            if child.status() == 1:
                return ""
            child.check()
        return output.decode(errors="replace").strip()

    def path_of(self, option: str, *names: str) -> Path:
        """What `rev-parse` answers to an option that asks for a path. Raises GitError."""
        answer = self.run("rev-parse", "--path-format=absolute", option, *names)
        return Path(os.fsdecode(answer.removesuffix(b"\n")))

    def check(self) -> None:
        """Raises GitError when this is no repository, or git is too old to read one."""
        version = _VERSIONS.get(path := os.environ.get("PATH", ""))
        if version is None:
            version = _VERSIONS[path] = self.ask("version")
        found = re.search(r"(\d+)\.(\d+)", version)
        if found and tuple(map(int, found.groups())) < OLDEST:
            raise GitError(f"git {found[0]} is too old: install git 2.36 or newer")
        self.run("rev-parse", "--git-dir")

    def commit(self, ref: str) -> str:
        """The commit that a ref or id names; empty when there is none."""
        return self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")

    def is_partial(self) -> bool:
        """Whether it was cloned with --filter: it lacks objects on purpose."""
        return bool(self.ask("config", "--get-regexp", PARTIAL))


class Child:
    """A git that runs beside us. Use as a context manager: leaving it ends the program.

    Raises GitError when there is no git.
    """

    def __init__(self, git: Git, *arguments: str) -> None:
        self._git, self._verb = git, arguments[0]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (a pipe that nobody reads would fill up)
        try:
            self._process = subprocess.Popen(
                git.command(*arguments),
                env=git.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        except FileNotFoundError as error:
            self._errors.close()
            raise GitError("git is not on PATH: install git 2.36 or newer") from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self.input: IO[bytes] = self._process.stdin
        self.output: IO[bytes] = self._process.stdout

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *error: object) -> None:
        for pipe in (self.input, self.output):
            with suppress(BrokenPipeError):  # the program ended first, and whoever reads its output was told
                pipe.close()
        self._process.terminate()
        self._process.wait()
        self._errors.close()

    def status(self) -> int:
        """The exit status, once the program has ended."""
        return self._process.wait()

    def check(self) -> None:
        """Waits for the end. Raises GitError when it was not a good one."""
        if status := self.status():
            raise GitError(f"{self._git.path}: {self._last_line() or f'git {self._verb} ended with status {status}'}")

    def _last_line(self) -> str:
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 4096))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("fatal: ") if lines else ""


@contextmanager
def view_of(git: Git) -> Iterator[Git]:
    """The repository's objects, without its configuration, references, replacements and lazy fetching.

    Where a shallow clone ends is as of now.
    """
    objects, shallow, form = _places(git)
    version, extensions = 0, ""
    if form != "sha1":
        version, extensions = 1, f"[extensions]\n\tobjectFormat = {form}\n"
    with tempfile.TemporaryDirectory(prefix="midstream-git-") as name:
        folder = Path(name)
        (folder / "refs").mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/none\n")
        (folder / "config").write_text(f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extensions}")
        if shallow.exists():
            (folder / "shallow").write_bytes(shallow.read_bytes())
        yield Git(git.path, (("GIT_DIR", name), ("GIT_OBJECT_DIRECTORY", str(objects))))


def _places(git: Git) -> tuple[Path, Path, str]:
    """Where objects lie and where a shallow clone's ends are written, and the objects' format. Raises GitError."""
    places = ("--git-path", "objects"), ("--git-path", "shallow")
    asked = ("rev-parse", "--path-format=absolute", *places[0], *places[1], "--show-object-format")
    lines = git.run(*asked).removesuffix(b"\n").split(b"\n")
    if len(lines) == 3:
        return Path(os.fsdecode(lines[0])), Path(os.fsdecode(lines[1])), lines[2].decode()
    objects, shallow = (git.path_of(*place) for place in places)  # a path with a line end in it
    return objects, shallow, git.ask("rev-parse", "--show-object-format")


def count_commits(view: Git, start: str) -> int | None:
    """Commits from `start` back, itself among them; None where the history is damaged somewhere: it is a figure, and
    what can be read is read all the same."""
    try:
        return int(view.run("rev-list", "--count", start))
    except GitError:
        return None


def edges(view: Git) -> tuple[str, ...]:
    """The commits at which a shallow clone ends: their parents are not there."""
    file = Path(dict(view.view)["GIT_DIR"]) / "shallow"
    return tuple(sorted(file.read_text().split())) if file.exists() else ()


def merge_base(view: Git, one: str, other: str) -> str:
    """A best common ancestor; empty when there is none or one of them is gone."""
    return view.ask("merge-base", one, other) if view.commit(one) and view.commit(other) else ""
