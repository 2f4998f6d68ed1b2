"""The NER layer: what labels mean, windows that leave nothing out, spans in bytes, the stage, the command, errors."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from midstream.cli import main
from streams.document import Document, Part
from streams.each import directly
from streams.recipe import RedactionSettings
from streams.redact.ner import Layer, labels, load, rules
from streams.redact.ner.folder import UnusableModel
from streams.redact.ner.layer import read
from streams.redact.ner.library import Classifier
from streams.redact.ner.spans import decode
from streams.redact.ner.windows import PIECE, pieces, windows
from streams.redact.replacing import KINDS
from streams.redact.stage import Redact
from streams.worker.careful import Careful
from tests.support.documents.exporting import frame
from tests.support.models.classifier import LABELS, WORDS, save
from tests.tree import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("ner"))


@pytest.fixture(scope="module")
def layer(folder: Path) -> Layer:
    return Layer(folder)


def found(layer: Layer, text: str) -> list[tuple[str, str]]:
    (spans,) = read(layer, [text], directly)
    assert isinstance(spans, list)
    data = text.encode()
    return [(data[start:end].decode(), kind) for start, end, kind in spans]


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("B-NAME", "name"), ("I-name", "name"), ("NAME", "name"), ("S-private_person", "name"), ("E-secret", "key"),
        ("B-phone number", "phone"), ("IP_ADDRESS", "ip"), ("USERNAME", "username"), ("b-Account_Number", "iban"),
        ("private_email", "email"), ("B-PASSWORD", "password"), ("B_API-KEY", "key"), ("CREDIT_CARD", "card"),
        ("USER", "username"), ("EMAIL", "email"),
    ],
)  # fmt: skip
def test_a_label_means_a_kind(label: str, kind: str) -> None:
    assert [KINDS[k - 1] for k in labels.read([label]).kinds] == [kind]


def test_labels_that_mean_nothing_are_named() -> None:
    made = labels.read(["O", "B-AMBIGUOUS", "B-private_date", "I-private_date", "NAME"])
    assert made.kinds[:4] == (0, 0, 0, 0) and made.unknown == ("private_date",)
    assert labels.read(["B-NAME", "I-NAME", "S-NAME", "NAME"]).begins == (True, False, True, False)


@given(st.integers(0, 300), st.integers(4, 60))
def test_every_token_counts_in_one_window(count: int, room: int) -> None:
    cut = windows(count, room, room // 4)
    assert [w.first for w in cut] == [0, *(w.last for w in cut)][:-1] and cut[-1].last == count
    assert all(w.start <= w.first <= w.last <= w.end <= count and w.end - w.start <= room for w in cut)
    for one, other in pairwise(cut):
        assert one.end - other.start >= room // 4 and one.end - one.last >= (room // 4) // 2


@given(st.text(alphabet="ab \né", max_size=60))
def test_pieces_are_the_text(text: str) -> None:
    long = text * 1_500
    made = pieces(long)
    assert "".join(made) == long and all(0 < len(piece) <= PIECE for piece in made)


def test_words_are_whole_and_runs_are_joined() -> None:
    text = "ask anna lee\nolav berg"
    offsets = np.array([(0, 3), (4, 6), (6, 8), (9, 12), (13, 17), (18, 22)], np.int64)
    of = labels.read(["O", "B-NAME", "I-NAME"])
    scores = np.array(
        [(0.9, 0.1, 0), (0.1, 0.9, 0), (0.7, 0, 0.3), (0, 0.6, 0.4), (0, 1, 0), (0.2, 0, 0.8)], np.float32
    )
    first, second = decode(text, offsets, scores, of)
    assert text[first.start : first.end] == "anna lee" and text[second.start : second.end] == "olav berg"
    assert first.score == pytest.approx((0.9 + 0.3 + 1) / 3) and second.kind == "name"
    assert decode("", np.zeros((0, 2), np.int64), np.zeros((0, 3), np.float32), of) == []


def test_finds_are_in_bytes(layer: Layer) -> None:
    assert found(layer, "# Größe: thanks to 'Anna Schmidt' for…") == [("Anna Schmidt", "name")]
    assert found(layer, "# asked Anna") == []  # a full name has two words
    assert found(layer, "") == [] and found(layer, " \n") == []
    assert found(layer, "\ud800 thanks to Anna Schmidt".encode("utf-8", "replace").decode()) != []


def test_half_a_pair_is_read_over(layer: Layer) -> None:
    (spans,) = read(layer, ["\ud800é Anna Schmidt"], directly)
    assert spans == [(6, 18, "name")]


def test_a_long_text_is_read_to_its_end(layer: Layer) -> None:
    text = "".join(f"x{number} = call({number})\n" for number in range(2_500)) + "# Olav Berg"
    assert len(text) > 2 * PIECE and found(layer, text) == [("Olav Berg", "name")]
    for at in range(25, 60):  # wherever a window ends
        assert found(layer, "x " * at + "Olav Berg" + " y" * 60) == [("Olav Berg", "name")]


def test_many_texts_are_read_as_each_alone(layer: Layer) -> None:
    texts = [f"{'é ' * (7 * n % 90)}thanks to Anna Schmidt{' for x' * (n % 13)}" for n in range(60)]
    assert read(layer, texts, directly) == [read(layer, [text], directly)[0] for text in texts]


def test_scores_hardly_depend_on_the_batch(folder: Path) -> None:
    model = Classifier(folder)
    several = [model.encode("thanks to anna " * n)[0][: model.room] for n in range(1, 20)]
    for ids, scores in zip(several, model.score(several), strict=True):
        (alone,) = model.score([ids])
        np.testing.assert_allclose(scores, alone, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "value", "is_one"),
    [
        ("key", "9f8c7b6a5d4e3f21b0a9", True), ("key", "configuration", False), ("key", "9f8c7b", False),
        ("password", "Wolke-77", True), ("password", "abc", False), ("password", "changeme", False),
        ("name", "Anna Schmidt", True), ("name", "Anna", False), ("name", "王小明", True), ("name", "<NAME>", False),
        ("name", "by <NAME> and", False), ("username", "annal", True), ("username", "username_3", False),
        ("username", "USERNAME", False), ("ip", "93.184.216.34", True), ("ip", "192.168.0.1", False),
        ("ip", "192.0.2.7", False), ("ip", "8.8.8.8", False), ("email", "ann@mail.org", True), ("email", "mail", False),
        ("email", "ann@example.com", False), ("phone", "030 901820", True), ("phone", "12", False),
        ("iban", "1234-5678-9012", True), ("card", "12", False),
    ],
)  # fmt: skip
def test_what_a_find_must_be(kind: str, value: str, is_one: bool) -> None:
    assert rules.is_one(value, *rules.trimmed(value, 0, len(value), kind), kind) is is_one


def test_a_find_in_a_mark_is_none() -> None:
    text = "password = <API_KEY>"
    assert not rules.is_one(text, 12, 19, "password") and rules.trimmed("('ab')", 0, 6, "name") == (2, 4)


def document(text: str, index: int = 0, **more: Any) -> Document:
    return Document(
        offset=0, index=index, kind="file", parts=[Part("text", text)], path="a.py", language="python", **more
    )


def test_the_stage_merges_and_replaces(layer: Layer) -> None:
    texts = [
        "# asked Anna Schmidt\nMAIL = 'anna@mail.org'\n", "x = 'Olav Berg'\n",
        "Author: Anna Schmidt <anna@mail.org>\n", "nothing = 1\n",
    ]  # fmt: skip
    outcome = Redact(layer=layer)(frame(*(document(text, number) for number, text in enumerate(texts))))
    after = [d.parts[0].text for d in outcome.frame.documents]
    assert after == [
        "# asked <NAME>\nMAIL = '<EMAIL>'\n", "x = '<NAME>'\n", "Author: <NAME> <<EMAIL>>\n", "nothing = 1\n",
    ]  # fmt: skip
    assert outcome.frame.documents[0].redactions == {"email": 1, "name": 1}
    assert Redact(layer=layer)(outcome.frame).frame.documents == outcome.frame.documents
    assert "Schmidt" in Redact()(frame(document(texts[0]))).frame.documents[0].parts[0].text


def test_a_text_that_cannot_be_read_dies_alone(layer: Layer) -> None:
    def call(step: Any, *arguments: Any) -> Any:
        if any("boom" in text for text in arguments[-1] if isinstance(text, str)):
            raise RuntimeError("boom")
        return step(*arguments)

    given = [document("# boom\n"), document("# Anna Schmidt\n", 1)]
    outcome = Redact(call, layer=layer)(frame(*given))
    assert [d.parts[0].text for d in outcome.frame.documents] == ["# <NAME>\n"]
    assert [letter.origin.index for letter in outcome.dead] == [0]


def test_a_layer_goes_to_another_process_by_its_folder(folder: Path) -> None:
    made = load(folder, 0.5)
    assert pickle.loads(pickle.dumps(made)) is made


def test_careful_mode_reads_in_a_child(folder: Path) -> None:
    careful = Careful()
    try:
        outcome = Redact(careful, layer=load(folder, 0.5))(frame(document("# Anna Schmidt\n")))
    finally:
        careful.close()
    assert [d.parts[0].text for d in outcome.frame.documents] == ["# <NAME>\n"] and not outcome.dead


def test_the_least_score_is_a_setting(folder: Path) -> None:
    assert found(Layer(folder, 1.0), "Anna Schmidt") == []


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["redact", *arguments])


def test_the_command(tmp_path: Path, folder: Path) -> None:
    config, path = tmp_path / "m.toml", tmp_path / "a.py"
    config.write_text(f'[paths]\nstate = "{tmp_path}"\n')
    path.write_text("é = 1  # asked Anna Schmidt\n")
    with_ner = ("--ner", str(folder), "--config", str(config), str(path))
    assert run("--config", str(config), str(path)).output.endswith("1 files, 0 finds\n")
    assert f"{path}:1:16: name (ner)" in run(*with_ner).output
    made = json.loads(run("--json", *with_ner).stdout)
    assert made["bytes"] == [16, 28] and made["detector"] == "ner"
    assert "+é = 1  # asked <NAME>" in run("--diff", *with_ner).output
    config.write_text(f'[paths]\nstate = "{tmp_path}"\n[redaction]\nner = "{folder}"\n')
    assert run("--check", "--config", str(config), str(path)).exit_code == 1


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    kept = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not None}))


BROKEN: dict[str, tuple[Any, str]] = {
    "no folder": (lambda f: [p.unlink() for p in f.iterdir()] and f.rmdir(), "there is no such folder"),
    "no config": (lambda f: (f / "config.json").unlink(), "there is no config.json in it"),
    "no fast tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "save the tokenizer with save_pretrained"),
    "pickled weights": (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "no weights in safe"),
    "no labels": (lambda f: edit(f, id2label=None), "it has no id2label"),
    "labels of nothing": (lambda f: edit(f, id2label={str(n): f"X{n}" for n in range(5)}), "is a kind that"),
    "ids with a gap": (lambda f: edit(f, id2label={"0": "O", "2": "NAME"}), "with ids from 0 on"),
    "code of its own": (
        lambda f: edit(f, model_type="mist", architectures=["Mist"], auto_map={"AutoConfig": "a.B"}), "loads no token",
    ),
    "another shape": (lambda f: edit(f, hidden_size=64), "loads no token classifier from it"),
    "too few tokens": (lambda f: edit(f, num_hidden_layers=3), "its weights lack bert.encoder.layer.2"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_folder_that_is_none_is_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    made = save(tmp_path / "model")
    BROKEN[name][0](made)
    with pytest.raises(UnusableModel) as refused:
        Layer(made)
    assert BROKEN[name][1] in str(refused.value)


def test_a_model_without_room_and_one_of_another_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match="the model reads 14 tokens"):
        Layer(save(tmp_path / "short", positions=14))
    small, other = save(tmp_path / "small"), save(tmp_path / "other", words={**WORDS, "zoe": "NAME"})
    (other / "tokenizer.json").replace(small / "tokenizer.json")
    with pytest.raises(UnusableModel, match="they do not belong together"):
        Layer(small)


def test_positions_behind_the_paddings_are_left_free(tmp_path: Path) -> None:
    """As RoBERTa counts them: its table of 42 holds 40 tokens."""
    made = save(tmp_path / "model", kind="roberta", positions=42)
    assert Classifier(made).room == 38
    assert read(Layer(made), ["x " * 200], directly) == [[]]


def test_a_bad_setting_is_an_error_at_start(tmp_path: Path) -> None:
    config = tmp_path / "m.toml"
    config.write_text(f'[redaction]\nner = "{tmp_path / "none"}"\n')
    assert "ner must be a folder with a token classifier" in run("--config", str(config), str(tmp_path)).output
    assert "there is no such folder" in run("--ner", str(tmp_path / "none"), str(tmp_path)).output


def test_without_the_extra_the_sentence_names_it(folder: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['transformers'] = None; from midstream.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "redact", "--ner", str(folder), str(tmp_path)],
        env={"HOME": str(tmp_path), "PATH": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 1 and "pip install 'midstream[transformers]'" in ended.stderr


def test_the_settings_are_documented() -> None:
    page = (ROOT / "docs/redaction.md").read_text()
    assert all(f"    {setting.name} = " in page for setting in fields(RedactionSettings))


def test_labels_without_prefixes_and_unknown_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = [label.removeprefix("B-").lower() for label in LABELS if not label.startswith("I-")]
    made = Layer(save(tmp_path / "plain", labels=[*names, "private_date"]))
    assert found(made, "by Olav Berg, annal") == [("Olav Berg", "name"), ("annal", "username")]
    assert made.unknown == ("private_date",) and "private_date" in caplog.text
