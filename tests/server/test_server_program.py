"""The commands that serve, check and complete, as programs of their own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from model import choice
from server.app import ServeConfig
from server.check import CannotServe, check
from server.client import Client
from server.rpc import infill_pb2
from tests.support.models.tiny import texts, write_checkpoint


def test_the_program_serves_and_ends_with_code_0(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c", 1)
    (tmp_path / "m.py").write_text(texts()[20])
    midstream = [sys.executable, "-c", "from midstream.cli import main; main()"]
    program = subprocess.Popen(
        [*midstream, "serve", "--checkpoints", str(tmp_path / "c"), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout is not None
        address = program.stdout.readline().split(",")[0].removeprefix("listening on ")
        assert program.stdout.readline().startswith("ready: step-00000001-")
        with Client(address) as client:
            text = client.complete(texts()[20][:9], texts()[20][9:], path="m.py").text
        shell = subprocess.run(
            [*midstream, "complete", f"{tmp_path}/m.py:1:10", "--server", address],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert shell.stdout == text + "\n"
        program.terminate()
    assert program.returncode == 0


def test_checking_says_how_fast_the_machine_is_and_ends(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c", 1)
    midstream = [sys.executable, "-c", "from midstream.cli import main; main()", "serve", "--check", "--checkpoints"]
    done = subprocess.run([*midstream, str(tmp_path / "c")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = dict(line.split(maxsplit=1) for line in done.stdout.replace("first token", "first").splitlines())
    assert list(found) == ["model", "memory", "first", "decoding", "key", "processor"]
    assert found["model"].startswith("step-00000001-") and int(found["memory"].split()[0]) > 50
    assert float(found["first"].split()[0]) > 0 and 0 < int(found["first"].split()[-2]) <= 128
    assert float(found["decoding"].split()[0]) > 0 and float(found["key"].split()[0]) > 0
    (tmp_path / "none").mkdir()
    lacking = subprocess.run([*midstream, str(tmp_path / "none")], capture_output=True, text=True)
    assert lacking.returncode == 1 and "Error: no checkpoint to serve in " in lacking.stderr


def test_checking_names_a_checkpoint_that_cannot_be_served(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1)
    (tmp_path / "step-00000001" / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(CannotServe, match=r"the checkpoint step-00000001 in .* cannot be served: "):
        asyncio.run(check(ServeConfig(tmp_path)))


def test_more_threads_than_any_machine_has_are_refused() -> None:
    midstream = [sys.executable, "-c", "from midstream.cli import main; main()", "serve", "--threads", "3000"]
    refused = subprocess.run(midstream, capture_output=True, text=True)
    assert refused.returncode == 2 and "3000 is not in the range 1<=x<=" in refused.stderr


def test_completing_without_a_server_is_one_sentence_and_code_1(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("x = 1\n")
    midstream = [sys.executable, "-c", "from midstream.cli import main; main()"]
    got = subprocess.run(
        [*midstream, "complete", f"{tmp_path}/m.py:1:3", "--server", "127.0.0.1:1"], capture_output=True, text=True
    )
    assert got.returncode == 1
    assert got.stderr == "Error: no completion server answers at 127.0.0.1:1; `midstream serve` starts one\n"


def test_the_client_imports_no_torch() -> None:
    code = "import server.client, sys; assert not {'torch', 'model'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_generated_modules_are_current(tmp_path: Path) -> None:
    root = Path(infill_pb2.__file__).parents[2]
    flags = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            "-Iserver/rpc=server/rpc/midstream/v1",
            *flags,
            "server/rpc/infill.proto",
        ],
        check=True,
        cwd=root,
    )
    for name in ("infill_pb2.py", "infill_pb2.pyi", "infill_pb2_grpc.py"):
        assert (tmp_path / "server/rpc" / name).read_text() == (root / "server/rpc" / name).read_text(), name


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_check_that_is_ended_while_it_loads_leaves_nothing(tmp_path: Path, by: signal.Signals) -> None:
    """Neither the program that reads the weights, nor what that has laid out."""
    write_checkpoint(tmp_path / "c", 1)
    (tmp_path / "t").mkdir()
    command = [sys.executable, "-c", "from midstream.cli import main; main()", "serve", "--check", "--checkpoints"]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "t"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command.append(str(tmp_path / "c"))
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as checking:
        threads = Path(f"/proc/{checking.pid}/task")
        while not any(children.read_text() for children in threads.glob("*/children")):
            assert checking.poll() is None
            time.sleep(0.02)
        checking.send_signal(by)
        assert "Traceback" not in checking.communicate()[1]
    assert checking.returncode == (-by if by is signal.SIGKILL else 1)
    while list((tmp_path / "t").glob("midstream-*")):
        time.sleep(0.05)  # the test's own limit ends it


def test_a_chosen_checkpoint_that_is_gone_is_named(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1)
    choice.write(tmp_path, pinned="step-00000007-0badcafe")
    with pytest.raises(CannotServe, match=r"step-00000007-0badcafe is to be served .* and no checkpoint in"):
        asyncio.run(check(ServeConfig(tmp_path)))


def test_a_choice_that_cannot_be_read_is_named_where_nothing_can_be_served(tmp_path: Path) -> None:
    (tmp_path / choice.FILE).write_text("{")
    with pytest.raises(CannotServe, match=r"served\.json cannot be read"):
        asyncio.run(check(ServeConfig(tmp_path)))
