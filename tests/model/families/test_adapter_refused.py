"""What `transformers` cannot run for us, or not as its makers meant it, is refused by its name; so is training it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from midstream.cli import main
from model import importing
from model.families import TRAINED, build
from model.families.reading import Refused
from model.loading import load_all
from model.manifest import folders, latest
from model.training.train import Trainer
from tests.support.models.adapted import CONFIGS, FORMATS, save
from tests.support.models.foreign import edit
from tests.support.models.tiny import QUICK, ListFeed, examples

ALL = pytest.mark.parametrize("name", list(CONFIGS))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "midstream.toml"
    path.write_text(f'[paths]\nstate = "{tmp_path / "state"}"\n[model]\ncontext = 96\nformat = "plain"\n')
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])


def change(folder: Path, key: str, tensor: torch.Tensor | None) -> None:
    """Of the weights; None takes the tensor out."""
    path = folder / "model.safetensors"
    tensors = {name: t for name, t in load_file(path).items() if name != key}
    save_file(tensors if tensor is None else {**tensors, key: tensor}, path, metadata={"format": "pt"})


EXPERT = "model.layers.1.mlp.experts.2.up_proj.weight"
BROKEN: dict[str, tuple[str, Any, str]] = {
    "SantaCoder's own code": (
        "gpt2", lambda f: edit(f, attention_head_type="multiquery"), "'multiquery': that is SantaCoder's own code",
    ),
    "cross attention": ("gpt2", lambda f: edit(f, add_cross_attention=True), "nothing to attend across to"),
    "a wrong number": ("gpt2", lambda f: edit(f, n_layer="three"), "n_layer is 'three'"),
    "heads that do not divide": ("gpt2", lambda f: edit(f, n_head=5), "transformers makes no gpt2 of this config.json"),
    "an activation that nobody knows": ("gpt2", lambda f: edit(f, activation_function="mist"), "makes no gpt2 of this"),
    "quantised": ("gpt2", lambda f: edit(f, quantization_config={"bits": 4}), "quantised"),
    "a missing weight": (
        "gpt2", lambda f: change(f, "transformer.ln_f.bias", None), "1 weights are missing, transformer.ln_f.bias",
    ),
    "another shape": ("gpt2", lambda f: edit(f, n_inner=60), r"c_fc.bias is of shape \[128\], and must be \[60\]"),
    "too much": ("gpt2", lambda f: change(f, "transformer.h.9.ln_1.bias", torch.zeros(32)), "has no place"),
    "not finite": (
        "gpt2", lambda f: change(f, "transformer.ln_f.bias", torch.full((32,), torch.nan)), "not finite numbers",
    ),
    "torn": (
        "gpt2",
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]),
        "no whole safetensors file",
    ),
    "a pickle": ("xglm", lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "a pickle"),
    "CodeGen2 in eight blocks": ("codegen", lambda f: edit(f, head_dim=128), "head_dim is 128: CodeGen2's 1B and 3.7B"),
    "another format": (
        "codegen", lambda f: edit(f), r"the tokenizer has no .*<\|mask:0\|>.* for the format incoder",
    ),
    "other weights of experts": ("deepseek_v2", lambda f: edit(f, norm_topk_prob=True), "norm_topk_prob is True"),
    "another choice of experts": ("deepseek_v2", lambda f: edit(f, topk_method="noaux"), "topk_method is 'noaux'"),
    "another score of experts": ("deepseek_v2", lambda f: edit(f, scoring_func="sigmoid"), "scoring_func is 'sigmoid'"),
    "a missing expert": ("deepseek_v2", lambda f: change(f, EXPERT, None), f"1 weights are missing, {EXPERT}"),
}  # fmt: skip


@pytest.mark.parametrize("what", list(BROKEN))
def test_what_cannot_be_taken_is_refused_by_its_name(tmp_path: Path, what: str) -> None:
    name, harm, message = BROKEN[what]
    folder = save(name, tmp_path / "model")
    harm(folder)
    chosen = "incoder" if what == "another format" else FORMATS[name].name
    with pytest.raises(Refused, match=message):
        importing.import_model(importing.read(folder, chosen), tmp_path / "c", "model", 96, keep=2)
    assert not folders(tmp_path / "c")


def test_a_model_without_sentinels_is_taken_left_to_right_where_that_is_asked_for(tmp_path: Path) -> None:
    folder = save("gpt2", tmp_path)
    with pytest.raises(Refused, match=r"sentinels of no known infilling format.*plain is for"):
        importing.read(folder)
    assert importing.read(folder, "plain").format.orders == ()


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path) -> None:
    folder = save("deepseek_v2", tmp_path / "model")
    (folder / "modeling_own.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')\n")
    edit(folder, auto_map={"AutoModelForCausalLM": "modeling_own.Own", "AutoConfig": "modeling_own.Own"})
    importing.import_model(importing.read(folder), tmp_path / "c", "model", 96, keep=2)
    build.assembled((foreign := importing.read(folder)).spec, {n: p.load() for n, p in foreign.places.items()})
    path = latest(tmp_path / "c")
    assert path is not None and not (tmp_path / "run").exists() and not (path / "modeling_own.py").exists()


@ALL
def test_training_is_refused_with_what_to_do(name: str, config: Path, tmp_path: Path) -> None:
    """Before anything is imported, with a checkpoint there, and by the trainer itself."""
    folder = save(name, tmp_path / "model")
    settings = config.read_text().replace("plain", FORMATS[name].name)
    config.write_text(settings.replace("[model]", f'[model]\nweights = "{folder}"'))
    sentence = f"{name} is served and evaluated through transformers, and not trained here: `midstream serve` serves it"
    done = run(config, "train")
    assert done.exit_code == 1 and sentence in done.output, done.output
    assert not folders(tmp_path / "state/checkpoints")
    config.write_text(settings)
    assert run(config, "models", "import", str(folder)).exit_code == 0
    done = run(config, "train")
    assert done.exit_code == 1 and sentence in done.output and "a new checkpoint folder" in done.output
    assert all(kind in done.output for kind in TRAINED)
    contents = load_all(folders(tmp_path / "state/checkpoints")[0])
    manifest = contents.manifest
    with pytest.raises(Refused, match="not trained here"):
        Trainer(
            manifest.model, QUICK, ListFeed(examples(2)), tmp_path / "c", contents.tokenizer, manifest.format,
            resume=contents,
        )  # fmt: skip
    with pytest.raises(Refused, match="not trained here"):
        build.decoder(manifest.model)


def test_up_is_refused_too(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace("[model]", f'[model]\nweights = "{save("gpt2", tmp_path / "model")}"'))
    subprocess.run(["git", "init", "-q", str(tmp_path / "repository")], check=True)
    done = run(config, "up", "--git", str(tmp_path / "repository"))
    assert done.exit_code == 1 and "gpt2 is served and evaluated through transformers" in done.output, done.output


@pytest.mark.parametrize("command", ["import", "show"])
def test_without_the_extra_it_says_what_to_install(config: Path, tmp_path: Path, command: str) -> None:
    """In a process of its own, where the package cannot be found; the native families do without it."""
    folder = save("gpt2", tmp_path / "model")
    if command == "show":
        assert run(config, "models", "import", str(folder)).exit_code == 0
        folder = folders(tmp_path / "state/checkpoints")[0]
    code = "import sys; sys.modules['transformers'] = None; from midstream.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "models", command, str(folder), "--config", str(config)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "which is not installed: pip install 'midstream[transformers]'" in done.stderr


def test_a_server_without_the_extra_says_so(config: Path, tmp_path: Path) -> None:
    assert run(config, "models", "import", str(save("gpt2", tmp_path / "model"))).exit_code == 0
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "from model.loading import load_model\nfrom model.manifest import CheckpointError\nfrom pathlib import Path\n"
        "try: load_model(Path(sys.argv[1]))\nexcept CheckpointError as error: print(error)"
    )
    path = folders(tmp_path / "state/checkpoints")[0]
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("step-00000000 cannot be used: ") and "midstream[transformers]" in done.stdout


def test_native_families_import_no_transformers() -> None:
    code = (
        "import sys; import server.served, model.importing, model.families.build, midstream.models.weights\n"
        "assert 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
