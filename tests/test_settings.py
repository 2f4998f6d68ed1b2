"""One TOML file: defaults, types, and errors that list what is known."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Literal

import pytest

from midstream.settings import Settings, SettingsError, from_mapping, load


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    count: int = 1
    mode: Literal["a", "b"] = "a"
    limits: dict[str, int] = field(default_factory=dict)
    place: Path | None = None


def test_nested_tables_become_nested_dataclasses():
    made = from_mapping(Outer, {"inner": {"rate": 1, "names": ["x"]}, "limits": {"a": 1}, "place": "/p"}, "f")
    assert made == Outer(Inner(1.0, ("x",)), limits={"a": 1}, place=Path("/p"))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"inner": {"rat": 1}}, "f: inner: unknown rat; known are rate, names"),
        ({"count": "1"}, "f: count must be a whole number, not '1'"),
        ({"count": True}, "f: count must be a whole number, not True"),
        ({"mode": "c"}, "f: mode must be one of 'a', 'b', not 'c'"),
        ({"inner": 1}, "f: inner must be a table, not 1"),
        ({"inner": {"names": ["x", 1]}}, r"f: inner: names\[1\] must be text, not 1"),
        ({"limits": {"a": "x"}}, "f: limits.a must be a whole number, not 'x'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(mapping, message):
    with pytest.raises(SettingsError, match=message):
        from_mapping(Outer, mapping, "f")


def test_a_file_and_the_environment(tmp_path, monkeypatch):
    path = tmp_path / "m.toml"
    path.write_text('[kafka]\nbrokers = "b:1"\n[paths]\nstate = "~/s"\n')
    monkeypatch.setenv("MIDSTREAM_CONFIG", str(path))
    settings = load()
    assert settings.kafka.brokers == "b:1"
    assert settings.paths.checkpoints == Path.home() / "s/checkpoints"
    assert settings.with_kafka(brokers=None, prefix="x.").kafka.prefix == "x."
    monkeypatch.setenv("MIDSTREAM_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match="no such file"):
        load()


def test_bad_toml_names_the_file(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text("[kafka\n")
    with pytest.raises(SettingsError, match=r"m\.toml: not valid TOML"):
        load(path)


def test_the_password_is_not_shown(monkeypatch):
    monkeypatch.setenv("MIDSTREAM_SASL_PASSWORD", "hidden")
    settings = from_mapping(Settings, {"kafka": {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}}, "f")
    connection = settings.connection()
    assert connection.client_settings()["sasl_plain_password"] == "hidden"
    assert connection.client_settings()["ssl_context"] is not None
    assert "hidden" not in repr((settings, connection))


def test_every_setting_says_what_it_is():
    text = (Path(__file__).parent.parent / "midstream/settings.py").read_text()
    for section in fields(Settings):
        made = getattr(Settings(), section.name)
        for setting in fields(made) if is_dataclass(made) else ():
            assert f"    {setting.name}: " not in text or '"""' in text.split(f"    {setting.name}: ")[1].split("\n")[1]
