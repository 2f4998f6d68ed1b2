"""What .gitignore files say: the same with git and without it, whatever the user's own configuration has.

Read from the work tree's root down, and of its `.git/info/exclude` (gitignore(5)); a deeper file counts before a
higher one, and nothing below an ignored folder comes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

MAX_BYTES = 256 * 1024
"""Of one .gitignore: the beginning of a larger one counts."""
MAX_STARS = 4
"""In a pattern; one with more is passed over: its time grows with a power of the path's length."""


@dataclass(frozen=True)
class Ignores:
    """The .gitignore files from the work tree's root to a folder, the deepest one last."""

    specs: tuple[tuple[Path, GitIgnoreSpec], ...] = ()

    def below(self, folder: Path) -> Ignores:
        """Those that hold in a folder of this one; a repository of its own begins anew."""
        begin = Ignores() if (folder / ".git").exists() else self
        files = (folder / ".git" / "info" / "exclude", folder / ".gitignore")
        specs = [(folder, spec) for file in files if (spec := _spec(file)) is not None]
        return Ignores((*begin.specs, *specs)) if specs else begin

    def name(self, path: Path, is_folder: bool) -> bool:
        """Whether the path, whose folders are not ignored, is."""
        for folder, spec in reversed(self.specs):
            said = spec.check_file(path.relative_to(folder).as_posix() + ("/" if is_folder else "")).include
            if said is not None:
                return said
        return False


def ignores_of(folder: Path) -> Ignores:
    """Those that hold in a folder: from the root of the work tree that it is in, or its own alone."""
    folder = folder.resolve()
    above = [folder, *folder.parents]
    root = next((number for number, path in enumerate(above) if (path / ".git").exists()), 0)
    found = Ignores()
    for path in reversed(above[: root + 1]):
        found = found.below(path)
    return found


def _spec(file: Path) -> GitIgnoreSpec | None:
    try:
        if file.is_symlink() or not file.is_file():  # git does not follow a link either
            return None
        with file.open("rb") as opened:
            value = opened.read(MAX_BYTES)
    except OSError:
        return None
    lines = value.decode("utf-8-sig", "surrogateescape").split("\n")
    return GitIgnoreSpec.from_lines([line for line in lines if _is_pattern(line)])


def _is_pattern(line: str) -> bool:
    """Whether a line is a pattern of bounded cost; git passes over one that is none."""
    if line.replace("**", "").count("*") > MAX_STARS or line.count("**") > MAX_STARS or len(line) > 4096:
        return False
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
