"""What stands in for a find, as recipes and settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from midstream.settings import SettingsError
from streams.document import Document, Part
from streams.prepare.recipes.reading import recipe, resolve
from streams.recipe import RecipeSettings
from streams.redact import clean
from streams.redact.documents import redact_document
from streams.redact.place import Place
from streams.redact.replacing import FORMS
from streams.redact.stage import Redact
from tests.support.documents.exporting import frame

KEY = "9f8c7b6a5d4e3f21b0a9c8d7e6f5a4b3"


def document(text: str, path: str = "a.py", language: str = "python", **more: object) -> Document:
    return Document(offset=0, index=0, kind="file", parts=[Part("text", text)], path=path, language=language, **more)  # type: ignore[arg-type]


def test_a_recipe_deletes_and_settings_change_it(tmp_path: Path) -> None:
    text = "# ask ann.lee@mail.org\nPASSWORD = 'Wolke-77-x'\n"
    assert "ask <EMAIL>" in redact_document(document(text)).parts[0].text
    deleted = redact_document(document(text), recipe("aixcoder").redaction).parts[0].text
    assert deleted == "# ask \nPASSWORD = ''\n"
    kept = resolve(RecipeSettings(redaction={"email": "keep", "password": "<SECRET>"})).redaction
    assert redact_document(document(text), kept).parts[0].text == "# ask ann.lee@mail.org\nPASSWORD = '<SECRET>'\n"
    own = tmp_path / "own.toml"
    own.write_text('like = "aixcoder"\n[redaction]\nemail = "keep"\n')
    assert recipe(str(own)).redaction["email"] == "keep" and recipe(str(own)).redaction["key"] == "delete"
    assert recipe("default").redaction == FORMS and "redaction.key" in recipe("aixcoder").settings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[redaction]\nmail = "keep"', "there is no kind 'mail' of find; known are email, key,"),
        ('[redaction]\nemail = "x"', "email must be delete, keep, or a word in angle brackets such as <EMAIL>"),
        ("[redaction]\nemail = 3", "email must be delete, keep"),
        ("redaction = 3", "redaction must be a table"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        recipe(str(path))
    assert sentence in str(refused.value)


def test_a_secret_of_one_file_is_one_in_all_of_its_event() -> None:
    documents = [
        document(f"API_KEY = '{KEY}'\n"), document(f"call({KEY!r})\nother = {KEY[:-1]!r}\n", "b.py"),
        document(f"call({KEY!r})\n", "c.py"),
    ]  # fmt: skip
    documents[1].index, documents[2].offset = 1, 7
    texts = [d.parts[0].text for d in redacted(documents)]
    assert texts[0] == "API_KEY = '<KEY>'\n"
    assert texts[1] == f"call('<KEY>')\nother = {KEY[:-1]!r}\n"
    assert KEY in texts[2]  # of another event


def redacted(documents: list[Document]) -> list[Document]:
    return Redact()(frame(*documents)).frame.documents


@pytest.mark.parametrize(
    ("text", "path", "language", "after"),
    [
        ("<a><password>Wolke-77-x</password></a>", "a.xml", "xml", "<a><password>&lt;PASSWORD&gt;</password></a>"),
        ("PASSWORD=Wolke-77-x\nrun\n", "a.sh", "bash", "PASSWORD=PASSWORD\nrun\n"),
        ('{"password": "Wolke-77-x"}', "a.json", "json", '{"password": "<PASSWORD>"}'),
        ("password: Wolke-77-x\n", "a.yml", "yaml", "password: <PASSWORD>\n"),
        ("phone = +4930901820\n", "a.py", "python", "phone = PHONE\n"),
        ('{"card": 4539148803436467}', "a.json", "json", '{"card": 0}'),
    ],
)
def test_what_parsed_still_does(text: str, path: str, language: str, after: str) -> None:
    made = clean(text, Place(path, language))
    assert made.text == after and clean(made.text, Place(path, language)).kinds == []


def test_paths_names_and_labels_are_redacted_like_text() -> None:
    path = f"keys/{'ghp_' + 'aB3dE5fG7h' * 4}.py"
    given = document("x = 1\n", path, repository="github.com/o/ann@mail.org", former="a/ann@mail.org")
    made = redact_document(given)
    assert "ghp_" not in made.path and "ann@" not in made.repository and "ann@" not in made.former
