"""Licence texts: kept where no expression says what they are, and recognised in events of other producers."""

from __future__ import annotations

from streams.event import Files, Repository, SourceFile, encode
from streams.prepare.expand import expand
from streams.prepare.licences import classify
from streams.sources.licences.place import licence_of
from tests.support.licences.licences import licence


def test_a_licence_text_is_kept_only_where_no_expression_says_it():
    own = "All rights reserved. " * 1000
    assert licence_of(["LICENSE"], lambda name: own) == ("", own[:4000])
    assert licence_of(["LICENSE"], lambda name: bsd_2()) == ("BSD-2-Clause", "")
    assert licence_of(["LICENSE", "Cargo.toml"], {"LICENSE": own, "Cargo.toml": CARGO}.get)[0] == (
        "(MIT OR Apache-2.0) AND LicenseRef-unknown"
    )


def test_a_licence_text_of_another_producer_is_recognised():
    text = Repository(name="r", licence_text=bsd_2())
    event = Files(repository=text, files=[SourceFile(path="a", text="a")])
    assert [document.licence for document in expand(encode(event), 0).documents] == ["BSD-2-Clause"]


def test_an_expression_that_nobody_writes_costs_no_time():
    """Anybody may write an event's licence: a million of one sign took minutes of a worker."""
    for unit in ("(", " ", " WITH", " OR ", "/", "MIT AND "):
        assert classify(unit * 1_000_000) == "unknown"
    assert classify("  ( MIT   or\tGPL-3.0 ) ") == "permissive"


CARGO = '[package]\nlicense = "MIT/Apache-2.0"\n'


def bsd_2() -> str:
    return licence("BSD-2-Clause")
