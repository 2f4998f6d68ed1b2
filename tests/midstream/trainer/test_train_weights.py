"""`[model] weights` through the whole path: served before any training, and trained on the stream."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from midstream.models.weights import begin, warning
from midstream.settings import load
from model.loading import load_model
from model.manifest import folders, latest, read_manifest
from server.app import ServeConfig, Server
from server.client import AsyncClient
from streams.kafka.connection import Connection
from tests.support.models.foreign import VOCAB, AutoModelForCausalLM, model, save
from tests.support.models.tiny import tokenizer
from tests.support.programs.crew import Crew, files, python

NAME = "qwen2, default"


def configured(crew: Crew, weights: Path) -> None:
    text = crew.config.read_text().replace("context = 256", f'context = 128\nweights = "{weights}"')
    crew.config.write_text(text + "[train]\nlearning_rate = 1e-3\nwarm_up_steps = 1\n[feed]\nidle_s = 0.1\n")


async def completes(folder: Path) -> str:
    """The version of the model that answers."""
    server = Server(ServeConfig(folder, listen="127.0.0.1:0", grace_s=0.2))
    await server.start()
    try:
        await asyncio.wait_for(server.ready(), 300)
        async with AsyncClient(server.address) as client:
            return (await client.complete("def f(", ")", path="a.py", max_tokens=4)).model_version
    finally:
        await server.stop()


@pytest.mark.broker
@pytest.mark.parametrize("name", [NAME, "starcoder2, no bias", "gpt_bigcode, MHA"])
def test_brought_weights_are_served_at_once_and_trained_on(connection: Connection, tmp_path: Path, name: str) -> None:
    weights = save(name, tmp_path / "model", torch.bfloat16)
    with Crew(connection, tmp_path / "state") as crew:
        (tmp_path / "state/tokenizer.json").unlink()
        configured(crew, weights)
        said: list[str] = []
        assert begin(load(crew.config), said.append) is not None and "format starcoder" in said[0]
        assert begin(load(crew.config), said.append) is None and warning(load(crew.config)) == ""
        checkpoints = tmp_path / "state/checkpoints"
        first = folders(checkpoints)[0]
        assert asyncio.run(completes(checkpoints)) == read_manifest(first).model_version
        crew.start()
        crew.produce("files", [files([python(n) for n in range(12)])])
        crew.drain()
        done = crew.run("train", "--until-drained")
        assert done.exit_code == 0, done.output
        crew.stop()
        trained = latest(checkpoints)
        assert trained is not None
        manifest = read_manifest(trained)
        assert manifest.step > 0 and manifest.tokens > 0 and manifest.imported == "model" and manifest.length == 128
        assert manifest.came_from == read_manifest(first).came_from and manifest.dtype == "bfloat16"
        assert crew.run("audit").exit_code == 0
        decoder, _, _ = load_model(trained)
        before = model(name).get_input_embeddings().weight.detach()
        assert decoder.tokens.weight.dtype == torch.float32 and not torch.equal(decoder.tokens.weight, before)
        assert asyncio.run(completes(checkpoints)) == manifest.model_version
        for given, dtype in (([], torch.bfloat16), (["--dtype", "float32"], torch.float32)):
            out = tmp_path / f"out{len(given)}"
            assert crew.run("models", "export", "--to", "hf", str(out), *given).exit_code == 0
            written = AutoModelForCausalLM.from_pretrained(out)
            assert written.dtype == dtype and json.loads((out / "config.json").read_text())["dtype"] in str(dtype)
            own = decoder.tokens.weight.to(dtype)
            assert torch.equal(written.get_input_embeddings().weight, own)


def test_other_weights_than_those_that_it_began_with_are_named(tmp_path: Path) -> None:
    """Two folders of one name and one shape are two models; a folder that was moved is the same one."""
    config = tmp_path / "midstream.toml"
    text = f'[paths]\nstate = "{tmp_path / "state"}"\n[model]\ncontext = 96\n'

    def said(weights: Path | str) -> str:
        config.write_text(text + f'weights = "{weights}"\n')
        return warning(load(config))

    one, other = (save(NAME, tmp_path / name / "model") for name in "ab")
    path = other / "model.safetensors"
    save_file({name: t * 1.5 for name, t in load_file(path).items()}, path, metadata={"format": "pt"})
    config.write_text(text + f'weights = "{one}"\n')
    begin(load(config), print)
    assert said(one) == "" and said(tmp_path / "b/../a/model") == ""
    assert "did not begin with" in said(other) and f"but with model ({one})" in said(other)
    one.rename(tmp_path / "moved")
    assert said(tmp_path / "moved") == "" and said(one) == "", "the same weights, and a folder that is gone"
    for name in (tmp_path / "two/model", "hf:org/model", "hf:org/model@v1"):
        assert "did not begin with" in said(name)
    assert tokenizer().vocab_size < VOCAB


@pytest.mark.parametrize("command", ["train", "serve"])
def test_train_and_serve_say_that_they_go_on_with_other_weights(tmp_path: Path, command: str) -> None:
    """Each in a process of its own that ends for want of something else: a broker, an address."""
    config = tmp_path / "midstream.toml"
    text = f'[kafka]\nbrokers = "127.0.0.1:1"\n[paths]\nstate = "{tmp_path / "state"}"\n[model]\ncontext = 96\n'
    config.write_text(text + f'weights = "{save(NAME, tmp_path / "one")}"\n')
    begin(load(config), print)
    config.write_text(text + 'weights = "hf:org/model"\n')
    more = ["--listen", "nowhere"] if command == "serve" else []
    argv = [sys.executable, "-u", "-m", "midstream", command, "--config", str(config), *more]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as program:
        assert program.stderr is not None
        line = next((line for line in program.stderr if "did not begin with" in line), "")
        program.terminate()
    assert "[model] weights = 'hf:org/model' but with one" in line


def test_serve_imports_weights_without_torch_in_its_own_process(tmp_path: Path) -> None:
    """At the start that imports them, and at the next, which says whether they are the same."""
    config = tmp_path / "midstream.toml"
    text = f'[paths]\nstate = "{tmp_path / "state"}"\n[model]\ncontext = 96\n'
    config.write_text(text + f'weights = "{save(NAME, tmp_path / "one")}"\n')
    code = (
        "import sys; from midstream.cli import main\n"
        f"try: main(['serve', '--config', {str(config)!r}, '--listen', 'nowhere'])\n"
        "finally: print('torch' in sys.modules)"
    )
    for said in ("training goes on from it", ""):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "--listen must be host:port" in done.stderr and said in done.stdout
        assert done.stdout.endswith("False\n")
