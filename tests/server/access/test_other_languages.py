"""A client in another language, by its own gRPC, over TLS and with a token; and what `buf` says of the contract."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import grpc
import trustme
from grpc_health.v1 import health_pb2

from server.access.config import Access
from server.access.secure import Secure
from server.app import ServeConfig, Server
from server.client import AsyncClient
from tests.support.models.llamacpp import program
from tests.support.models.tiny import texts, write_checkpoint
from tests.support.programs import npm
from tests.tree import ROOT

PACKAGES = {"@grpc/grpc-js": "1.14.7", "@grpc/proto-loader": "0.8.1"}
BUF = {"@bufbuild/buf": "1.75.0"}
PREFIX, SUFFIX, MOST = texts()[20][:9], texts()[20][60:90], 24
HEALTH = """syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
service Health { rpc Check(HealthCheckRequest) returns (HealthCheckResponse); }
"""
"""As every client of gRPC has it."""

pytestmark = npm.needed


def test_the_contract_is_as_buf_wants_it() -> None:
    """Its STANDARD rules, by which other languages' generators go."""
    folder = npm.packages("buf", BUF, optional=True)
    done = subprocess.run([folder / "node_modules/.bin/buf", "lint"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_node_asks_as_python_does(tmp_path: Path, tokens: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key"))
    (tmp_path / "certificate").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (tmp_path / "health.proto").write_text(HEALTH)
    write_checkpoint(tmp_path / "c", 1)
    access = Access(tokens, tmp_path / "certificate", tmp_path / "key")
    server = Server(ServeConfig(tmp_path / "c", "127.0.0.1:0", grace_s=0.2, access=access))
    await server.start()
    try:
        await asyncio.wait_for(server.ready(), 300)
        async with AsyncClient(server.address, Secure("token-of-free", tmp_path / "ca")) as rpc:
            own = await rpc.complete(PREFIX, SUFFIX, max_tokens=MOST)
            score = await rpc.score(PREFIX, "x")
        job = {
            "address": server.address, "ca": str(tmp_path / "ca"), "token": "token-of-free", "prefix": PREFIX,
            "suffix": SUFFIX, "most": MOST, "seed": str(2**63 - 1), "protos": str(ROOT / "server/rpc"),
            "health": str(tmp_path),
        }  # fmt: skip
        folder = await asyncio.to_thread(npm.packages, "grpc-js", PACKAGES)
        command = [str(program("node")), str(Path(__file__).with_name("client.mjs")), str(folder), json.dumps(job)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)
        async with asyncio.timeout(60):
            while server.engine.active:
                await asyncio.sleep(0.01)
    finally:
        await server.stop()
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert (got["text"], got["version"]) == (own.text, own.model_version) and own.text
    assert got["finish"][-1] == f"FINISH_REASON_{own.finish.name}"
    assert set(got["finish"][:-1]) <= {"FINISH_REASON_UNSPECIFIED"}
    assert got["seeded"][0] == got["seeded"][1] != own.text
    assert got["cancelled"] == {"code": "CANCELLED", "details": "Cancelled on client", "responses": 1}
    assert got["score"]["logprobs"] == list(score.logprobs)
    assert [model["name"] for model in got["models"]] == ["midstream"] == [got["model"]["name"]]
    assert got["unknown"]["code"] == "NOT_FOUND" and "no model 'nowhere'" in got["unknown"]["details"]
    assert got["wrong"]["code"] == "INVALID_ARGUMENT" and "temperature is 0" in got["wrong"]["details"]
    for refused in ("stranger", "nobody"):
        assert got[refused]["code"] == grpc.StatusCode.UNAUTHENTICATED.name
        assert "a token is needed" in got[refused]["details"]
    assert health_pb2.HealthCheckResponse.ServingStatus.Value(got["health"]["status"]) == 1
    assert got["plain"]["code"] == "UNAVAILABLE"
