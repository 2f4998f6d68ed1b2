"""What the server is told of a document: the text on both sides of the cursor, path and language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from lsp.documents import OpenDocument
from lsp.options import LspOptions
from streams.sources.private import is_private

STRIDE = 16 * 1024
"""Characters. The prefix is cut in such steps: a beginning that moved with every key would never meet the server's
cache again."""
MOST_PREFIX = 4 * STRIDE
MOST_SUFFIX = STRIDE
OPENERS = (":", "{", "(", "[", "=>", "->", " do", " then")
"""What a line ends with before a block."""


@dataclass(frozen=True)
class Context:
    """A cursor in a document. Line ends are \\n, whatever the document has."""

    uri: str
    prefix: str
    suffix: str
    path: str
    """As training saw it: relative to the repository or workspace, with slashes."""
    language: str

    @property
    def line_before(self) -> str:
        return self.prefix[self.prefix.rfind("\n") + 1 :]

    @property
    def line_after(self) -> str:
        return self.suffix.partition("\n")[0]


def make_context(document: OpenDocument, at: int, folders: Sequence[Path]) -> Context:
    """The context of the index `at`; `folders` are the workspace's."""
    prefix, suffix = plain(document.text[:at]), plain(document.text[at:])
    cut = max(0, -(-(len(prefix) - MOST_PREFIX) // STRIDE) * STRIDE)
    path = relative_path(document.uri, folders)
    return Context(document.uri, prefix[cut:], suffix[:MOST_SUFFIX], path, document.language)


def plain(text: str) -> str:
    """With \\n as its line end and no lone surrogates, which cannot be sent."""
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _has_surrogates(text) else text


def several_lines(context: Context, options: LspOptions) -> bool:
    """Whether a suggestion may have several lines: in auto, where the line is empty or opens a block."""
    if options.multi_line != "auto":
        return options.multi_line == "always"
    before = context.line_before.rstrip()
    return not context.line_after.strip() and (not before or before.endswith(OPENERS))


def is_wanted(document: OpenDocument, options: LspOptions) -> bool:
    """Whether the document may be sent at all: a file or an unnamed buffer of a wanted language, not a secret."""
    parts = urlsplit(document.uri)
    if parts.scheme not in ("file", "untitled", "vscode-notebook-cell", ""):
        return False
    if options.languages and document.language not in options.languages:
        return False
    if is_private(unquote(parts.path)):
        return False
    path = PurePosixPath(unquote(parts.path).lower())
    ends = [PurePosixPath(*path.parts[-n:]).as_posix() for n in range(1, len(path.parts) + 1)]
    return not any(fnmatchcase(end, pattern.lower()) for end in ends for pattern in options.ignored)


def relative_path(uri: str, folders: Sequence[Path]) -> str:
    """The path below the innermost of the repository and the workspace's folders; of neither, the name alone."""
    file = file_path(uri)
    if file is None:
        return PurePosixPath(unquote(urlsplit(uri).path)).name
    around = next((folder for folder in file.parents if folder in folders or (folder / ".git").exists()), file.parent)
    return file.relative_to(around).as_posix()


def file_path(uri: str) -> Path | None:
    """The local path that a file URI names."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
