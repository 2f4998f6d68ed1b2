"""The recipe: every threshold of the stages that work on a document by itself."""

from __future__ import annotations

from dataclasses import dataclass, fields

from model import bounds
from model.languages import LANGUAGES

LICENCE_CLASSES = ("permissive", "unknown", "copyleft", "proprietary")


@dataclass(frozen=True)
class Recipe:
    """Defaults follow the published filters (CodeParrot, SantaCoder, The Stack v2); sources in docs/rules.md."""

    licences: tuple[str, ...] = ("permissive", "unknown")
    """Licence classes that are kept: permissive, unknown, copyleft, proprietary."""
    languages: tuple[str, ...] = ()
    """Languages of files and commits that are kept; empty keeps all."""
    min_chars: int = 50
    """The fewest characters of a file."""
    max_chars: int = 1_000_000
    """The most characters of any document."""
    max_lines: int = 100_000
    """The most lines of a file."""
    data_max_chars: int = 5_000
    """The most characters of a JSON, YAML, XML or similar file."""
    max_line_length: int = 1_000
    """The longest line of a file, characters; markup and data are exempt."""
    mean_line_length: float = 100.0
    """The greatest mean line length of a file, characters; markup and data are exempt."""
    min_alphanumeric: float = 0.25
    """The smallest share of letters and digits among a file's characters."""
    max_encoded_run: int = 1_024
    """The longest run of base64, hexadecimal or escaped data, characters."""
    max_encoded_share: float = 0.5
    """The largest share of a file that is such runs."""
    max_number_share: float = 0.6
    """The largest share of numbers among a file's letters and digits; markup and data are exempt."""
    min_message_words: int = 2
    """The fewest words of a commit message."""
    max_message_chars: int = 4_000
    """The most characters of a commit's message, which stands with each of its files; a longer one is cut in the middle
    (10 of 43,700 messages of twelve public repositories)."""
    max_changed_chars: int = 100_000
    """The most characters of a changed file on either side of its commit (bigcode's commit filter, before)."""
    min_issue_chars: int = 200
    """The fewest characters of an issue thread or a question with its answers (bigcode's issue filter)."""
    max_issue_chars: int = 50_000
    """The most characters of an issue thread or a question with its answers; a longer one is cut in the middle."""
    max_comment_lines: int = 80
    """The most lines of a comment; a longer one is cut to its first 60 and its last ones (bigcode's issue filter)."""
    min_notebook_chars: int = 100
    """The fewest characters of a notebook's cells."""

    def __post_init__(self) -> None:
        bounds.among(self, "licences", LICENCE_CLASSES)
        bounds.among(self, "languages", sorted(language.name for language in LANGUAGES))
        counts = [f.name for f in fields(self) if f.type == "int"]
        bounds.at_least(self, 0, *counts)
        bounds.at_least(self, 1, "max_comment_lines", "max_issue_chars", "max_line_length", "max_lines", "max_chars")
        for least, most in (("min_chars", "max_chars"), ("min_issue_chars", "max_issue_chars")):
            if getattr(self, least) > getattr(self, most):
                raise ValueError(f"{least} must be no more than {most}, or nothing is kept")
        bounds.shares(self, "min_alphanumeric", "max_encoded_share", "max_number_share")
        bounds.above(self, 0, "mean_line_length")


@dataclass(frozen=True)
class Thresholds:
    """Similarity bars of the index. Changing one needs a new index: a fingerprint guards it."""

    near: float = 0.7
    """Estimated Jaccard similarity from which a document is a near duplicate."""
    version: float = 0.9
    """The same, between two versions of one path of one repository."""

    def __post_init__(self) -> None:
        bounds.above(self, 0, "near", "version")
        bounds.shares(self, "near", "version")


@dataclass(frozen=True)
class Shares:
    """How often which form of a document is chosen, by a keyed hash of its id."""

    path: float = 1.0
    """Of files whose head says the path. The server always says it, so most must."""
    repository: float = 0.2
    """Of files whose head says the repository (StarCoderData)."""
    stars: float = 0.2
    """Of files whose head says the repository's stars, where they are known (StarCoderData)."""
    context: float = 0.5
    """Of events with several files that become one repository context, for a format that has one (StarCoder2)."""
    hunk: float = 0.3
    """Of changed files that become the file after the change, the changed lines in the middle."""
    whole: float = 0.2
    """Of other changed files that are shown whole; the rest is cut to the change and some lines (bigcode)."""
    script: float = 0.5
    """Of notebooks that become a script; the rest keeps its cells and outputs."""
    copies: int = 3
    """Whole copies of one path of a repository; its further changes are shown without the whole file."""

    def __post_init__(self) -> None:
        bounds.shares(self, *(f.name for f in fields(self) if f.type == "float"))
        bounds.at_least(self, 0, "copies")
