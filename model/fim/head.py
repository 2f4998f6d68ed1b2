"""A file's head: what a format says of a file before its text."""

from __future__ import annotations

from pathlib import PurePosixPath

from model.fim.format import Format
from model.fim.formats import STARCODER
from model.fim.segment import Mark
from model.languages import headed


def file_head(path: str, repository: str = "", stars: str = "", fmt: Format = STARCODER) -> list[str]:
    """What comes before a file's text: `<reponame>R<filename>F<gh_stars>B\\n`, without the parts that are not given.

    The server knows the path alone, so the packer must train on heads of the path alone too. `stars` is what
    `star_bucket` names. Empty without a path, or for a format that says nothing of a file.
    """
    if not path:
        return []
    if fmt.attributes:
        return [_attributes(fmt, _one_line(path), repository)]
    if fmt.comment:
        return _comments(_one_line(path))
    return _sentinels(fmt, path, repository, stars) if fmt.file else []


def _sentinels(fmt: Format, path: str, repository: str, stars: str) -> list[str]:
    head = repository_head(repository, fmt)
    head += [Mark(fmt.file), _one_line(path)]
    if stars and fmt.stars:
        head += [Mark(fmt.stars), stars]
    return [*head, "\n"]


def repository_head(repository: str, fmt: Format) -> list[str]:
    """What comes before a repository's first file: `<repo_name>R`. Empty without a name or its sentinel."""
    if not repository or not fmt.repository:
        return []
    return [Mark(fmt.repository), _one_line(repository) + fmt.repository_end]


def _attributes(fmt: Format, path: str, repository: str) -> str:
    """InCoder's pseudo-tag, ordinary text to its tokenizer: `<| file ext=.py filename=a.py source=github |>\\n`."""
    name = PurePosixPath(path)
    host = repository.split("/")[0] if "/" in repository else ""
    values = {"ext": name.suffix, "filename": name.name, "source": host.split(".")[0] if "." in host else ""}
    attributes = [f"{key}={'_'.join(values[key].split())}" for key in fmt.attributes if values[key]]
    return " ".join(["<| file", *attributes, "|>\n"])


def _comments(path: str) -> list[str]:
    """aiXcoder's two lines: `# the file path is: test.py\\n# the code file is written by Python\\n`."""
    language = headed(PurePosixPath(path).suffix.removeprefix("."))
    if language is None:
        return []
    leader = language.comment
    return [f"{leader} the file path is: {path}\n{leader} the code file is written by {language.title}\n"]


def _one_line(text: str) -> str:
    return " ".join(text.splitlines()) or text.strip()


def star_bucket(stars: int) -> str:
    """StarCoder's buckets (bigcode-dataset, preprocessing): 0, 1-10, 10-100, 100-1000, 1000+."""
    bounds = ((0, "0"), (10, "1-10"), (100, "10-100"), (1000, "100-1000"))
    return next((name for bound, name in bounds if stars <= bound), "1000+")
