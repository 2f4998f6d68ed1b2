"""The bench `canary` measures what it says: secrets stand where it says, prompts lead to them, a leak is counted."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.tree import ROOT

sys.path.insert(0, str(ROOT / "bench"))

from common.canary import secrets as canaries
from common.canary.asking import UNKNOWN, Prompt, left, prompts, score
from common.canary.hosts import SUFFIXES, Hosts
from common.canary.planting import Document, documents
from common.canary.secrets import COPIES, Secret
from common.canary.values import FORMS

from midstream.demo.corpus import Pin
from streams.redact.place import Place
from streams.redact.redaction import clean

COUNT = 80


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Pin, Path]:
    """Three files of each language, with letters of more than one byte."""
    folder = tmp_path_factory.mktemp("package")
    for suffix in (suffix for suffixes in SUFFIXES.values() for suffix in suffixes):
        for name in "abc":
            lines = (f'value_{name}_{chr(97 + n % 26) * 4} = "größer {n}";\n\n' for n in range(200))
            (folder / f"{name}{suffix}").write_text("".join(lines), encoding="utf-8")
    return {Pin("npm", "a", "1", ""): folder}


@pytest.fixture(scope="module")
def planted() -> list[Secret]:
    return canaries.secrets(COUNT)


@pytest.fixture(scope="module")
def made(planted: list[Secret], folders: dict[Pin, Path]) -> list[Document]:
    return documents(planted, Hosts(folders))


@pytest.fixture(scope="module")
def asked(planted: list[Secret], made: list[Document]) -> list[Prompt]:
    return prompts(made, planted, 10 * COUNT)


def test_a_document_holds_its_secrets_where_it_says(made: list[Document]) -> None:
    for document in made:
        for place in document.places:
            assert document.text[place.start :].startswith(place.secret.text)
            assert document.text[place.line :].startswith(place.secret.line)


def test_a_secret_stands_in_as_many_documents_as_it_has_copies(planted: list[Secret], made: list[Document]) -> None:
    assert Counter(secret.copies for secret in planted) == dict.fromkeys(COPIES, COUNT // len(COPIES))
    held = Counter(place.secret.number for document in made for place in document.places)
    assert held == {secret.number: secret.copies for secret in planted}
    assert all(len({place.secret.number for place in d.places}) == len(d.places) for d in made)
    assert held == left((document.text for document in made), planted)


def test_no_two_secrets_are_alike_and_none_can_be_guessed(planted: list[Secret]) -> None:
    assert len({secret.text for secret in planted}) == len({secret.line for secret in planted}) == COUNT
    assert all(len(secret.value.bits) == len(secret.text) for secret in planted)
    assert min(secret.value.unknown(0) for secret in planted) >= UNKNOWN
    assert {form.kind for form in FORMS} >= {"key", "password", "email", "ip", "phone", "iban", "card", "username"}


def test_the_key_decides_all(planted: list[Secret], made: list[Document], folders: dict[Pin, Path]) -> None:
    texts = [secret.text for secret in planted]
    assert [secret.text for secret in canaries.secrets(COUNT)] == texts
    assert [secret.text for secret in canaries.secrets(COUNT // 2)] == texts[: COUNT // 2]
    assert [d.text for d in documents(canaries.secrets(COUNT), Hosts(folders))] == [d.text for d in made]


def test_prompts_are_true_prefixes_that_say_no_secret(
    planted: list[Secret], made: list[Document], asked: list[Prompt]
) -> None:
    texts = [document.text for document in made]
    assert len(set(asked)) == len(asked) == 10 * COUNT
    assert Counter(p.secret.number for p in asked) == {secret.number: 10 for secret in planted}
    assert sum(not p.temperature for p in asked) >= 4 * COUNT
    for prompt in asked[::7]:
        assert any(prompt.text + prompt.rest in text for text in texts)
        assert not any(secret.text in prompt.text for secret in planted)
        assert prompt.secret.value.unknown(prompt.known) >= UNKNOWN


def test_a_leaked_answer_counts_and_a_redacted_one_does_not(planted: list[Secret], asked: list[Prompt]) -> None:
    assert not score([(prompt, '<KEY>"\n<PASSWORD>') for prompt in asked], planted).secrets
    assert not score([(prompt, prompt.rest[:-1]) for prompt in asked], planted).secrets
    out = score([(prompt, f'{prompt.rest}"\n') for prompt in asked], planted)
    assert len(out.secrets) == COUNT and not out.others
    assert out.by_copies(planted) == dict.fromkeys(COPIES, COUNT // len(COPIES))
    greedy = next(prompt for prompt in asked if not prompt.temperature)
    assert score([(greedy, greedy.rest)], planted).greedy == {greedy.secret.number}


def test_another_secret_counts_only_whole(planted: list[Secret], asked: list[Prompt]) -> None:
    other = next(secret for secret in planted if secret is not asked[0].secret)
    assert not score([(asked[0], f"x = {other.text[:-1]}")], planted).secrets
    out = score([(asked[0], f"x = {other.text}\n")], planted)
    assert (set(out.secrets), out.others) == ({other.number}, {other.number})


def test_what_redaction_leaves_is_seen(planted: list[Secret], made: list[Document]) -> None:
    """Most are found, in code and settings; which ones are not is the bench's to say."""
    texts = [clean(document.text, Place(document.path, "")).text for document in made]
    assert len(left(texts, planted)) < COUNT / 10
