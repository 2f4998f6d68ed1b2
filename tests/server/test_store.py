"""Checkpoints in an object store: what is served is brought, held against its sums, and followed."""

from __future__ import annotations

import json
import logging
import shutil
import stat
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
from click.testing import CliRunner

from midstream.cli import main
from model import choice
from model.manifest import FEED, MANIFEST, OPTIMIZER, TOKENIZER, WEIGHTS, folders, read_manifest
from server import store as stores
from server.client import Client
from server.reload import Failure, Watcher
from server.served import Served
from server.settings import Serve, is_url
from server.store import Closed, Store, StoreError, opened, shown
from tests.support.models.adapting import begun, trained
from tests.support.models.tiny import write_checkpoint


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "POLL_S", 0.0)


class Following:
    """A store in memory that a folder is copied into, and a watcher of it."""

    def __init__(self, root: Path) -> None:
        self.source, self.copy = root / "source", root / "copy"
        self.source.mkdir(exist_ok=True)
        self.url = f"memory://{uuid4().hex}/models"
        self.fs, self.path = opened(self.url)
        self.fs.makedirs(self.path)
        self.offered: list[Served] = []
        self.told: list[Failure | None] = []
        self.store = Store(self.url, self.copy)
        self.watcher = Watcher(self.copy, self.offered.append, self.told.append, store=self.store)

    def write(self, step: int, seed: int = 0) -> None:
        write_checkpoint(self.source, step, seed)
        self.push(f"step-{step:08d}")

    def push(self, name: str) -> None:
        """The manifest last."""
        paths = sorted((self.source / name).iterdir(), key=lambda path: path.name == MANIFEST)
        for path in paths:
            self.put(f"{name}/{path.name}", path.read_bytes())

    def put(self, file: str, data: bytes) -> None:
        self.fs.makedirs(f"{self.path}/{file}".rpartition("/")[0], exist_ok=True)
        self.fs.pipe_file(f"{self.path}/{file}", data)

    def look(self) -> list[int]:
        """Steps of what was offered so far."""
        self.watcher.look()
        return [served.manifest.step for served in self.offered]


@pytest.fixture
def following(tmp_path: Path) -> Following:
    return Following(tmp_path)


def test_the_newest_is_brought_and_followed(following: Following) -> None:
    assert following.look() == [] and not following.told
    following.write(1)
    assert following.look() == [1]
    following.write(2, seed=1)
    following.write(10, seed=2)
    assert following.look() == following.look() == [1, 10]
    assert [path.name for path in folders(following.copy)] == ["step-00000001", "step-00000010"], "2 was never needed"
    here = following.copy / "step-00000010"
    names = {path.name for path in here.iterdir()}
    assert {MANIFEST, TOKENIZER, WEIGHTS} <= names and not names & {FEED, OPTIMIZER}
    assert stat.S_IMODE(following.copy.stat().st_mode) == 0o700
    following.write(11, seed=3)
    assert following.look() == [1, 10, 11]
    assert [path.name for path in folders(following.copy)] == ["step-00000010", "step-00000011"]
    assert not list(following.copy.glob(".incoming-*"))


def test_what_is_here_already_is_not_brought_again(following: Following, caplog: pytest.LogCaptureFixture) -> None:
    following.write(1)
    assert following.look() == [1]
    again = Store(following.url, following.copy)
    with caplog.at_level(logging.INFO):
        again.refresh(threading.Event())
    assert again.trouble is None and "bringing" not in caplog.text


def test_one_whose_manifest_has_not_come_is_unfinished(following: Following) -> None:
    following.write(1)
    write_checkpoint(following.source, 2, seed=1)
    following.put(f"step-00000002/{WEIGHTS}", b"half")
    assert following.look() == [1] and not following.told
    following.push("step-00000002")
    assert following.look() == [1, 2]


