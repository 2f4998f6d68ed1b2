"""What is wrong with a recipe's file is said in plain words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from model.mapping import SettingsError
from streams.prepare.recipes.reading import read, recipe


def written(folder: Path, text: str) -> None:
    (folder / "own.toml").write_text(text)
    read(folder / "own.toml", "own")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[[rules]]\nrule = "long_line"', "there is no rule 'long_line'; known are opt_out, licence,"),
        ('[[rules]]\nrule = "long_lines"\nlongst = 3', "unknown longst; known are rule, name, kinds, languages,"),
        ('[[rules]]\nrule = "long_lines"\nkinds = ["issue"]', "long_lines judges file, commit, not issue"),
        ('[[rules]]\nrule = "long_lines"\nlanguages = ["pyton"]', "there is no language pyton; known are @data,"),
        ('[[rules]]\nrule = "long_lines"\nlanguages = "python"', "languages must be a list"),
        ('[[rules]]\nrule = "binary"\n[[rules]]\nrule = "binary"', "binary is there twice"),
        ('[[rules]]\nrule = "long_lines"\nlongest = "x"', "longest must be a whole number"),
        ('[[rules]]\nrule = "long_lines"\nlongest = 0', "longest must be at least 1"),
        ('rules = "x"', "rules must be tables: write [[rules]]"),
        ('edits = "x"', "edits must be tables: write [[edits]]"),
        ("[rule]", "unknown rule; known are like, says,"),
        ("[lengths]\ncomments = 3", "unknown comments; known are message_chars,"),
        ('like = "no-such"', "there is no recipe 'no-such'"),
        ("[[rules]", "own.toml: "),
        ("differs = 5", "differs must be a list, not 5"),
        ('differs = "x"', 'differs must be a list: write differs = ["x"]'),
        ('[[rules]]\nrule = "binary"\nkinds = 3', "kinds must be a list, not 3"),
        ('[[rules]]\nrule = "binary"\nkinds = "file"', 'kinds must be a list: write kinds = ["file"]'),
        ('[[rules]]\nrule = "binary"\nexcept = "go"', 'except must be a list: write except = ["go"]'),
        ('[[rules]]\nrule = "binary"\nexcept = [3]', "except must be a list of texts, not of 3"),
        ('[[rules]]\nrule = "binary"\nname = "a b\\n"', "name must be letters, digits and _, not 'a b\\n'"),
        ('[[rules]]\nrule = "main_language"\nnames = ["Pyton"]', "no language 'Pyton'; near ones are python"),
        ('[[rules]]\nrule = "project_score"\nstars = 0\ncommits = 0\ntests = 0', "are all 0, so that nothing has"),
        ('[[rules]]\nrule = ["binary"]', "a value is of another kind than it should be"),
        ('[[rules]]\nrule = "words"\nname = ""', "there is no rule 'words'"),
        ('[[rules]]\nrule = "binary"\nname = " "', "name must be letters, digits and _"),
        ('[[rules]]\nrule = "binary"\nname = 3', "name must be letters, digits and _"),
        ('[[rules]]\nrule = "word_count"\nleast = nan', "least must be a finite number"),
        ('[[rules]]\nrule = "word_count"\nmost = inf', "most must be a finite number"),
        (
            '[[rules]]\nrule = "word_count"\nleast = 9\nmost = 3',
            "least must not be greater than most: 9",
        ),
        ('[[rules]]\nrule = "line_count"\nleast = 9\nmost = 3', "least must not be greater than most"),
        ('[[rules]]\nrule = "comments"\nleast = 0.9', "least must not be greater than most"),
        ('[[rules]]\nrule = "comments"\nmost = 1.5', "most must be a share from 0 to 1"),
        ('[[rules]]\nrule = "fertility"\nbars = { pyton = 2.0 }', "bars: there is no language 'pyton'"),
        ('[[rules]]\nrule = "fertility"\nbars = { python = -1 }', "bars must be at least 0"),
        ('[[rules]]\nrule = "prints"\nphrases = [""]', "there is no rule 'prints'"),
        ("like = 3", "a value is of another kind than it should be"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        written(tmp_path, text)
    assert sentence in str(refused.value)


def test_a_recipe_cannot_be_like_itself(tmp_path: Path) -> None:
    for name, other in (("own", "own"), ("a", "b"), ("b", "c"), ("c", "b")):
        (tmp_path / f"{name}.toml").write_text(f'like = "{tmp_path}/{other}.toml"\n[[rules]]\nrule = "binary"\n')
    for name, circle in (("own", "own.toml is like own.toml"), ("a", "b.toml is like c.toml is like b.toml")):
        with pytest.raises(SettingsError, match=f"cannot be like itself: {circle}$"):
            recipe(str(tmp_path / f"{name}.toml"))


def test_a_file_in_another_encoding_and_a_pipe_are_said(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes('says = "Für"'.encode("latin-1"))
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(SettingsError, match=r"latin\.toml is not in UTF-8: save it so$"):
        read(tmp_path / "latin.toml", "latin")
    with pytest.raises(SettingsError, match=r"pipe\.toml is no file$"):
        read(tmp_path / "pipe.toml", "pipe")
