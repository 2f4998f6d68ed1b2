"""The two models that are served: the demo's shape, trained here for some minutes, and one of 127 million parameters
with random weights. Each as a checkpoint, and as llama.cpp's q8_0."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import xxhash

from common.decode import trained
from common.decode.models import random
from common.rows import Rows, packed
from midstream.demo import corpus
from midstream.settings import cache_home
from model.config import TrainConfig
from model.example import Batch, Example
from model.families.gpt_bigcode.spec import GptBigcode
from model.fim.formats import STARCODER
from model.gguf.export import export
from model.manifest import latest
from model.tokens import tokenizer as bpe
from model.tokens.tokenizer import Tokenizer
from model.training.batch import collate
from model.training.train import Trainer
from streams.document import Document, Part
from streams.prepare.prepare import identity

ROOT = Path(__file__).parents[3]
PACKAGES = ("click", "flask", "jinja2", "requests", "urllib3", "werkzeug", "starlette", "fastapi", "httpx")
"""In whose files users type."""
LEAST, MOST = 2_000, 40_000
"""Characters of a file that is typed in."""
LARGE_VOCAB = 16_384
LARGE = GptBigcode(vocab=LARGE_VOCAB, context=1024, width=768, layers=19, heads=12)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Model:
    """One that both sides serve."""

    name: str
    checkpoints: Path
    gguf: Path
    tokenizer: Tokenizer
    spec: GptBigcode
    is_trained: bool


def files(say: Say) -> list[tuple[str, str]]:
    """(path, text) of what is typed in: an eighth of the packages' files, which no model is trained on."""
    return [file for file in _files(say) if _is_typed(file[0])]


def _is_typed(path: str) -> bool:
    return xxhash.xxh3_64_intdigest(path.encode()) % 8 == 0


def _files(say: Say) -> list[tuple[str, str]]:
    """In an order that the hashes of their paths decide."""
    wanted = [pin for pin in corpus.pins() if pin.kind == "pypi" and pin.name in PACKAGES]
    found: list[tuple[str, str]] = []
    for pin, folder in corpus.fetch(cache_home(), say, wanted).items():
        for path in folder.rglob("*.py"):
            text = path.read_text(encoding="utf-8", errors="replace")
            if LEAST <= len(text) <= MOST and "\t" not in text and "\r" not in text:
                found.append((f"{pin.name}/{path.relative_to(folder)}", text))
    return sorted(found, key=lambda file: xxhash.xxh3_64_intdigest(file[0].encode()))


def demo(root: Path, tokens: int, threads: int, say: Say) -> Model:
    """Of the demo's shape, trained on so many tokens of the packages' other files; kept in `root`."""
    shape = tomllib.loads((ROOT / "midstream/demo/demo.toml").read_text())
    wanted, rate = shape["model"], shape["train"]["learning_rate"]
    spec = GptBigcode(vocab=wanted["vocab"], context=wanted["context"], width=wanted["width"], layers=wanted["layers"],
                      heads=wanted["heads"])  # fmt: skip
    learned = [_document(number, *file) for number, file in enumerate(_files(say)) if not _is_typed(file[0])]
    digest = xxhash.xxh3_64_hexdigest(repr((spec, tokens, rate, [d.id for d in learned])).encode())
    folder = root / f"demo-{digest}"
    if latest(folder) is None:
        _train(folder, spec, learned, tokens, rate, threads)
    path = latest(folder)
    assert path is not None
    file = folder / "q8_0.gguf"
    if not file.exists():
        export(path, file, "q8_0")
    return Model("demo", folder, file, Tokenizer.load(folder / "tokenizer.json"), spec, True)


def _document(number: int, path: str, text: str) -> Document:
    document = Document(offset=number, index=0, kind="file", parts=[Part("text", text)], path=path, language="python",
                        repository="bench")  # fmt: skip
    document.id = identity(document)
    return document


def _train(folder: Path, spec: GptBigcode, learned: list[Document], tokens: int, rate: float, threads: int) -> None:
    """As many passes as it takes, each with cuts of its own."""
    tokenizer = bpe.train([document.parts[0].text for document in learned], spec.vocab)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(folder / "tokenizer.json")
    rows: list[list[Example]] = []
    while len(rows) * spec.context < tokens:
        for document in learned:
            document.offset += len(learned)
            document.id = xxhash.xxh3_128_digest(document.id)
        rows += packed(learned, tokenizer, spec.context)
    torch.set_num_threads(threads)
    config = TrainConfig(precision="float32", threads=threads, window=1_000_000, keep=1, merge=1, learning_rate=rate,
                         warm_up_steps=50, checkpoint_every_s=1e9)  # fmt: skip
    feed = Several(rows, spec.context)
    trained.taught(Trainer(spec, config, feed, folder, tokenizer, STARCODER, context=spec.context), tokens)


class Several(Rows):
    """Four rows a Batch."""

    def next(self, timeout_s: float) -> Batch | None:
        if self.drained:
            return None
        begun = self.taken
        self.taken = min(len(self.rows), begun + 4)
        return collate(self.rows[begun : self.taken], self.context)


def large(root: Path) -> Model:
    """Random weights; its tokenizer is trained on the same packages."""
    with tempfile.TemporaryDirectory() as work:
        kept = root / f"tokenizer-{LARGE_VOCAB}.json"
        found = [] if kept.exists() else trained.corpus(Path(work))[0][:2_500]
        tokenizer = trained.tokenizer(root, LARGE_VOCAB, found)
    _, file = random(root, f"random-{LARGE.width}x{LARGE.layers}", LARGE, tokenizer, torch.float32)
    return Model("large", root / f"random-{LARGE.width}x{LARGE.layers}", file, tokenizer, LARGE, False)
