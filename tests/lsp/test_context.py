"""What is sent of a document, and what never is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lsp.context import MOST_PREFIX, MOST_SUFFIX, STRIDE, is_wanted, make_context, plain, relative_path, several_lines
from lsp.documents import OpenDocument
from lsp.options import LspOptions, OptionsError


def context(marked: str, uri: str = "file:///w/m.py"):
    before, after = marked.split("|")
    return make_context(OpenDocument(uri, "python", before + after), len(before), [Path("/w")])


def test_both_sides_path_and_language() -> None:
    got = context("a\r\nb|c\rd")
    assert (got.prefix, got.suffix, got.path, got.language) == ("a\nb", "c\nd", "m.py", "python")
    assert (got.line_before, got.line_after) == ("b", "c")


def test_a_long_text_is_cut_in_strides() -> None:
    """While somebody types, the beginning stays where it is."""
    line = "x" * 63 + "\n"
    cuts = {len(t) - len(context(t + "|").prefix) for n in range(100) if (t := line * 2000 + "y" * n)}
    assert len(cuts) == 1 and cuts.pop() % STRIDE == 0
    long = context(line * 2000 + "|" + line * 2000)
    assert MOST_PREFIX - STRIDE <= len(long.prefix) <= MOST_PREFIX and len(long.suffix) == MOST_SUFFIX


def test_lone_surrogates_cannot_be_sent() -> None:
    assert plain("a\ud83db😀") == "a\ufffdb😀"


def test_the_path_is_that_of_the_innermost_root(tmp_path: Path) -> None:
    (tmp_path / "w" / "repo" / ".git").mkdir(parents=True)
    inside, outside = tmp_path / "w" / "repo" / "src" / "m m.py", tmp_path / "w" / "x" / "n.py"
    assert relative_path(inside.as_uri(), [tmp_path / "w"]) == "src/m m.py"
    assert relative_path(inside.as_uri(), [tmp_path / "w" / "repo" / "src"]) == "m m.py"
    assert relative_path(outside.as_uri(), [tmp_path / "w"]) == "x/n.py"
    assert relative_path("untitled:Untitled-1", []) == "Untitled-1"


@pytest.mark.parametrize(
    ("marked", "several"),
    [
        ("def f():\n    |\n", True),
        ("def f():|\n", True),
        ("if (x) {|  \n", True),
        ("x = |\n", False),
        ("    |x\n", False),
        ("f(|)\n", False),
    ],
)
def test_several_lines_where_a_block_begins(marked: str, several: bool) -> None:
    options = LspOptions()
    assert several_lines(context(marked), options) is several
    assert several_lines(context(marked), replace(options, multi_line="always"))
    assert not several_lines(context(marked), replace(options, multi_line="never"))


SECRETS = (
    "/w/.env", "/w/.env.local", "/w/server.pem", "/h/.ssh/id_rsa", "/h/.ssh/config", "/h/.aws/credentials", "/w/A.PEM",
    "/w/id_ed25519.pub", "/w/secrets.yaml", "/w/prod.tfvars", "/w/prod.env", "/w/.envrc", "/h/.kube/config",
    "/w/terraform.tfstate", "/w/mail.asc", "/w/service-account-1.json", "/w/%2Eenv",
)  # fmt: skip
HARMLESS = ("/w/env.py", "/w/keys.py", "/w/id.rs", "/w/credentials_test.py", "/w/.environment/x.py", "/w/.env.example")


@pytest.mark.parametrize(("path", "sent"), [*((p, False) for p in SECRETS), *((p, True) for p in HARMLESS)])
def test_secrets_are_not_sent(path: str, sent: bool) -> None:
    for ignored in ((), ("*.sql",)):
        assert is_wanted(OpenDocument(f"file://{path}", "python", ""), LspOptions(ignored=ignored)) is sent


def test_what_is_ignored_is_added_to_the_secrets() -> None:
    options = LspOptions(ignored=("*.csv", "vault/*")).with_changes({"ignored": ["*.sql", "*.csv"]})
    assert options.ignored == ("*.csv", "vault/*", "*.sql")
    for path in ("a.sql", "A.SQL", "a.csv", "vault/deep/a.py", ".env", "keys/id_rsa"):
        assert not is_wanted(OpenDocument(f"file:///w/{path}", "python", ""), options)
    assert is_wanted(OpenDocument("file:///w/a.py", "python", ""), options)


def test_only_files_of_wanted_languages() -> None:
    options = LspOptions(languages=("python",))
    assert is_wanted(OpenDocument("untitled:Untitled-1", "python", ""), options)
    assert not is_wanted(OpenDocument("file:///w/a", "rust", ""), options)
    assert not is_wanted(OpenDocument("git:/w/a.py", "python", ""), options)


def test_options_of_the_editor() -> None:
    changed = LspOptions().with_changes({"server": "h:1", "deadline_ms": 5, "ignored": ["*.x"], "multi_line": "never"})
    assert changed == replace(LspOptions(), server="h:1", deadline_ms=5, ignored=("*.x",), multi_line="never")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sever": "h:1"}, "unknown sever; known are server, server_token_file, tls"),
        ({"deadline_ms": "5"}, "deadline_ms must be a whole number"),
        ({"deadline_ms": True}, "deadline_ms must be a whole number"),
        ({"deadline_ms": 0}, "deadline_ms must be at least 1"),
        ({"server": 1}, "server must be text"),
        ({"ignored": "x"}, "ignored must be a list of text"),
        ({"multi_line": "no"}, "multi_line must be one of auto, always, never"),
    ],
)
def test_a_wrong_option_is_named(changes: dict[str, object], said: str) -> None:
    with pytest.raises(OptionsError, match=said):
        LspOptions().with_changes(changes)
