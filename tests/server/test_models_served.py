"""Several models by name over one engine, and how likely they find a middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from math import log
from pathlib import Path

import pytest
import torch
from grpc_health.v1 import health_pb2

from midstream.settings import Settings
from model import weights
from model.loading import load_newest
from model.mapping import SettingsError, from_mapping
from server.app import ServeConfig, Server
from server.client import AsyncClient, ServerError
from server.prompt import build
from tests.support.models.tiny import texts, write_checkpoint

PREFIX = texts()[1][:60]
MIDDLE = texts()[1][60:100]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    write_checkpoint(tmp_path / "a", 1)
    write_checkpoint(tmp_path / "b", 40)
    server = Server(ServeConfig(tmp_path / "a", listen="127.0.0.1:0", models={"b": tmp_path / "b", "none": tmp_path}))
    await server.start()
    async with asyncio.timeout(300):
        while len(server.engine.models) < 2:
            await asyncio.sleep(0.02)
    yield server
    await server.stop()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.address) as client:
        yield client


async def test_each_answers_by_its_name(server: Server, client: AsyncClient) -> None:
    one, two = [await client.complete(PREFIX, max_tokens=12, model=name) for name in ("", "b")]
    assert one.model_version.startswith("step-00000001") and two.model_version.startswith("step-00000040")
    assert (await client.complete(PREFIX, max_tokens=12, model="midstream")).text == one.text
    with pytest.raises(ServerError, match="NOT_FOUND: no model 'c' is served here: there are 'midstream', 'b'"):
        await client.complete(PREFIX, model="c")
    with pytest.raises(ServerError, match="no checkpoint is loaded yet"):
        await client.complete(PREFIX, model="none")
    names = {info.name: info for info in await client.models()}
    assert list(names) == ["midstream", "b", "none"]
    assert [info.serving for info in names.values()] == [True, True, False]
    assert [info.trouble for info in names.values()] == ["", "", ""]
    assert (await client.model("b")).version == two.model_version == names["b"].version
    states = [server._health._server_status.get(f"midstream.models/{name}") for name in ("b", "none")]
    status = health_pb2.HealthCheckResponse
    assert states == [status.SERVING, status.NOT_SERVING]


async def test_they_stand_in_the_order_of_their_names_whichever_is_loaded_first(server: Server) -> None:
    loaded = dict(server.engine.models)
    server.engine.models = {}
    for name in reversed(loaded):
        server.engine.offer(loaded[name], name)
    assert list(server.engine.models) == ["midstream", "b"]


async def test_a_score_is_the_model_s_own(server: Server, client: AsyncClient, tmp_path: Path) -> None:
    """Against one forward of the whole in float32."""
    got = await client.score(PREFIX, MIDDLE, model="b")
    contents = load_newest(tmp_path / "b")
    assert contents is not None
    tokenizer, manifest = contents.tokenizer, contents.manifest
    decoder = weights.assemble(manifest.model, contents.mean or contents.weights).eval()
    prompt = build(manifest.format, tokenizer, "", PREFIX, "", manifest.length - manifest.length // 2)
    tail = tokenizer.encode((prompt.healed + MIDDLE.encode()).decode())
    ids = torch.tensor([[*prompt.ids, *tail]])
    with torch.no_grad():
        x = decoder.hidden(ids, torch.arange(ids.shape[1])[None], torch.zeros_like(ids, dtype=torch.int32))
        logits = (x @ decoder.head_weight.T / decoder.logit_divisor).log_softmax(-1)[0]
    expected = [logits[len(prompt.ids) + n - 1, token].item() for n, token in enumerate(tail)]
    written = len(prompt.healed)
    if written and len(tokenizer.bytes_of[tail[0]]) > written:
        agreeing = server.engine.models["b"].spellings.agreeing(prompt.healed)
        expected[0] -= logits[len(prompt.ids) - 1, agreeing].logsumexp(0).item()
    counted = [
        value for n, value in enumerate(expected) if sum(len(tokenizer.bytes_of[i]) for i in tail[: n + 1]) > written
    ]
    assert got.logprobs == pytest.approx(counted, abs=0.05)  # the server multiplies bytes
    assert got.bits_per_byte == pytest.approx(-sum(got.logprobs) / log(2) / len(MIDDLE.encode()))


async def test_a_score_beside_what_the_model_would_write(client: AsyncClient) -> None:
    """Its own answer has the log-probabilities that it was generated with."""
    own = await client.complete(PREFIX, max_tokens=6, logprobs=True, model="b")
    assert own.text
    scored = await client.score(PREFIX, own.text, model="b")
    n = len(scored.logprobs)
    assert scored.logprobs[1 : min(n, 3)] == pytest.approx(own.logprobs[1 : min(n, 3)], abs=1e-5)
    assert scored.logprobs[0] >= own.logprobs[0]  # among those that agree with what stands before the cursor


@pytest.mark.parametrize("middle", ["", "x = 1\n" * 400, "\ud800"])
async def test_a_middle_that_cannot_be_scored_is_refused(client: AsyncClient, middle: str) -> None:
    if middle == "\ud800":  # no such text can be sent
        with pytest.raises((ServerError, UnicodeEncodeError, ValueError)):
            await client.score(PREFIX, middle)
        return
    with pytest.raises(ServerError, match=r"INVALID_ARGUMENT: .*(middle is empty|scores at most)"):
        await client.score(PREFIX, middle)


async def test_text_in_other_scripts_is_scored_to_its_last_byte(client: AsyncClient) -> None:
    for prefix, middle in (("# Grüß", "e 世界"), ("x = '世", "界'\n"), ("", "é"), ("a" * 40, "<fim_middle>")):
        got = await client.score(prefix, middle, model="b")
        assert got.logprobs and all(value <= 0 for value in got.logprobs) and got.bits_per_byte > 0


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a", 1)
    server = Server(ServeConfig(tmp_path / "a", listen="127.0.0.1:0", models={"b": tmp_path / "typo"}))
    async with AsyncClient(await server.start()) as client:
        about = {info.name: info.trouble for info in await client.models()}
        assert about == {"midstream": "", "b": f"there is no folder {tmp_path / 'typo'}"}
        with pytest.raises(ServerError, match="no checkpoint is loaded yet for the model 'b'"):
            await client.complete(PREFIX, model="b")
    await server.stop()


def test_settings_name_the_others(tmp_path: Path) -> None:
    settings = from_mapping(Settings, {"serve": {"models": {"web": str(tmp_path)}}}, "x")
    assert settings.serve.models == {"web": str(tmp_path)}
    for name, said in (
        ("midstream", "give this one another name"), ("a b", "a name"), ("", "a name"), ("x" * 129, "a name"),
    ):  # fmt: skip
        with pytest.raises(SettingsError, match=f"models: .*{said}"):
            from_mapping(Settings, {"serve": {"models": {name: "y"}}}, "x")
