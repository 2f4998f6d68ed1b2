"""The settings of the stages that work on a document by itself: which recipe, how alike, which forms."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from model import bounds
from model.languages import LANGUAGES


@dataclass(frozen=True)
class RecipeSettings:
    """Which recipe judges, and what is changed of it; the recipe itself is a file (streams.prepare.recipes)."""

    use: str = "default"
    """A shipped recipe (`midstream recipes list`), or the path of a TOML file."""
    licences: Literal["", "permissive", "no-copyleft", "any"] = ""
    """Which licences are kept, whatever the recipe says: permissive, no-copyleft (what is not known, too), any."""
    languages: tuple[str, ...] = ()
    """Languages of files and commits that are kept; empty: those of the recipe."""
    redaction: dict[str, str] = field(default_factory=dict)
    """What stands in for a find, by its kind: `email = "<EMAIL>"`, `delete` or `keep`; unset: as the recipe says."""
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Parameters of the recipe's rules that differ, `[recipe.rules.long_lines] longest = 500`; `off = true` leaves a
    rule out."""

    def __post_init__(self) -> None:
        bounds.among(self, "languages", sorted(language.name for language in LANGUAGES))


@dataclass(frozen=True)
class RedactionSettings:
    """A model that finds what no detector does; what stands in for a find is `[recipe.redaction]`."""

    ner: Path | None = None
    """A folder with a token classifier, as Hugging Face's save_pretrained writes it; needs the extra `transformers`.
    Unset: detectors alone."""
    ner_min_score: float = 0.5
    """The least probability of a find: from .5 on the model itself takes it for more likely than not."""

    def __post_init__(self) -> None:
        bounds.above(self, 0, "ner_min_score")
        bounds.shares(self, "ner_min_score")
        if self.ner is not None and not (self.ner / "config.json").is_file():
            raise ValueError(f"ner must be a folder with a token classifier, and there is no {self.ner}/config.json")


@dataclass(frozen=True)
class Thresholds:
    """Similarity bars of the index. Changing one needs a new index: a fingerprint guards it."""

    near: float = 0.7
    """Jaccard similarity of their shingles from which a document is a near duplicate."""
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
    both: float = 1.0
    """Of changed files that are shown in both forms: the change, and the file after it with the changed lines in the
    middle."""
    hunk: float = 0.3
    """Of other changed files that become the file after the change alone."""
    whole: float = 0.2
    """Of changes that are shown with the whole file, where that is no longer than `commit_tokens`; the rest is cut to
    the change and some lines (bigcode)."""
    commit_tokens: int = 1024
    """Tokens of one changed file, in all forms together; fewer lines are shown around the change, and of a change that
    is longer by itself the beginning. What is left out is counted. 0: as many as it takes."""
    script: float = 0.5
    """Of notebooks that become a script; the rest keeps its cells and outputs."""
    copies: int = 3
    """Whole copies of one path of a repository; its further changes are shown without the whole file."""

    def __post_init__(self) -> None:
        bounds.shares(self, *(f.name for f in fields(self) if f.type == "float"))
        bounds.at_least(self, 0, "copies", "commit_tokens")
        if 0 < self.commit_tokens < 64:
            raise ValueError(f"commit_tokens must be 64 or more, or 0 for no bound, not {self.commit_tokens}")
