"""Several models over HTTP: each protocol names them in its own way, and refuses a wrong name in its own shape."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from server.app import ServeConfig, Server
from tests.support.models.tiny import texts, write_checkpoint

PREFIX = texts()[1][:60]
ASKED = (
    ("/v1/completions", {"prompt": PREFIX, "max_tokens": 8}),
    ("/v1/fim/completions", {"prompt": PREFIX, "max_tokens": 8}),
    ("/infill", {"input_prefix": PREFIX, "n_predict": 8}),
    ("/completion", {"prompt": PREFIX, "n_predict": 8}),
    ("/api/generate", {"prompt": PREFIX, "stream": False, "options": {"num_predict": 8}}),
)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Server]:
    write_checkpoint(tmp_path / "a", 1)
    write_checkpoint(tmp_path / "b", 40)
    config = ServeConfig(tmp_path / "a", listen="127.0.0.1:0", http="127.0.0.1:0", models={"team/b": tmp_path / "b"})
    server = Server(config)
    await server.start()
    async with asyncio.timeout(300):
        while len(server.engine.models) < 2:
            await asyncio.sleep(0.02)
    yield server
    await server.stop()


@pytest.fixture
async def http(two: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{two.http}", timeout=300) as client:
        yield client


@pytest.mark.parametrize(("route", "body"), ASKED)
async def test_each_answers_by_its_name(two: Server, http: httpx.AsyncClient, route: str, body: dict) -> None:
    jobs: list[str] = []
    submit = two.engine.submit

    def noted(prepared, emit):
        jobs.append(prepared.served.version)
        return submit(prepared, emit)

    two.engine.submit = noted
    for name, step in ((None, 1), ("midstream", 1), ("midstream:latest", 1), ("team/b", 40), ("team/b:latest", 40)):
        got = await http.post(route, json={**body, **({} if name is None else {"model": name})})
        assert got.status_code == 200 and jobs[-1].startswith(f"step-{step:08d}"), name
        if name == "team/b":
            assert got.json()["model"] == name


@pytest.mark.parametrize(("route", "body"), ASKED)
async def test_a_wrong_name_is_not_found(http: httpx.AsyncClient, route: str, body: dict) -> None:
    got = await http.post(route, json={**body, "model": "other"})
    assert got.status_code == 404 and "no model 'other' is served here: there are 'midstream', 'team/b'" in got.text
    assert (await http.post(route, json={**body, "model": 7})).status_code == 400


async def test_they_are_listed(http: httpx.AsyncClient) -> None:
    assert [m["id"] for m in (await http.get("/v1/models")).json()["data"]] == ["midstream", "team/b"]
    assert (await http.get("/v1/models/team/b")).json()["id"] == "team/b"
    assert (await http.get("/v1/models/other")).status_code == 404
    tags = (await http.get("/api/tags")).json()["models"]
    assert [m["name"] for m in tags] == ["midstream:latest", "team/b:latest"]
    assert (await http.post("/api/show", json={"model": "team/b:latest"})).status_code == 200
    assert (await http.post("/api/show", json={"name": "other"})).status_code == 404
