"""The server's watcher: whatever is wrong with a checkpoint, it is said once and tried again when that can help."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import shutil
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from math import inf
from pathlib import Path

import grpc
import httpx
import msgspec
import pytest
import torch
from grpc_health.v1 import health_pb2, health_pb2_grpc
from safetensors.torch import save

from model import choice, ram
from model.checkpoint import write_revision
from model.loading import load_all
from model.manifest import MANIFEST, TOKENIZER, WEIGHTS, read_manifest
from server import reload
from server.access.config import Access
from server.app import CHECKPOINTS, ServeConfig, Server
from server.reload import Failure, Watcher
from server.served import Served, load
from tests.support.models.tiny import write_checkpoint


def said(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """The server's own lines: a library's thread of another test may speak at any time."""
    return [record for record in caplog.records if record.name == "midstream.server"]


class Watching:
    """A watcher, what it offered and what it told."""

    def __init__(self, root: Path, retry_s: float = 1e9) -> None:
        self.offered: list[Served] = []
        self.told: list[Failure | None] = []
        self.watcher = Watcher(root, self.offered.append, self.told.append, retry_s)

    def look(self) -> list[int]:
        """Steps of what was offered so far."""
        self.watcher.look()
        return [served.manifest.step for served in self.offered]


def with_context(path: Path) -> None:
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["model"]["context"] = 10**9
    (path / MANIFEST).write_text(json.dumps(manifest))


def with_nan(path: Path) -> None:
    weights = load_all(path).weights
    weights["norm.weight"] = torch.full_like(weights["norm.weight"], float("nan"))
    (path / WEIGHTS).write_bytes(save(weights))
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["sha256"][WEIGHTS] = sha256((path / WEIGHTS).read_bytes()).hexdigest()
    (path / MANIFEST).write_text(json.dumps(manifest))


def with_other(path: Path, **changes: object) -> None:
    """Fields of the manifest's `model` are others."""
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["model"] |= changes
    (path / MANIFEST).write_text(json.dumps(manifest))


def with_long_examples(path: Path) -> None:
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**manifest, "context": 10**9}))


def without_sentinel(path: Path) -> None:
    keys = json.loads((path / TOKENIZER).read_text())
    keys["added_tokens"] = [one for one in keys["added_tokens"] if one["content"] != "<fim_suffix>"]
    (path / TOKENIZER).write_text(json.dumps(keys))
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["sha256"][TOKENIZER] = sha256((path / TOKENIZER).read_bytes()).hexdigest()
    (path / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("harm", "kind", "reason"),
    [
        (with_context, "damaged", "not of the manifest's shape"),
        (with_nan, "damaged", "not finite numbers: norm.weight"),
        (with_long_examples, "damaged", "examples of 1,000,000,000 tokens, of a model that has 128"),
        (
            partial(with_other, family="mamba"),
            "family",
            "of the family 'mamba', and these are known: gpt_bigcode",
        ),
        (partial(with_other, vocab=100), "sentinels", "the tokenizer has 320 ids, and the model 100"),
        (without_sentinel, "sentinels", "the tokenizer has no <fim_suffix>: it is not one for the format starcoder"),
    ],
    ids=["context", "nan", "examples", "family", "ids", "sentinels"],
)
def test_a_damaged_one_is_named_and_the_model_stays(
    tmp_path: Path, caplog, harm: Callable[[Path], None], kind: str, reason: str
) -> None:
    watching = Watching(tmp_path)
    write_checkpoint(tmp_path, 1)
    assert watching.look() == [1] and watching.told == []
    write_checkpoint(tmp_path, 2)
    harm(tmp_path / "step-00000002")
    with caplog.at_level(logging.ERROR, "midstream.server"):
        assert watching.look() == watching.look() == [1]
    assert len(said(caplog)) == 1 and reason in caplog.text
    (failure,) = watching.told
    assert failure is not None and failure.name == "step-00000002" and reason in failure.reason
    assert failure.kind == kind
    write_checkpoint(tmp_path, 3)
    assert watching.look() == [1, 3] and watching.told[-1] is None


def test_one_that_is_too_large_for_memory_is_tried_again(tmp_path: Path, monkeypatch) -> None:
    watching = Watching(tmp_path, retry_s=0)
    write_checkpoint(tmp_path, 1)
    assert watching.look() == [1]
    write_checkpoint(tmp_path, 2)
    with monkeypatch.context() as patched:
        patched.setattr(ram, "available", lambda: 100_000_000)
        assert watching.look() == watching.look() == [1]
    (failure,) = {failure.reason: failure for failure in watching.told if failure}.values()
    assert failure.kind == "memory" and failure.again_at < inf
    assert failure.reason == "step-00000002 has 0 million weights, which need 0.6 GB of memory, and 0.1 GB are there"
    assert watching.look() == [1, 2] and watching.told[-1] is None


def test_a_folder_without_manifest_is_not_finished(tmp_path: Path, caplog) -> None:
    write_checkpoint(tmp_path / "from", 5)
    source, target = tmp_path / "from" / "step-00000005", tmp_path / "to" / "step-00000005"
    target.mkdir(parents=True)
    watching = Watching(tmp_path / "to")
    for file in sorted((f.name for f in source.iterdir()), key=lambda name: name == MANIFEST):
        assert watching.look() == []
        shutil.copyfile(source / file, target / file)
    assert watching.look() == [5] and not said(caplog) and not watching.told


