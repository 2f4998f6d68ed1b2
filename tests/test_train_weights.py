"""`[model] weights` through the whole path: served before any training, and trained on the stream."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import torch
from foreign import VOCAB, model, save
from tiny import tokenizer

from midstream.settings import load
from midstream.weights import begin, warning
from model.checkpoint import load_model
from model.manifest import folders, latest, read_manifest
from server.app import ServeConfig, Server
from server.client import AsyncClient
from streams.kafka.connection import Connection
from tests.crew import Crew, files, python

NAME = "qwen2, default"


def configured(crew: Crew, weights: Path) -> None:
    text = crew.config.read_text().replace("context = 256", f'context = 128\nweights = "{weights}"')
    crew.config.write_text(text + "[train]\nlearning_rate = 1e-3\nwarm_up_steps = 1\n[feed]\nidle_s = 0.1\n")


async def completes(folder: Path) -> str:
    """The version of the model that answers."""
    server = Server(ServeConfig(folder, listen="127.0.0.1:0", grace_s=0.2))
    await server.start()
    try:
        await asyncio.wait_for(server.ready(), 30)
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
        assert crew.run("audit").exit_code == 0
        decoder, _, _ = load_model(trained)
        before = model(name).get_input_embeddings().weight.detach()
        assert decoder.tokens.weight.dtype == torch.float32 and not torch.equal(decoder.tokens.weight, before)
        assert asyncio.run(completes(checkpoints)) == manifest.model_version


def test_other_weights_than_those_that_it_began_with_are_named(tmp_path: Path) -> None:
    config = tmp_path / "midstream.toml"
    text = f'[paths]\nstate = "{tmp_path / "state"}"\n[model]\ncontext = 96\n'
    config.write_text(text + f'weights = "{save(NAME, tmp_path / "one")}"\n')
    begin(load(config), print)
    config.write_text(text + f'weights = "{tmp_path / "two"}"\n')
    assert "did not begin with" in warning(load(config)) and "but with one" in warning(load(config))
    assert tokenizer().vocab_size < VOCAB