@pytest.mark.parametrize("harm", [b"other", None], ids=["other bytes", "missing"])
def test_a_torn_one_is_named_and_taken_when_it_is_mended(
    following: Following, harm: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    following.write(1)
    assert following.look() == [1]
    following.write(2, seed=1)
    weights = f"{following.path}/step-00000002/{WEIGHTS}"
    whole = following.fs.cat_file(weights)
    following.fs.rm(weights) if harm is None else following.fs.pipe_file(weights, harm)
    with caplog.at_level(logging.INFO, "midstream.server"):
        assert following.look() == following.look() == [1]
    assert following.watcher.trouble.startswith(f"{following.url}: step-00000002")
    (failure,) = following.told
    assert failure is not None and failure.kind == "damaged" and failure.name == following.url
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1
    assert caplog.text.count("bringing step-00000002") == (harm is not None), "it is not brought again as it is"
    following.fs.pipe_file(weights, whole)
    assert following.look() == [1, 2] and following.told[1:] == [None] and not following.watcher.trouble


def test_one_that_cannot_be_served_leaves_an_older_one(following: Following) -> None:
    """Also for a server that begins then."""
    following.write(1)
    for step in (2, 3, 4):
        following.write(step, seed=step)
        keys = json.loads((following.source / f"step-{step:08d}" / MANIFEST).read_text())
        keys["context"] = 10**9
        following.put(f"step-{step:08d}/{MANIFEST}", json.dumps(keys).encode())
    for _ in range(5):
        following.look()
    assert following.look() == [1] and following.watcher.kind == "damaged"
    assert "step-00000001" in {path.name for path in folders(following.copy)}
    following.write(5, seed=5)
    assert following.look() == [1, 5] and not following.watcher.trouble


def test_a_store_that_is_away_leaves_the_model_that_is_served(
    following: Following, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    following.write(1)
    assert following.look() == [1]

    def away(*_: object, **__: object) -> None:
        raise TimeoutError("https://ann:secret@store does not answer")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR, "midstream.server"):
        patched.setattr(following.fs, "ls", away)
        assert following.look() == following.look() == [1]
    (failure,) = following.told
    assert failure is not None and failure.kind == "store"
    assert failure.reason == "TimeoutError: https://store does not answer" and len(caplog.records) == 1
    following.write(2, seed=1)
    assert following.look() == [1, 2] and following.told[1:] == [None]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}/none", tmp_path / "copy")
    store.refresh(threading.Event())
    assert str(store.trouble) == "there is no such folder"


def test_a_roll_back_is_followed(following: Following) -> None:
    for step in (1, 2, 3, 4):
        following.write(step, seed=step)
    assert following.look() == [4]
    version = read_manifest(following.source / "step-00000001").model_version
    choice.write(following.source, pinned=version)
    following.put(choice.FILE, (following.source / choice.FILE).read_bytes())
    assert following.look() == [4, 1]
    following.write(5, seed=5)
    assert following.look() == [4, 1]
    following.fs.rm(f"{following.path}/{choice.FILE}")
    assert following.look() == [4, 1, 5]


def test_an_adapter_brings_its_base(following: Following) -> None:
    begun(following.source)
    for _ in range(2):
        name = trained(following.source, steps=2).name
        following.push("step-00000000")
        following.push(name)
        following.look()
        assert not following.watcher.trouble
    assert len(following.offered) == 2
    assert "step-00000000" in {path.name for path in folders(following.copy)}


def test_a_manifest_may_not_name_a_file_elsewhere(following: Following) -> None:
    following.write(1)
    text = following.fs.cat_file(f"{following.path}/step-00000001/{MANIFEST}").decode()
    following.put(f"step-00000001/{MANIFEST}", text.replace(f'"{TOKENIZER}"', '"../../evil"').encode())
    assert following.look() == []
    assert following.watcher.trouble.endswith("'../../evil' is no name of a file")
    assert not (following.copy.parent / "evil").exists()


def test_what_is_brought_is_left_when_the_server_ends(following: Following) -> None:
    following.write(1)
    closing = threading.Event()
    closing.set()
    manifest = read_manifest(following.source / "step-00000001")
    with pytest.raises(Closed):
        following.store._bring("step-00000001", manifest, following.store._listed("step-00000001"), closing)
    following.store.refresh(closing)
    assert not list(following.copy.iterdir()) and following.store.trouble is None


