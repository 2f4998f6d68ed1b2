"""Tokenizers that come with weights: their format and ends of texts, and those that change texts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from midstream.processes.stages import packer
from midstream.settings import load
from model import importing
from model.families.reading import Refused
from model.fim.formats import FORMATS
from model.manifest import latest, read_manifest
from model.packing import packing
from model.tokens.tokenizer import Tokenizer
from streams.document import Document, Part
from streams.prepare.prepare import identity
from tests.support.models.brought import run, settings_file
from tests.support.models.foreign import save

NAME = "qwen2, default"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(NAME, tmp_path / "model")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return settings_file(tmp_path)


def test_named_formats_are_held_against_the_tokenizer(folder: Path) -> None:
    assert importing.read(folder, "plain").format.name == "plain"
    with pytest.raises(Refused, match=r"the tokenizer has no .*<\|fim_prefix\|>.* for the format qwen2.5-coder"):
        importing.read(folder, "qwen2.5-coder")


def respell(folder: Path, **words: str) -> None:
    """The tokenizer's sentinels by other names."""
    text = (folder / "tokenizer.json").read_text()
    for old, new in words.items():
        text = text.replace(f"<{old}", f"<{new}").replace("<|endoftext|>" if old == "end" else "\0", new)
    (folder / "tokenizer.json").write_text(text)


@pytest.mark.parametrize("where", ["config.json", "generation_config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("asked", ["auto", "plain"])
def test_a_model_without_sentinels_ends_its_texts_as_its_own_files_say(
    folder: Path, config: Path, tmp_path: Path, where: str, asked: str
) -> None:
    """Llama's kind: packed for, stored and served with its own end of text."""
    respell(folder, fim_="fix_", end="</s>")
    own = Tokenizer.load(folder / "tokenizer.json").special("</s>")
    keys = {"eos_token": {"content": "</s>"}} if where == "tokenizer_config.json" else {"eos_token_id": [own, 9]}
    path = folder / where
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | keys))
    done = run(config, "models", "import", str(folder), "--format", asked)
    assert done.exit_code == 0 and "format plain" in done.output, done.output
    checkpoint = latest(tmp_path / "state/checkpoints")
    assert checkpoint is not None
    manifest = read_manifest(checkpoint)
    assert (manifest.format.end, manifest.format.stops[0]) == ("</s>", "</s>")
    settings = load(config)
    packed = packer(replace(settings, model=replace(settings.model, format=asked)))
    assert packed.packing == packing(manifest.tokenizer, manifest.format, manifest.length)
    assert packed.packing != packing(manifest.tokenizer, FORMATS["plain"], manifest.length)
    document = Document(offset=0, index=0, kind="file", path="a.py", parts=[Part("text", "x = 1\n")])
    document.id = identity(document)
    assert packed.pack(document)[0].ids[-1] == own


def test_refusals_of_brought_weights_do_not_advise_a_tokenizer_of_one_s_own(folder: Path) -> None:
    for asked, word in (
        ("qwen2.5-coder", "has no .* for the format qwen2.5-coder$"),
        ("auto", "nearest is starcoder, of "),
    ):
        respell(folder, fim_pad="fix_pad")
        with pytest.raises(Refused, match=word) as caught:
            importing.read(folder, asked)
        assert "tokenizer train" not in str(caught.value)
    assert "has no <fim_pad>." in str(caught.value)


WORDS = {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 5, "def": 6}}
PIECES = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0]], "byte_fallback": False}
CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "capitals": ({"normalizer": {"type": "Lowercase"}}, "'ABC Def_gHi' comes back as 'abc def_ghi'"),
    "a space before": (
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}},
        "comes back as ' def f",
    ),
    "words": ({"model": WORDS}, "cannot be encoded and decoded|comes back as"),
    "pieces": ({"model": PIECES, "pre_tokenizer": None}, "cannot be encoded and decoded|comes back as"),
    "composed otherwise": ({"normalizer": {"type": "NFKC"}}, "½' comes back as"),
    "without blanks at the end": (
        {"normalizer": {"type": "Strip", "strip_left": False, "strip_right": True}}, "comes back as",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CHANGED))
def test_a_tokenizer_that_changes_texts_is_refused_with_what_it_changes(folder: Path, name: str) -> None:
    keys, message = CHANGED[name]
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))
    with pytest.raises(Refused, match=f"does not give texts back as they were: .*({message})"):
        importing.read(folder)
