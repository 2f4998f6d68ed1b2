"""Repository context: imports decide the order, every file is in it once, and conservation holds in the feed."""

from __future__ import annotations

import pytest

from model.fim.fim import Mix
from model.fim.formats import FORMATS, STARCODER
from model.tokens.tokenizer import train
from streams.document import Document, Part, Source
from streams.frame import Frame, Tally
from streams.pack.context import LOOKED_AT, dependencies, ordered
from streams.pack.pack import Packer
from streams.pack.together import groups, pack_together
from streams.pipeline import Pack
from streams.prepare.prepare import identity
from streams.recipe import Shares
from tests.support.models.tiny import texts

STARCODER2 = FORMATS["starcoder2"]
TREE = (
    ("pkg/app.py", "python", "from .core import run\nimport pkg.util as u\n"),
    ("pkg/core.py", "python", "from pkg import (util,\n)\nfrom . import zed\n"),
    ("pkg/util.py", "python", "import os, sys\n"),
    ("pkg/zed.py", "python", "x = 'import pkg.app'\n"),
    ("pkg/sub/deep.py", "python", "from ..core import run\n"),
    ("src/a.ts", "typescript", "import {x} from './b';\nconst y = require('../lib');\n"),
    ("src/b.ts", "typescript", "export const x = 1;\n"),
    ("lib/index.js", "javascript", "module.exports = 1;\n"),
    ("x/m.c", "c", '#include "n.h"\n#include <stdio.h>\n'),
    ("x/n.h", "c", "int n;\n"),
    ("cmd/main.go", "go", 'import (\n\t"fmt"\n\t"github.com/o/r/z/store"\n)\n'),
    ("z/store/s.go", "go", "package store\n"),
    ("C.java", "java", "import a.b.D;\n"),
    ("src/a/b/D.java", "java", "class D {}\n"),
    ("src/lib.rs", "rust", "mod parse;\n"),
    ("src/parse.rs", "rust", "pub fn p() {}\n"),
    ("app/run.rb", "ruby", "require_relative '../base/one'\n"),
    ("base/one.rb", "ruby", "ONE = 1\n"),
)
NEEDS = {
    "pkg/app.py": {"pkg/core.py", "pkg/util.py"},
    "pkg/core.py": {"pkg/util.py", "pkg/zed.py"},
    "pkg/sub/deep.py": {"pkg/core.py"},
    "src/a.ts": {"src/b.ts", "lib/index.js"},
    "x/m.c": {"x/n.h"},
    "cmd/main.go": {"z/store/s.go"},
    "C.java": {"src/a/b/D.java"},
    "src/lib.rs": {"src/parse.rs"},
    "app/run.rb": {"base/one.rb"},
}


def event(tree: tuple[tuple[str, str, str], ...] = TREE, offset: int = 0) -> list[Document]:
    documents: list[Document] = []
    for index, (path, language, text) in enumerate(tree):
        d = Document(offset=offset, index=index, kind="file", parts=[Part("text", text)], path=path, language=language)
        d.repository, d.id = "github.com/o/r", identity(d)
        documents.append(d)
    return documents


def packer(context: int = 4096, share: float = 1.0, fmt: str = "starcoder2") -> Packer:
    return Packer(train(texts(), 340, FORMATS[fmt]), FORMATS[fmt], Mix(), context, Shares(context=share))


def test_imports_are_resolved_among_the_event_s_files() -> None:
    files = event()
    edges = dependencies(files)
    assert {d.path: {files[i].path for i in f} for d, f in zip(files, edges, strict=True) if f} == NEEDS


def test_what_is_imported_comes_first() -> None:
    place = {d.path: n for n, d in enumerate(ordered(event()))}
    assert all(place[needed] < place[path] for path, all_of in NEEDS.items() for needed in all_of)
    assert ordered(event()) == ordered(list(reversed(event())))


def test_a_circle_is_broken_by_path() -> None:
    tree = (("b.py", "python", "import a\n"), ("a.py", "python", "import b\n"))
    assert [d.path for d in ordered(event(tree))] == ["a.py", "b.py"]


@pytest.mark.parametrize(
    "text", ["from " + "." * LOOKED_AT, "import " + "a, " * 20_000, "from x import " + "(" * 60_000]
)
@pytest.mark.timeout(10)
def test_hostile_imports_are_read_in_time(text: str) -> None:
    assert dependencies(event((("a.py", "python", text), ("b.py", "python", "")))) == [set(), set()]


def test_one_sequence_holds_every_file_once() -> None:
    examples = pack_together(packer(), event())
    assert len(examples) == 1 and sorted(examples[0].indexes) == list(range(len(TREE)))
    text = packer().tokenizer.decode([int(i) for i in examples[0].array()])
    assert text.startswith("<repo_name>github.com/o/r<file_sep>") and text.endswith("<|endoftext|>")
    assert text.count("<file_sep>") == len(TREE) and text.count("<repo_name>") == text.count("<|endoftext|>") == 1
    paths = sum(len(f"{path}\n{content}".encode()) for path, _, content in TREE)
    assert examples[0].text_bytes == paths + len("github.com/o/r")


def test_a_small_context_takes_several_and_a_long_file_stands_alone() -> None:
    long = (*TREE, ("pkg/long.py", "python", "import pkg.util\n" + "value = 'é'\n" * 300))
    examples = pack_together(packer(160), event(long))
    assert all(e.tokens <= 160 for e in examples)
    whole = [i for e in examples if e.pieces == 1 for i in e.indexes]
    pieces = [e for e in examples if e.pieces > 1]
    assert sorted(whole) == list(range(len(TREE))) and len(whole) > len([e for e in examples if e.pieces == 1])
    assert {e.index for e in pieces} == {len(TREE)} and len(pieces) == pieces[0].pieces


def test_events_are_drawn_by_what_they_say() -> None:
    events = [event((("a.py", "python", f"x = {n}\n"), ("b.py", "python", f"y = {n}\n")), n) for n in range(1000)]
    together, alone = groups(packer(share=0.3), [d for e in events for d in e])
    assert len(together) / 1000 == pytest.approx(0.3, abs=0.04) and len(alone) == 2 * (1000 - len(together))
    assert groups(packer(fmt="starcoder"), events[0]) == ([], events[0])
    assert STARCODER.context is False


def test_the_stage_keeps_every_file_once() -> None:
    frames: list[Frame] = []
    for n in range(20):
        files = event(tuple((p, lang, f"{text}# {n}\n") for p, lang, text in TREE[n % 5 :]), n)
        frame = Frame(
            source=Source("files", "0" * 32, 0), start=n, upto=n + 1, tallies=[Tally(n, len(files))], documents=files
        )  # fmt: skip
        frames.append(Pack(packer(160, 0.5))(frame).frame)
    places = [(e.offset, i) for f in frames for e in f.examples for i in e.indexes if e.piece == 0]
    assert len(places) == len(set(places)) == sum(t.seen for f in frames for t in f.tallies)
    assert any(e.also for f in frames for e in f.examples)


def test_a_poisoned_file_dies_alone() -> None:
    files = event()
    files[3].parts = []
    frame = Frame(
        source=Source("files", "0" * 32, 0), start=0, upto=1, tallies=[Tally(0, len(files))], documents=files
    )  # fmt: skip
    outcome = Pack(packer())(frame)
    assert [d.origin.index for d in outcome.dead] == [3] and outcome.frame.tallies[0].dead == [3]
    assert sorted(i for e in outcome.frame.examples for i in e.indexes) == [i for i in range(len(files)) if i != 3]
