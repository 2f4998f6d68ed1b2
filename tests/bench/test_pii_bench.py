"""The bench `pii` measures what it says: values stand where it says, a seed decides all, and the score is right."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT

sys.path.insert(0, str(ROOT / "bench"))

from common.pii.examples import examples
from common.pii.hosts import SUFFIXES, UNCLEAN, Hosts
from common.pii.score import Find, score
from common.pii.traps import clean
from common.pii.windows import Maker, Truth, Window

from midstream.demo.corpus import Pin

RULE = """
func Example() *config.Rule {
	tps := []string{
		`key = "abc"`, // a comment, with "a string"
		"two" + "parts",
		secrets.NewSecret("never"),
	}
	fps := []string{"none, really"}
	return utils.Validate(r, tps, fps)
}
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Hosts:
    """A small file of each language, with letters of more than one byte."""
    folder = tmp_path_factory.mktemp("package")
    for suffix in (suffix for suffixes in SUFFIXES.values() for suffix in suffixes):
        (folder / f"a{suffix}").write_text('größe = "größer";\n\n' * 60, encoding="utf-8")
    return Hosts({Pin("npm", "a", "1", ""): folder})


@pytest.fixture(scope="module")
def windows(hosts: Hosts) -> list[Window]:
    return list(Maker(3, hosts).windows())


def test_values_stand_at_their_bytes(windows: list[Window]) -> None:
    assert sum(len(window.truths) for window in windows) >= 2000
    for window in windows:
        assert window.truths
        for truth in window.truths:
            value = window.text.encode()[truth.start : truth.end].decode()
            assert is_of_kind(value, truth), (value, truth)


def is_of_kind(value: str, truth: Truth) -> bool:
    digits = [int(c) for c in value if c.isdigit()]
    match truth.kind:
        case "email":
            return value.count("@") == 1 and "example" not in value
        case "ip":
            return ipaddress.ip_address(value).is_global
        case "iban":
            plain = value.replace(" ", "")
            return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1
        case "card":
            return sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits[::-1])) % 10 == 0
        case "phone":
            return 9 <= len(digits) <= 15
        case "key" if truth.form.endswith(("PRIVATE KEY", "KEY BLOCK")):
            return (value.startswith("-----BEGIN ") and value.endswith(" KEY-----")) or value.endswith("BLOCK-----")
        case _:
            return len(value) >= 3 and value == value.strip() and "<<" not in value


def test_nothing_is_left_of_the_templates(windows: list[Window], hosts: Hosts) -> None:
    clean_ones = list(clean(Maker(3, hosts)))
    assert len(clean_ones) >= 1500 and not any(window.truths for window in clean_ones)
    for window in [*windows, *clean_ones]:
        assert "<<v" not in window.text and "<<n" not in window.text.lower() and "<<rem" not in window.text


def test_the_seed_decides_all(windows: list[Window], hosts: Hosts) -> None:
    assert list(Maker(3, hosts).windows()) == windows
    assert list(Maker(4, hosts).windows()) != windows


def test_whoever_finds_all_scores_one_and_whoever_finds_nothing_none(windows: list[Window]) -> None:
    every: list[list[Find]] = [[(t.start, t.end, t.kind) for t in window.truths] for window in windows]
    perfect = score(windows, every)
    assert perfect.total.figures() == {"f1": 1.0, "precision": 1.0, "recall": 1.0}
    assert {count.figures()["f1"] for count in perfect.kinds.values()} == {1.0}
    assert not perfect.misses and not perfect.false and not perfect.confused
    assert score(windows, [[] for _ in windows]).total.figures() == {"f1": 0.0, "precision": 1.0, "recall": 0.0}


def test_half_of_a_value_is_enough_and_its_kind_counts() -> None:
    holds = Window("a.py", "x" * 40, "python", (Truth(10, 20, "password", ""),))
    empty = Window("b.py", "x" * 40, "python", trap="hash")
    assert [hit(holds, find) for find in ((10, 15, "key"), (10, 14, "password"), (0, 40, "password"))] == [1, 0, 1]
    assert hit(holds, (10, 20, "email")) == 0
    of_both = score([holds, empty], [[(10, 20, "key")], [(0, 9, "key")]])
    assert of_both.total.figures()["precision"] == 0.5
    assert (of_both.clean_touched, of_both.touched["hash"], of_both.confused["password as key"]) == (1.0, 1, 1)
    assert score([holds], [[(0, 12, "key")]], ("key", "password"), lines=True).total.hit == 1
    assert score([holds], [[(10, 20, "key")]], ("email",)).total.finds == 0


def hit(window: Window, find: Find) -> int:
    return score([window], [[find]]).total.hit


def test_surroundings_that_may_hold_something_are_not_used() -> None:
    for line in ("mail a@b.de", "see 10.0.0.1", "# Author: X", 'password = "abc"', "cd /home/x", "TODO(x): y"):
        assert UNCLEAN.search(line), line
    assert not UNCLEAN.search("password = get_password()")


def test_examples_are_the_strings_that_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "cmd/generate/config/rules"
    folder.mkdir(parents=True)
    (folder / "example.go").write_text(RULE)
    assert list(examples(tmp_path)) == [
        (True, "", 'key = "abc"'),
        (True, "", "twoparts"),
        (False, "", "none, really"),
    ]
