"""The data card: what is in an export and where it came from, as a Hugging Face dataset card.

It follows from the state alone, so the same log gives the same card.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from streams.export.layout import Layout
from streams.export.state import VERSION, ExportOrigin, ExportState
from streams.prepare.licences import classify

NAMED = 20
"""Rows of a table that could be very long; the rest is one row."""
BOUNDS = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
          (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"))  # fmt: skip
"""Hugging Face's size categories."""
NAME = "README.md"


def card(state: ExportState, layout: Layout) -> bytes:
    sections = (
        _front(state, layout), _what(state, layout), _counts(state), _kinds(state), _licences(state),
        _repositories(state), _redactions(state), _removals(state), _recipe(state.origin), _origin(state.origin),
    )  # fmt: skip
    return ("\n\n".join("\n".join(section) for section in sections) + "\n").encode()


def _front(state: ExportState, layout: Layout) -> Iterator[str]:
    yield "---"
    yield "pretty_name: Midstream export"
    yield "license: other"
    yield "language:\n- code"
    yield "task_categories:\n- text-generation"
    yield f"size_categories:\n- {_size(_exported(state))}"
    if layout.name in ("parquet", "jsonl"):
        yield f'configs:\n- config_name: default\n  data_files: "shard-*{layout.suffixes[0]}"'
    yield "---"


def _what(state: ExportState, layout: Layout) -> Iterator[str]:
    shards = [shard for shard in state.shards if shard.documents]
    yield "# Midstream export\n"
    yield f"{_exported(state):,} documents ({state.contents.size:,} {layout.unit}) in {len(shards):,} shards"
    yield f"of layout `{layout.name}`, from {len(state.contents.repositories):,} repositories: deduplicated, filtered"
    yield "by the recipe below, secrets and personal data replaced where patterns find them."
    if state.first_ms:
        yield f"The records reached the log between {_time(state.first_ms)} and {_time(state.last_ms)}."
    yield "Each document keeps the licence of its repository or file, given in its column `licence`."


def _counts(state: ExportState) -> Iterator[str]:
    """By source topic; `documents` = exported + rejected + dead + removed."""
    yield "## Counts\n"
    rows = [
        (c.topic, c.documents, c.exported, c.rejected, c.dead, c.removed)
        for c in sorted(state.counts.values(), key=lambda c: c.topic)
    ]
    total = ("all", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True)))
    yield from _table(("topic", "documents", "exported", "rejected", "dead", "removed"), [*rows, total])
    yield "\nRejected: by a rule or as a duplicate. Dead: could not be processed up to redaction."
    yield "Removed: replaced by a retry, or discarded."
    if state.gaps:
        yield "\nMissing, because retention deleted it before it was exported:\n"
        yield from (f"- {_cell(gap)}" for gap in sorted(state.gaps))


def _kinds(state: ExportState) -> Iterator[str]:
    yield "## Kinds and languages\n"
    yield from _table(("kind", "documents"), _most(state.contents.kinds))
    yield ""
    languages = ((name or "(none)", count) for name, count in _most(state.contents.languages))
    yield from _table(("language", "documents"), languages)


def _licences(state: ExportState) -> Iterator[str]:
    """A user's file can name any licence, so the list is bounded."""
    yield "## Licences\n"
    rows = [(name or "(unknown)", classify(name), count) for name, count in _most(state.contents.licences)]
    yield from _table(("licence", "class", "documents"), _bounded(rows))


def _repositories(state: ExportState) -> Iterator[str]:
    yield "## Sources\n"
    repositories = state.contents.repositories
    hosts, documents = Counter[str](), Counter[str]()
    for name, count in repositories.items():
        host = name.partition("/")[0]
        hosts[host] += 1
        documents[host] += count
    rows = [(host, count, documents[host]) for host, count in _most(hosts)]
    yield from _table(("host", "repositories", "documents"), _bounded(rows, 2))
    yield ""
    yield from _table(("repository", "documents"), _bounded(_most(repositories)))


def _redactions(state: ExportState) -> Iterator[str]:
    yield "## Redactions\n"
    yield "Replacements in the exported documents. Patterns miss what they do not know.\n"
    yield from _table(("kind", "replacements"), _most(state.contents.redactions) or [("none", 0)])


def _removals(state: ExportState) -> Iterator[str]:
    yield "## Removals\n"
    removed = sum(count.removed for count in state.counts.values())
    yield f"{len(state.replaced):,} origins were replaced by a retry or discarded; {removed:,} documents were taken out"
    yield "for it, the others had never reached the export. Repositories whose owners opted out are rejected before."


def _recipe(origin: ExportOrigin) -> Iterator[str]:
    yield "## Recipe\n"
    yield "The rules and what each setting means are in Midstream's docs/rules.md.\n"
    rows = [(s, name, _value(v)) for s in ("recipe", "index") for name, v in sorted(getattr(origin, s).items())]
    yield from _table(("section", "setting", "value"), rows)


def _origin(origin: ExportOrigin) -> Iterator[str]:
    yield "## Made by\n"
    rows = [
        ("export format", VERSION), ("layout", origin.layout),
        ("compression", origin.compression or "the layout's own"),
        ("characters a shard", f"{origin.shard_chars:,}"), ("topics, SHA-256", origin.genesis),
    ]  # fmt: skip
    if origin.tokenizer:
        rows += [("tokenizer, SHA-256", origin.tokenizer), ("format of the token ids", origin.format)]
    yield from _table(("what", "value"), rows)


def _exported(state: ExportState) -> int:
    return sum(shard.documents for shard in state.shards)


def _most(counter: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _bounded(rows: list[Any], numbers: int = 1) -> list[tuple[Any, ...]]:
    """The first rows, and one of the sums of the last `numbers` columns of the others."""
    rest = rows[NAMED:]
    if not rest:
        return rows
    width = len(rest[0])
    sums = [sum(row[n] for row in rest) for n in range(width - numbers, width)]
    return [*rows[:NAMED], (f"{len(rest):,} others", *[""] * (width - numbers - 1), *sums)]


def _table(names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(names) + " |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield "| " + " | ".join(_cell(value) for value in row) + " |"


def _cell(value: object) -> str:
    """Names come from anywhere: none may end a cell, a row or the text around it."""
    if isinstance(value, int):
        return f"{value:,}"
    text = re.sub(r"[^\x20-\x7e\xa1-\uffff]+", " ", str(value))
    return re.sub(r"([|<>\[\]*`\\])", r"\\\1", text[:200])


def _value(value: object) -> str:
    return ", ".join(map(str, value)) or "(all)" if isinstance(value, list) else str(value)


def _size(documents: int) -> str:
    return next((name for bound, name in BOUNDS if documents < bound), "100M<n<1B")


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def beside(state: ExportState, layout: Layout) -> dict[str, bytes]:
    """All files of the folder that follow from the state."""
    return {**layout.beside(state.in_order()), NAME: card(state, layout)}