def test_a_store_that_is_not_known_is_refused() -> None:
    with pytest.raises(StoreError, match="no store is known as nowhere://"):
        opened("nowhere://x/y")
    assert shown("ftp://ann:pw@host/x") == "ftp://host/x"
    with pytest.raises(ValueError, match="follow must be empty or a URL"):
        Serve(follow="models")
    assert is_url("s3://bucket/models") and not is_url("/models") and not is_url("C:/models")
    assert fsspec.get_filesystem_class("memory")


def test_the_program_follows_a_store(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "remote", 1)
    (tmp_path / "midstream.toml").write_text(
        f'[paths]\ncache = "{tmp_path}/cache"\nstate = "{tmp_path}/state"\n'
        f'[serve]\nfollow = "file://{tmp_path}/remote"\n'
    )
    program = subprocess.Popen(
        [sys.executable, "-c", "from midstream.cli import main; main()", "serve", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    with program:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line.rstrip().endswith(f"following file://{tmp_path}/remote"), line
        assert program.stdout.readline().startswith("ready: step-00000001-")
        with Client(line.split(",")[0].removeprefix("listening on ")) as client:
            assert client.model().step == 1
        shutil.rmtree(tmp_path / "remote")
        program.terminate()
    assert program.returncode == 0


def command(*arguments: object) -> str:
    done = CliRunner().invoke(main, ["models", "push", *map(str, arguments)])
    return f"{done.exit_code} {done.output}"


def test_what_is_pushed_is_followed(following: Following) -> None:
    source = ("--checkpoints", following.source)
    assert command(following.url, *source) == f"1 Error: {following.source} has no checkpoint to be served yet\n"
    assert "URL is a folder in a store" in command(following.source, *source)
    assert "no store is known as nowhere://" in command("nowhere://x", *source)
    versions = [write_checkpoint(following.source, step, seed=step) for step in (1, 2)]
    assert command(following.url, *source).startswith(f"0 pushing {versions[1]}, ")
    assert following.look() == [2]
    assert command(following.url, *source) == "0 ", "it is there"
    choice.write(following.source, pinned=versions[0])
    assert f"pushing {versions[0]}" in command(following.url, *source)
    assert following.look() == [2, 1]
    choice.write(following.source)
    for step in (3, 4, 5):
        write_checkpoint(following.source, step, seed=step)
        command(following.url, "--whole", *source)
    assert following.look() == [2, 1, 5]
    there = {path.rpartition("/")[2] for path in following.fs.ls(following.path, detail=False)}
    assert there == {choice.FILE, "step-00000003", "step-00000004", "step-00000005"}
    assert following.fs.exists(f"{following.path}/step-00000005/{FEED}")


def test_an_adapter_is_pushed_with_its_base(following: Following) -> None:
    begun(following.source)
    for _ in range(5):
        trained(following.source, steps=1)
        assert command(following.url, "--checkpoints", following.source).startswith("0 pushing")
        following.look()
        assert not following.watcher.trouble
    assert len(following.offered) == 5 and following.fs.exists(f"{following.path}/step-00000000/{WEIGHTS}")


def test_a_store_that_is_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    store = Store("ftp://127.0.0.1:1/models", tmp_path / "copy")
    store.refresh(threading.Event())
    assert isinstance(store.trouble, stores.Away) and "refused" in str(store.trouble).lower()


def test_a_plain_server_of_files_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows no ranges, and lists neither sizes nor times: what is mended is seen when it is tried again."""
    monkeypatch.setattr(stores, "AGAIN_S", 0.0)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "remote"))
    write_checkpoint(tmp_path / "remote", 1)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        store = Store(f"http://127.0.0.1:{server.server_address[1]}", tmp_path / "copy")
        store.refresh(threading.Event())
        assert store.trouble is None
        write_checkpoint(tmp_path / "remote", 2, seed=1)
        weights = tmp_path / "remote" / "step-00000002" / WEIGHTS
        whole = weights.read_bytes()
        weights.write_bytes(b"torn")
        store.refresh(threading.Event())
        assert "is not what was written" in str(store.trouble)
        weights.write_bytes(whole)
        store.refresh(threading.Event())
        assert store.trouble is None
        server.shutdown()
    assert [path.name for path in folders(tmp_path / "copy")] == ["step-00000001", "step-00000002"]
