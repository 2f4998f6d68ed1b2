"""One TOML file: defaults, types, and errors that list what is known."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Literal

import pytest

from midstream.settings import Settings, SettingsError, from_mapping, load
from tests.tree import ROOT


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
    outer = from_mapping(Outer, {"inner": {"rate": 1, "names": ["x"]}, "limits": {"a": 1}, "place": "/p"}, "f")
    assert outer == Outer(Inner(1.0, ("x",)), limits={"a": 1}, place=Path("/p"))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"inner": {"rat": 1}}, "f: inner: unknown rat; known are rate, names"),
        ({"count": "1"}, "f: count must be a whole number, not '1'"),
        ({"count": True}, "f: count must be a whole number, not True"),
        ({"mode": "c"}, "f: mode must be one of 'a', 'b', not 'c'"),
        ({"inner": 1}, "f: inner must be a table, not 1"),
        ({"inner": {"names": "x"}}, r'f: inner: names must be a list: write names = \["x"\]'),
        ({"inner": {"names": 1}}, "f: inner: names must be a list, not 1"),
        ({"limits": 1}, "f: limits must be a table, not 1"),
        ({"inner": {"names": ["x", 1]}}, r"f: inner: names\[1\] must be text, not 1"),
        ({"limits": {"a": "x"}}, "f: limits.a must be a whole number, not 'x'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(mapping, message):
    with pytest.raises(SettingsError, match=message):
        from_mapping(Outer, mapping, "f")


@pytest.mark.parametrize(
    ("section", "name", "value", "sentence"),
    [
        ("fim", "fim_rate", 60.0, "fim: fim_rate must be a share from 0 to 1, not 60"),
        ("fim", "fim_rate", float("nan"), "fim_rate must be a finite number"),
        ("feed", "rows", 0, "feed: rows must be at least 1, not 0"),
        ("feed", "wait_s", float("inf"), "wait_s must be a finite number"),
        ("kafka", "partitions", 0, "kafka: partitions must be at least 1, not 0"),
        ("kafka", "brokers", "here", "brokers must be host:port"),
        ("kafka", "prefix", "a b", "prefix must be letters"),
        ("train", "learning_rate", -1.0, "learning_rate must be greater than 0, not -1"),
        ("train", "beta_2", 1.0, "beta_2 must be from 0 to less than 1"),
        ("train", "clip", -1.0, "clip must be at least 0, not -1"),
        ("recipe", "licences", "permisive", "licences must be one of '', 'permissive', 'no-copyleft', 'any'"),
        ("recipe", "use", "no-such", "there is no recipe 'no-such'; known are"),
        ("recipe", "use", "/no/such.toml", "/no/such.toml: "),
        (
            "recipe",
            "rules",
            {"too_smal": {"chars": 3}},
            "recipe default has no rule too_smal; it has opt_out,",
        ),
        (
            "recipe",
            "rules",
            {"too_small": {"char": 3}},
            "unknown char; known are off, kinds, languages,",
        ),
        ("recipe", "rules", {"too_small": {"rate": 2}}, "rate must be from 0 to 1, not 2"),
        ("recipe", "rules", {"too_small": {"kinds": ["tree"]}}, "too_small judges file, commit,"),
        (
            "recipe",
            "rules",
            {"too_small": {"except": ["pyhton"]}},
            "there is no language pyhton; known are @data,",
        ),
        ("recipe", "rules", {"too_small": {"chars": -1}}, "chars must be at least 0, not -1"),
        ("recipe", "rules", {"too_small": 3}, "rules.too_small must be a table"),
        ("index", "near", 0.0, "near must be greater than 0"),
        ("pack", "hunk", 2.0, "hunk must be a share"),
        ("model", "heads", 3, "width 256 must be a multiple of heads 3"),
        ("model", "context", 0, "context must be at least 16"),
        ("model", "context", 10**9, "context must be at most 1,000,000, not 1,000,000,000"),
        ("model", "layers", 10**6, "layers must be at most 1,000, not"),
        ("model", "width", 10**6, "width must be at most 100,000, not"),
        ("model", "heads", 10**6, "heads must be at most 100,000, not"),
        ("model", "vocab", 10**9, "vocab must be at most 2,000,000"),
        ("serve", "threads", 0, "threads must be at least 1"),
        ("serve", "listen", "127.0.0.1:99999", "listen must be host:port, the port from 1 to 65,535"),
        ("serve", "listen", "x", "listen must be host:port"),
        ("serve", "models", {"web": ""}, "models: web needs a folder, or a URL"),
        ("serve", "listen", "::1:50151", "listen must be host:port"),
        ("serve", "otlp", "http://127.0.0.1:notaport", "otlp must be empty or http://host:port"),
        ("kafka", "partitions", 10**9, "partitions must be at most 10,000"),
        ("kafka", "ssl_cafile", "/no/such.pem", "ssl_cafile: there is no file /no/such.pem"),
        ("kafka", "sasl_mechanism", "PLAIN", "sasl_mechanism goes with security_protocol SASL_PLAINTEXT or SASL_SSL"),
        ("kafka", "security_protocol", "SASL_SSL", "not 'an empty one' with SASL_SSL"),
        ("feed", "rows", 10**23, "rows must be at most 100,000"),
        ("model", "seed", -1, "seed must be at least 0"),
        ("train", "learning_rate", 1e30, "learning_rate must be at most 1"),
        ("train", "threads", 100_000, "threads must be at most 1,024"),
        ("lsp", "server", "nonsense", "server must be host:port"),
        ("recipe", "languages", ["pyhton"], "languages must be among ada, agda,"),
        ("up", "interval_s", 0.0, "interval_s must be greater than 0"),
        ("lsp", "deadline_ms", 0, "deadline_ms must be at least 1"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_a_sentence(section, name, value, sentence):
    with pytest.raises(SettingsError) as refused:
        from_mapping(Settings, {section: {name: value}}, "f")
    assert sentence in str(refused.value)


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
    text = (ROOT / "midstream/settings.py").read_text()
    for section in fields(Settings):
        values = getattr(Settings(), section.name)
        for setting in fields(values) if is_dataclass(values) else ():
            assert f"    {setting.name}: " not in text or '"""' in text.split(f"    {setting.name}: ")[1].split("\n")[1]


def test_an_empty_file_name_is_none() -> None:
    serve = from_mapping(Settings, {"serve": {"tokens": "", "certificate": "", "client_ca": ""}}, "f").serve
    assert serve.tokens is serve.certificate is serve.client_ca is None
    listen = from_mapping(
        Settings, {"serve": {"listen": "[::1]:50151", "otlp": "http://[::1]:4318/x"}}, "f"
    ).serve.listen
    assert listen == "[::1]:50151"
