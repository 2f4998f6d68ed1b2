"""Tokens of a file, the limits of each, and the command that makes one."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from midstream.cli import main
from midstream.settings import Settings
from model.mapping import SettingsError, from_mapping
from server.access.call import CALL, Call
from server.access.config import Access, warning
from server.access.gate import Gate, NotKnown, allowed
from server.access.limits import Limits, TooMany
from server.access.tokens import Token, Tokens, TokensError, new, parse, read


def written(path: Path, *lines: str, mode: int = 0o600) -> Path:
    path.write_text("\n".join(lines) + "\n")
    path.chmod(mode)
    return path


def hashed(token: str) -> str:
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def test_a_line_says_who_and_how_often(tmp_path: Path) -> None:
    one, two = parse(
        f"# team\n\nann {hashed('a')}\n bob {hashed('b')} models=web,midstream concurrent=3 rate=90/m", "x"
    )
    assert (one.name, one.rate, one.concurrent, one.models) == ("ann", 0, 0, frozenset())
    assert (two.name, two.rate, two.burst, two.concurrent) == ("bob", 1.5, 90, 3)
    assert two.models == {"web", "midstream"} and "digest" not in repr(two)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ann", "a line is"),
        ("ann mds_secret", "a line is"),
        (f"a/b {hashed('a')}", "a line is"),
        (f"ann {hashed('a').upper()}", "a line is"),
        (f"ann {hashed('a')[:-1]}", "a line is"),
        (f"ann {hashed('a')} rat=1/s", "behind the hash"),
        (f"ann {hashed('a')} rate=1/s rate=2/s", "behind the hash"),
        (f"ann {hashed('a')} rate=0/s", "rate is"),
        (f"ann {hashed('a')} rate=1/h", "rate is"),
        (f"ann {hashed('a')} rate=", "rate is"),
        (f"ann {hashed('a')} concurrent=-1", "concurrent is"),
        (f"ann {hashed('a')} models=", "models are"),
        (f"bob {hashed('a')}", "two tokens of the name bob"),
        (f"ann {hashed('b')}", "another's, too"),
    ],
)
def test_a_bad_line_is_named_and_not_repeated(line: str, why: str) -> None:
    with pytest.raises(TokensError, match=rf"where, line 2: .*{why}") as error:
        parse(f"bob {hashed('b')}\n{line}", "where")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610])
def test_a_file_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "tokens", f"ann {hashed('a')}", mode=mode)
    with pytest.raises(TokensError, match="must be readable by its owner alone: chmod 600"):
        Tokens(path)
    with pytest.raises(TokensError, match="No such file"):
        Tokens(tmp_path / "none")


def test_a_file_is_read_again_and_a_bad_one_is_not_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tokens = Tokens(written(tmp_path / "tokens", f"ann {hashed('a')}"))
    assert tokens.find("b") is None and tokens.find("") is None
    with caplog.at_level(logging.INFO, "midstream.server"):
        written(tmp_path / "tokens", f"ann {hashed('a')}", f"bob {hashed('b')}")
        assert (bob := tokens.find("b")) is not None and bob.name == "bob"
        written(tmp_path / "tokens", f"ann {hashed('a')}", "bob nonsense")
        assert tokens.find("b") == bob and tokens.find("b") == bob
        (tmp_path / "tokens").unlink()
        assert tokens.find("b") == bob
        written(tmp_path / "tokens", f"ann {hashed('a')}")
        assert tokens.find("b") is None and tokens.find("a")
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 4 and "line 2" in said[1] and "No such file" in said[2] and said[3].endswith("1 tokens")


def test_the_command_makes_tokens_that_the_file_knows(tmp_path: Path) -> None:
    file, run = tmp_path / "tokens", CliRunner()
    made = [run.invoke(main, ["token", name, "--file", str(file)]) for name in ("ann", "bob")]
    assert [one.exit_code for one in made] == [0, 0] and file.stat().st_mode & 0o777 == 0o600
    secrets = [one.stdout.strip() for one in made]
    assert len(set(secrets)) == 2 and all(len(secret) > 40 for secret in secrets)
    assert not any(secret in file.read_text() for secret in secrets)
    assert [token.name if (token := Tokens(file).find(secret)) else None for secret in secrets] == ["ann", "bob"]
    again = run.invoke(main, ["token", "ann", "--file", str(file)])
    assert again.exit_code == 1 and "has a token of the name ann" in again.output
    alone = run.invoke(main, ["token", "eve"])
    secret, line = alone.output.split("\n")[:2]
    assert parse(line, "x")[0].digest == hashlib.sha256(secret.encode()).digest()
    assert run.invoke(main, ["token", "a b"]).exit_code == 1
    with pytest.raises(ValueError, match="a name has"):
        new("")


def test_a_rate_is_kept_by_name_on_a_clock() -> None:
    now = [100.0]
    limits = Limits(lambda: now[0])
    token = Token("ann", b"", rate=2.0, burst=2)
    limits.take(token)
    limits.take(token)
    with pytest.raises(TooMany, match="try again in 1 s") as error:
        limits.take(token)
    assert error.value.retry_after_s == pytest.approx(0.5) and error.value.seconds == 1
    limits.take(Token("bob", b"", rate=1.0, burst=1))
    now[0] += 0.5
    limits.take(token)
    with pytest.raises(TooMany):
        limits.take(token)
    now[0] += 1000  # no more than the burst is saved up
    limits.take(token)
    limits.take(token)
    with pytest.raises(TooMany):
        limits.take(token)
    slow = Token("eve", b"", rate=1 / 60, burst=1)
    limits.take(slow)
    now[0] += 15
    with pytest.raises(TooMany, match="45 s"):
        limits.take(slow)


def test_what_runs_is_counted_to_its_end() -> None:
    limits, token = Limits(), Token("ann", b"", concurrent=1)
    with pytest.raises(KeyError), limits.running(token):
        with pytest.raises(TooMany, match="the most at once"), limits.running(token):
            pass
        raise KeyError
    with limits.running(token), limits.running(Token("bob", b"", concurrent=1)):
        pass


def test_the_gate_tells_no_wrong_token_from_none(tmp_path: Path) -> None:
    gate = Gate(Tokens(written(tmp_path / "tokens", f"ann {hashed('a')} rate=2/m models=web")))
    said = set[str]()
    for header in ("", "Bearer", "Bearer b", "Basic a", "a", hashed("a"), "Bearer a b", "Bearer é\ud800"):
        with pytest.raises(NotKnown) as error:
            gate.admit(header, Call("grpc", "x"))
        said.add(str(error.value))
    assert len(said) == 1
    call = Call("grpc", "x")
    gate.admit("bearer a", call)
    gate.admit("Bearer a", call)
    assert call.token and call.token.name == "ann" and allowed(["web", "b"]) == ["web", "b"]
    with pytest.raises(TooMany):
        gate.admit("Bearer a", call)
    asking = CALL.set(call)
    assert allowed(["web", "b"]) == ["web"]
    CALL.reset(asking)
    nobody = Call("grpc", "x")
    Gate().admit("", nobody)
    assert nobody.token is None


def test_an_open_server_is_warned_of() -> None:
    safe = Access(tokens=Path("t"), certificate=Path("c"), key=Path("k"))
    assert warning(Access(), "127.0.0.1:1", "localhost:2", "[::1]:3", "") == ""
    assert warning(safe, "0.0.0.0:1") == ""
    assert "0.0.0.0:1 is reached from other machines, and [serve] has no tokens and" in warning(Access(), "0.0.0.0:1")
    assert warning(Access(tokens=Path("t")), "[::]:1").endswith("has no certificate and key")


def test_settings_that_do_not_fit_are_refused() -> None:
    for given, why in (
        ({"certificate": "c"}, "belong together"),
        ({"key": "c"}, "belong together"),
        ({"client_ca": "c"}, "client_ca needs"),
        ({"metrics": "9100"}, "metrics must be"),
    ):
        with pytest.raises(SettingsError, match=why):
            from_mapping(Settings, {"serve": given}, "x")


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path / "tokens", "# " + "x" * 5_000_000)
    with pytest.raises(TokensError, match="more than 4,194,304 bytes"):
        read(path)


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(TokensError, match="is no file"):
        Tokens(tmp_path / "pipe")


def test_a_model_that_is_not_served_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"{new('ann')[1]} models=web,wbe\n")
    path.chmod(0o600)
    Tokens(path, ("midstream", "web"))
    assert "ann may ask wbe, which is not served" in caplog.text


def test_the_file_s_folder_is_made(tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["token", "ann", "--file", str(tmp_path / "new" / "folder" / "tokens")])
    assert made.exit_code == 0 and len(read(tmp_path / "new" / "folder" / "tokens")) == 1
