"""`midstream pii`: values at places that the syntax names, the user's own spans, and the command from end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from midstream.cli import main
from midstream.pii import labelled, training
from midstream.pii.injecting import Labelled, pieces
from midstream.pii.places import places
from midstream.pii.scoring import score
from midstream.pii.values import Maker
from streams.redact.ner import load, rules
from streams.redact.ner.layer import read

PYTHON = '"""Reads things.\n\nAnd more.\n"""\n# adds\nlabel = "one"\nshow(title="two", other=f"{x}")\n'
C = 'int a = 1; /* of it */\nchar *label = "one";\n// two\n'


def shown(text: str, language: str) -> list[tuple[str, str]]:
    made = places(text, language)
    assert made is not None
    data, found = made
    return [
        (p.kind, data[: p.start].decode()[-8:] if p.start == p.end else data[p.start : p.end].decode()) for p in found
    ]


def test_places_are_comments_strings_and_assignments() -> None:
    assert shown(PYTHON, "python") == [
        ("comment", " things."), ("comment", '"\n# adds'), ("assignment", "one"), ("assignment", "two"),
    ]  # fmt: skip
    assert shown(C, "c") == [("comment", "/* of it"), ("assignment", "one"), ("comment", ";\n// two")]
    assert shown('{"a": "b"}', "json") == [("assignment", "b")]
    assert shown('f("a", "b")', "python") == [("string", "a"), ("string", "b")]
    assert places("def (:", "python") is None and places("x", "yaml") is None


def test_pieces_say_where_their_values_stand() -> None:
    text = "".join(f"# adds {n}\nlabel_{n} = 'the text {n}'\n" for n in range(400))
    made = list(pieces(text, "a.py", "python", 40, False))
    assert len(made) == 40 and made == list(pieces(text, "a.py", "python", 40, False))
    kinds = set[str]()
    for piece in made:
        ends = [0, *(end for _, end, _ in piece.spans)]
        for (start, end, kind), before in zip(piece.spans, ends, strict=False):
            assert before <= start < end <= len(piece.text)
            kinds.add(kind)
    assert {"name", "email", "username", "key"} <= kinds and any(not piece.spans for piece in made)
    others = pieces(text, "a.py", "python", 40, True)
    assert not said(others, "name") & said(made, "name")  # held-out names are never learnt


def said(made: Any, kind: str) -> set[str]:
    return {piece.text[s:e] for piece in made for s, e, k in piece.spans if k == kind}


@pytest.mark.parametrize("kind", ["name", "email", "username", "phone", "key", "password", "ip"])
def test_made_up_values_pass_the_layers_rules(kind: str) -> None:
    maker = Maker(7)
    values = [maker.make(kind) for _ in range(300)]
    passing = sum(rules.is_one(v, *rules.trimmed(v, 0, len(v), kind), kind) for v in values)
    assert passing >= 0.97 * len(values) and len(set(values)) > 200 and Maker(7).make(kind) == values[0]


def write(path: Path, *lines: Any) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_the_users_spans_are_read(tmp_path: Path) -> None:
    line = {"text": "größe: Anna Lee, k3y", "spans": [{"start": 17, "end": 20, "label": "API Key"},
                                                     {"start": 7, "end": 15, "label": "PERSON"}]}  # fmt: skip
    assert labelled.read([write(tmp_path / "a.jsonl", line, "", {"text": "x", "spans": []})]) == [
        Labelled("größe: Anna Lee, k3y", ((7, 15, "name"), (17, 20, "key"))), Labelled("x", ()),
    ]  # fmt: skip


def test_what_is_wrong_in_a_line_is_said_by_its_number(tmp_path: Path) -> None:
    def of(*spans: tuple[int, int, str]) -> dict[str, Any]:
        return {"text": "secret text", "spans": [{"start": s, "end": e, "label": label} for s, e, label in spans]}

    path = write(
        tmp_path / "a.jsonl", of((0, 3, "NAME")), "{", {"text": 3, "spans": []}, of((0, 30, "NAME")), of((3, 3, "KEY")),
        of((0, 3, "MIST")), of((0, 5, "NAME"), (4, 8, "KEY")), {"spans": []}, of((-1, 3, "NAME")), "[]",
    )  # fmt: skip
    with pytest.raises(labelled.BadLabels) as refused:
        labelled.read([path])
    message = str(refused.value)
    assert [line.split(":")[1] for line in message.split("\n")] == [str(n) for n in range(2, 11)]
    assert "no JSON object" in message and "there is no label 'MIST'" in message and "overlap" in message
    assert "secret" not in message


def test_figures_count_kind_and_place() -> None:
    texts = [Labelled("é Anna Lee", ((2, 10, "name"),)), Labelled("x", ()), Labelled("y", ())]
    made = score(lambda _: [[(3, 11, "name"), (0, 1, "key")], [(0, 1, "key")], []], texts)
    assert made["labels"]["name"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "spans": 1}
    assert made["labels"]["key"]["precision"] == 0.0 and made["clean_touched"] == 0.5
    assert made["all"] == {"precision": 0.3333, "recall": 1.0, "f1": 0.5, "spans": 1}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for n in range(40):
        lines = (f"# adds {n + m} to it\ndef call_{m}(text):\n    label = 'the text {m}'\n    return text, label, {n}\n"
                 for m in range(12))  # fmt: skip
        (folder / f"file_{n}.py").write_text("".join(lines))
    (folder / "data.bin").write_bytes(b"\0\1")
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["pii", "train", *arguments])


SHORT = ("--steps", "6", "--pretraining-steps", "4", "--rows", "4", "--json")


def test_the_command_makes_a_folder_that_the_layer_opens(tmp_path: Path, sources: Path) -> None:
    spans = [{"start": 8, "end": 16, "label": "NAME"}]
    labels = write(tmp_path / "own.jsonl", *({"text": f"{n:02d} from Anna Lee", "spans": spans} for n in range(30)))
    made = run(*SHORT, "--labels", str(labels), "--out", str(tmp_path / "model"), str(sources))
    assert made.exit_code == 0, made.output
    report = json.loads(made.stdout.splitlines()[-1])
    assert report["files"] == 40 and report["stopped"] is False and report["labels"]["steps"] == 6
    held_out = report["held_out"]
    assert held_out["texts"] > 0 and {"precision", "recall", "f1", "spans"} <= set(held_out["labels"]["name"])
    assert report["pretraining"]["steps"] == 4 and held_out["detectors"]["labels"]["email"]["spans"] >= 0
    layer = load(tmp_path / "model", 0.5)
    assert isinstance(read(layer, ["# from Anna Lee"], lambda step, *given: step(*given))[0], list)
    assert "left out: 1 × no language" in made.stderr
    again = run(*SHORT, "--out", str(tmp_path / "model"), str(sources))
    assert again.exit_code == 1 and "is there already" in again.output
    other = run(
        *SHORT, "--encoder", str(tmp_path / "model/encoder"), "--out", str(tmp_path / "other"), str(sources)
    )  # fmt: skip
    assert other.exit_code == 0 and "pretraining" not in json.loads(other.stdout.splitlines()[-1])


def test_the_same_files_give_the_same_model(tmp_path: Path, sources: Path) -> None:
    for name in ("one", "two"):
        assert run(*SHORT, "--out", str(tmp_path / name), str(sources)).exit_code == 0
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def test_bad_labels_end_it_before_anything_is_written(tmp_path: Path, sources: Path) -> None:
    path = write(tmp_path / "own.jsonl", "{}")
    made = run("--labels", str(path), "--out", str(tmp_path / "model"), str(sources))
    assert made.exit_code == 1 and f"{path}:1: " in made.output and not (tmp_path / "model").exists()


def test_too_little_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    made = run("--out", str(tmp_path / "model"), str(tmp_path / "empty"))
    assert made.exit_code == 1 and "two files in a known language" in made.output


def test_what_was_learnt_is_kept_at_a_stop(tmp_path: Path, sources: Path) -> None:
    """Ctrl-C while labels are learnt: the model of the last step is written and measured."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "midstream", "pii", "train", str(sources), "--steps", "99999",
         "--pretraining-steps", "2", "--rows", "4", "--json", "--out", str(tmp_path / "model")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("labels: "):
            process.send_signal(signal.SIGINT)
            break
    out, _ = process.communicate()
    report = json.loads(out.splitlines()[-1])
    assert process.returncode == 0 and report["stopped"] is True and 0 < report["labels"]["steps"] < 99_999
    assert (tmp_path / "model/model.safetensors").exists() and "held_out" in report


def test_labels_of_the_model_are_those_of_redaction() -> None:
    assert training.LABELS[0] == "O" and "B-PASSWORD" in training.LABELS and len(training.LABELS) == 19
