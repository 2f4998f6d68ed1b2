"""`hf:ORG/NAME@REVISION` against a small hub that the tests serve: fetched once, gone on with, refused in sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.families.reading import Refused
from model.hub import split
from tests.support.models.foreign import CONFIGS, save
from tests.support.models.hub import COMMIT, TOKEN, Hub, serving


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = save("qwen2, default", tmp_path / "hub/org/small", shard="20KB")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "README.md").write_text("words")
    for other in ("consolidated.safetensors", "adapter_model.safetensors", "onnx/model.safetensors"):
        (folder / other).parent.mkdir(exist_ok=True)
        (folder / other).write_bytes(b"another library's")
    with serving(tmp_path / "hub") as hub:
        yield hub


def midstream(hub: Hub, tmp_path: Path, reference: str, folder: str, **environment: str) -> tuple[int, str]:
    """Imports into a folder of its own; the exit code and everything that was said."""
    config = tmp_path / f"{folder}.toml"
    config.write_text(f'[paths]\nstate = "{tmp_path / folder}"\n[model]\ncontext = 96\n')
    others = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    run = subprocess.run(
        [sys.executable, "-m", "midstream", "models", "import", reference, "--config", str(config)],
        env={**others, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "cache"), **environment},
        capture_output=True, text=True,
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


def manifest(tmp_path: Path, folder: str) -> dict[str, object]:
    return json.loads((tmp_path / folder / "checkpoints/step-00000000/manifest.json").read_text())


def test_a_model_is_fetched_once_and_its_commit_written_down(hub: Hub, tmp_path: Path) -> None:
    code, said = midstream(hub, tmp_path, "hf:org/small@v1", "one")
    assert code == 0 and "qwen2" in said, said
    assert manifest(tmp_path, "one")["imported"] == f"hf:org/small@{COMMIT}"
    fetched = {path.rpartition("/")[2] for method, path, _ in hub.asked if method == "GET" and "/resolve/" in path}
    assert fetched and not any(name.endswith((".bin", ".md")) for name in fetched)
    assert not fetched & {"consolidated.safetensors", "adapter_model.safetensors", "model.safetensors"}
    hub.asked.clear()
    code, said = midstream(hub, tmp_path, f"hf:org/small@{COMMIT}", "two")
    assert code == 0 and hub.asked == [], "a commit that is in the cache is asked for no more"
    code, said = midstream(hub, tmp_path, "hf:org/small@v1", "three", HF_HUB_OFFLINE="1")
    assert code == 0 and hub.asked == [], said


def test_what_was_cut_off_is_gone_on_with(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONFIGS, "large", {**CONFIGS["qwen2, default"], "vocab_size": 120_000})
    save("large", tmp_path / "hub/org/large")
    hub.cut = 12 << 20  # the library writes 10 MiB at a time
    code, said = midstream(hub, tmp_path, "hf:org/large", "one")
    assert code == 1 and "the next try goes on from here" in said and "Traceback" not in said, said
    hub.asked.clear()
    code, said = midstream(hub, tmp_path, "hf:org/large", "one")
    assert code == 0, said
    assert [span for _, path, span in hub.asked if path.endswith(".safetensors") and span] == [f"bytes={10 << 20}-"]


def test_refusals_say_what_to_do(hub: Hub, tmp_path: Path) -> None:
    for reference, word in (
        ("hf:org/none", "there is no org/none"),
        ("hf:org/small@v9", "has no revision v9"),
        ("hf:org", "is not hf:ORG/NAME"),
    ):
        code, said = midstream(hub, tmp_path, reference, "refused")
        assert code == 1 and word in said and "Traceback" not in said, said
    hub.gated = True
    code, said = midstream(hub, tmp_path, "hf:org/small", "gated")
    assert code == 1 and "HF_TOKEN" in said, said
    code, said = midstream(hub, tmp_path, "hf:org/small", "gated", HF_TOKEN=TOKEN)
    assert code == 0 and TOKEN not in said, said
    hub.address = "http://127.0.0.1:1"
    code, said = midstream(hub, tmp_path, "hf:org/other", "away")
    assert code == 1 and "cannot be reached" in said, said


def test_a_repository_without_what_is_read_is_refused_before_anything_is_fetched(hub: Hub, tmp_path: Path) -> None:
    pickled, spelled = (save("qwen2, default", tmp_path / "hub/org" / name) for name in ("pickled", "spelled"))
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    (spelled / "tokenizer.json").rename(spelled / "tokenizer.model")
    for name, word in (("pickled", "pytorch_model.bin, a pickle"), ("spelled", "tokenizer.model is there, and only")):
        code, said = midstream(hub, tmp_path, f"hf:org/{name}", "refused")
        assert code == 1 and word in said and "Traceback" not in said, said
    assert not [path for _, path, _ in hub.asked if "/resolve/" in path]


@pytest.mark.parametrize("reference", ["hf:", "hf:a", "hf:a/b/c", "hf:a/b@", "hf:a/b@c d", "hf:../b@x y"])
def test_what_is_no_reference_is_refused(reference: str) -> None:
    with pytest.raises(Refused, match="is not hf:ORG/NAME"):
        split(reference)