def test_a_folder_whose_manifest_comes_first_is_tried_when_it_changes(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "from", 5)
    source, target = tmp_path / "from" / "step-00000005", tmp_path / "to" / "step-00000005"
    target.mkdir(parents=True)
    watching = Watching(tmp_path / "to")
    for file in (MANIFEST, WEIGHTS, TOKENIZER):
        assert watching.look() == []
        shutil.copyfile(source / file, target / file)
        if file == WEIGHTS:
            (target / file).write_bytes(b"half")
            watching.look()
            shutil.copyfile(source / file, target / file)
    assert watching.look() == [5] and watching.told[-1] is None


@pytest.mark.parametrize(
    "error", [RuntimeError("can't allocate memory"), MemoryError(), OSError(errno.EMFILE, "Too many open files")]
)
def test_where_the_machine_is_at_fault_it_is_tried_again(tmp_path: Path, monkeypatch, caplog, error: Exception) -> None:
    def fails(path: Path) -> Served:
        raise error

    write_checkpoint(tmp_path, 1)
    watching = Watching(tmp_path, retry_s=0.0)
    monkeypatch.setattr(watching.watcher, "load", fails)
    with caplog.at_level(logging.ERROR, "midstream.server"):
        assert watching.look() == watching.look() == []
    assert len(said(caplog)) == 1 and watching.watcher.failure is not None
    monkeypatch.setattr(watching.watcher, "load", load)
    assert watching.look() == [1] and watching.watcher.failure is None


def test_too_many_open_files_while_a_file_is_read_is_the_machine_s(tmp_path: Path, monkeypatch) -> None:
    write_checkpoint(tmp_path, 1)
    watching = Watching(tmp_path, retry_s=0.0)
    read = Path.read_bytes

    def fails(path: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    monkeypatch.setattr(Path, "read_bytes", fails)
    assert watching.look() == []
    monkeypatch.setattr(Path, "read_bytes", read)
    assert watching.look() == [1]


def test_the_thread_lives_on_when_the_folder_cannot_be_listed(tmp_path: Path, monkeypatch, caplog) -> None:
    watching = Watching(tmp_path)

    def fails(root: Path) -> list[Path]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(reload, "POLL_S", 0.01)
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR, "midstream.server"):
        broken.setattr(reload, "folders", fails)
        watching.watcher.start()
        while not said(caplog):
            time.sleep(0.01)
        time.sleep(0.1)
    assert len(said(caplog)) == 1
    write_checkpoint(tmp_path, 1)
    deadline = time.monotonic() + 300
    while not watching.offered and time.monotonic() < deadline:
        time.sleep(0.01)
    watching.watcher.close()
    assert [served.manifest.step for served in watching.offered] == [1]


def test_the_same_weights_are_not_loaded_again(tmp_path: Path, monkeypatch) -> None:
    """A checkpoint of the feed's state alone has the model's version of the one before."""
    write_checkpoint(tmp_path, 1)
    watching = Watching(tmp_path)
    assert watching.look() == [1]
    before = read_manifest(tmp_path / "step-00000001")
    write_revision(tmp_path, msgspec.structs.replace(before, revision=1), b"feed", before, 3)
    monkeypatch.setattr(watching.watcher, "load", None)
    assert watching.look() == watching.look() == [1] and watching.watcher.failure is None


def test_a_model_that_was_not_trained_is_not_served(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 0)
    watching = Watching(tmp_path)
    assert watching.look() == []
    write_checkpoint(tmp_path, 1)
    assert watching.look() == [1]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_chosen_version_that_is_gone_is_said(tmp_path: Path, is_first: bool) -> None:
    watching = Watching(tmp_path)
    write_checkpoint(tmp_path, 1)
    if not is_first:
        assert watching.look() == [1]
    choice.write(tmp_path, pinned="step-00000999-deadbeef")
    watching.look()
    assert watching.watcher.kind == "gone" and "no checkpoint in" in watching.watcher.trouble
    version = write_checkpoint(tmp_path, 2, seed=1)
    choice.write(tmp_path, pinned=version)
    assert watching.look()[-1] == 2 and watching.told[-1] is None
    (tmp_path / choice.FILE).write_text("{")
    watching.look()
    assert watching.watcher.kind == "damaged" and "cannot be read" in watching.watcher.trouble


async def test_health_says_that_the_newest_could_not_be_loaded(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1)
    server = Server(ServeConfig(tmp_path, "127.0.0.1:0", access=Access(metrics="127.0.0.1:0")))
    address = await server.start()
    await server.ready()
    status = health_pb2.HealthCheckResponse
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def said(name: str, wanted: int) -> None:
            while (await stub.Check(health_pb2.HealthCheckRequest(service=name))).status != wanted:
                await asyncio.sleep(0.05)

        await said(CHECKPOINTS, status.SERVING)
        write_checkpoint(tmp_path / "other", 2)
        (tmp_path / "other" / "step-00000002" / WEIGHTS).write_bytes(b"torn")
        (tmp_path / "other" / "step-00000002").rename(tmp_path / "step-00000002")
        await asyncio.wait_for(said(CHECKPOINTS, status.NOT_SERVING), 60)
        await asyncio.wait_for(said(f"{CHECKPOINTS}/midstream", status.NOT_SERVING), 60)
        await said("", status.SERVING)
        async with httpx.AsyncClient() as client:
            page = (await client.get(f"http://{server.metrics}/metrics")).text
        assert 'midstream_checkpoint_trouble{kind="damaged",model="midstream"} 1.0' in page
        write_checkpoint(tmp_path, 3)
        await asyncio.wait_for(said(CHECKPOINTS, status.SERVING), 60)
    await server.stop()
