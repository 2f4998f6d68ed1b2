"""What `midstream up` says before it starts from nothing."""

from __future__ import annotations

from midstream.settings import Settings
from midstream.status import promise
from model import families
from model.families import build


def test_the_parameters_are_those_of_the_decoder():
    m = Settings().model
    shape = families.new(vocab=m.vocab, context=m.context, width=m.width, layers=m.layers, heads=m.heads)
    real = sum(p.numel() for p in build.decoder(shape).parameters())
    assert promise.parameters(Settings()) == real


def test_what_is_said(git_folder, monkeypatch):
    git_folder.commit("one", {"a.py": "x" * 660_000, "large": "y" * 2_000_000})
    monkeypatch.setattr(promise, "measure", lambda *_: 1234.0)
    text = " ".join(promise.promise(Settings(), [git_folder.path]))
    assert "17.0 million parameters" in text
    assert "1,200 tokens a second" in text and "0.2 million tokens at most, takes up to 3 min" in text
    monkeypatch.setattr(promise, "measure", lambda *_: None)
    assert "tokens a second" not in " ".join(promise.promise(Settings(), [git_folder.path]))
