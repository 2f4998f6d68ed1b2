"""`midstream recall`: from seeds to pages that speak of code."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from midstream.cli import main
from streams.recall.classifier import Classifier, features
from streams.recall.pages import Page, pages

CODE = re.findall(
    r"\w+",
    "install the package with pip and import the module then call parse with a file name the function returns a list "
    "of tokens each token has a type and a value raise an exception when the argument is not a string use the option "
    "to print the log compile the source with make and run the tests in a virtual environment def return class none "
    "request response json server client method object array index loop thread async await build branch commit merge",
)
PROSE = re.findall(
    r"\w+",
    "the captain walked along the shore and looked at the grey sea his sister had written a letter about the wedding "
    "in the village old trees stood before the house where nobody had lived since the war they ate bread and cheese "
    "in the evening and spoke of horses weather money love and death the king rode through the wood with his men",
)


def text(words: list[str], seed: int, count: int = 120) -> str:
    draw = random.Random(seed)
    return " ".join(draw.choice(words) for _ in range(count))


def crawl(folder: Path) -> Path:
    rows = [
        {"url": f"https://{kind}{number % 8}.org/{number}", "text": text(words, number)}
        for kind, words in (("code", CODE), ("prose", PROSE))
        for number in range(200)
    ]
    random.Random(1).shuffle(rows)
    path = folder / "pages.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode() + b"no page\n"))
    (folder / "seeds").mkdir()
    for number in range(20):
        (folder / f"seeds/{number}.txt").write_text(text(CODE, 1_000 + number))
    return path


def told(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["recall", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def mark(path: Path) -> int:
    """Marks what a person would; how many."""
    head, *rows = path.read_text().splitlines()
    marked = [("good" if row.split("\t")[1].startswith("code") else "bad") + row for row in rows]
    path.write_text("\n".join([head, *marked]) + "\n")
    return len(rows)


def kinds(folder: Path, number: int) -> Counter[str]:
    lines = (folder / f"round-{number}/scores.tsv").read_text().splitlines()
    return Counter("code" if "//code" in line.split("\t")[2] else "prose" for line in lines)


def test_three_rounds_find_the_pages_and_write_them(tmp_path: Path) -> None:
    path, folder = crawl(tmp_path), tmp_path / "recall"
    shown = told("begin", folder, "--seeds", tmp_path / "seeds", "--pages", path)
    assert "left out: 1 × line that is no page" in shown and "of 400 pages recalled" in shown
    assert kinds(folder, 1)["code"] > 150
    assert "no domain is marked" in told("round", folder, code=1)
    assert mark(folder / "round-1/domains.tsv") >= 8
    told("round", folder)
    assert kinds(folder, 2)["code"] > 170 and kinds(folder, 2)["prose"] < 10
    mark(folder / "round-2/domains.tsv")
    assert "take the pages" in told("round", folder)
    mark(folder / "round-3/domains.tsv")
    assert "all 3 rounds are done" in told("round", folder, code=1)
    told("write", folder, tmp_path / "out")
    written = list((tmp_path / "out").rglob("*.md"))
    assert len(written) == kinds(folder, 3)["code"] and {p.parent.name[:4] for p in written} == {"code"}
    assert (folder / "recall.json").stat().st_mode & 0o777 == 0o600
    assert (folder / "round-1/scores.tsv").stat().st_mode & 0o777 == 0o600


def test_a_round_is_the_same_again(tmp_path: Path) -> None:
    path = crawl(tmp_path)
    for name in "ab":
        told("begin", tmp_path / name, "--seeds", tmp_path / "seeds", "--pages", path)
    one, other = ((tmp_path / name / "round-1/scores.tsv").read_bytes() for name in "ab")
    assert one == other


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    path, folder = crawl(tmp_path), tmp_path / "recall"
    (tmp_path / "short.txt").write_text("short")
    refused = told("begin", folder, "--seeds", tmp_path / "short.txt", "--pages", path, code=1)
    assert "the seeds hold no text of 200 characters" in refused
    assert "holds no recall" in told("round", folder, code=1)
    told("begin", folder, "--seeds", tmp_path / "seeds", "--pages", path)
    assert "holds a recall already" in told("begin", folder, "--seeds", tmp_path / "seeds", "--pages", path, code=1)
    domains = folder / "round-1/domains.tsv"
    domains.write_text(domains.read_text().replace("\n\t", "\nperhaps\t", 1))
    assert "line 2: the mark must be good, bad or nothing, not 'perhaps'" in told("round", folder, code=1)


def test_features_are_words_and_pairs_in_any_script() -> None:
    assert len(features("one two")) == 3 and len(features("")) == 0
    assert np.array_equal(features("One TWO"), features("one, two"))
    assert len(features("编译器")) == 5 and len(features("разбор строки")) == 3
    assert len(features("word " * 100_000)) <= 4_096


def test_a_classifier_survives_its_file_and_refuses_others(tmp_path: Path) -> None:
    made = Classifier.train([text(CODE, n) for n in range(9)], [text(PROSE, n) for n in range(9)])
    made.save(tmp_path / "c.npz")
    again = Classifier.load(tmp_path / "c.npz")
    assert again.score(text(CODE, 99)) == made.score(text(CODE, 99)) > 0.7 > 0.3 > again.score(text(PROSE, 99))
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(ValueError, match="no classifier"):
        Classifier.load(tmp_path / "d.npz")
    with pytest.raises(ValueError, match="texts of both kinds"):
        Classifier.train([], ["x"])


def test_hostile_lines_are_counted(tmp_path: Path) -> None:
    lines = [
        b'{"url": "https://[::1", "text": "' + b"x" * 300 + b'"}',
        b'{"url": 3}',
        b"\xff\xfe",
        b"a" * (9 << 20),
        b"",
    ]
    lines.append(json.dumps({"url": "https://www.a.org/1", "text": "y" * 300}).encode())
    (tmp_path / "p.jsonl").write_bytes(b"\n".join(lines))
    left_out: Counter[str] = Counter()
    found = list(pages([tmp_path / "p.jsonl"], left_out))
    assert [page.domain for page in found] == ["", "a.org"] and isinstance(found[0], Page)
    assert left_out == {"line that is no page": 2, "line of more than 8 MiB": 1}
    (tmp_path / "q.jsonl.gz").write_bytes(gzip.compress(lines[-1] * 9)[:-9])
    assert list(pages([tmp_path / "q.jsonl.gz"], left_out)) == [] and left_out["file that breaks off"] == 1


def test_pages_of_one_address_count_once_and_seeds_that_are_none_are_counted(tmp_path: Path) -> None:
    crawl(tmp_path)
    twice = json.dumps({"url": "https://code0.org/0", "text": text(CODE, 7)}) + "\n"
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "pages.jsonl").write_text(twice * 3)
    (tmp_path / "seeds" / "short.txt").write_text("short")
    (tmp_path / "seeds" / "image.png").write_bytes(b"\x89PNG\xff")
    shown = told("begin", tmp_path / "r", "--seeds", tmp_path / "seeds", "--pages", tmp_path / "pages.jsonl.gz",
                 "--pages", tmp_path / "again")  # fmt: skip
    assert "left out: 3 × page of an address that was there before" in shown and "of 400 pages" in shown
    assert "1 × seed of fewer than 200 characters" in shown and "1 × seed that is no text in UTF-8" in shown


def test_what_is_gone_is_named(tmp_path: Path) -> None:
    path, folder = crawl(tmp_path), tmp_path / "recall"
    told("begin", folder, "--seeds", tmp_path / "seeds", "--pages", path)
    mark(folder / "round-1/domains.tsv")
    (folder / "round-1/scores.tsv").write_text("damaged\n")
    assert "scores.tsv is gone or damaged" in told("round", folder, code=1)
    assert "scores.tsv is gone or damaged" in told("write", folder, tmp_path / "out", code=1)
    path.unlink()
    shown = told("begin", tmp_path / "other", "--seeds", tmp_path / "seeds", "--pages", tmp_path / "seeds", code=1)
    assert "holds no file named .jsonl" in shown
    (folder / "round-1/scores.tsv").write_text("")
    assert "pages.jsonl.gz cannot be read, put it back" in told("round", folder, code=1)


def test_written_pages_have_their_licence_beside_them(tmp_path: Path) -> None:
    path, folder, out = crawl(tmp_path), tmp_path / "recall", tmp_path / "out"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()[:-1]]
    rows[0]["licence"] = "MIT"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    told("begin", folder, "--seeds", tmp_path / "seeds", "--pages", path)
    assert "no SPDX expression" in told("write", folder, out, "--licence", "MIT AND (", code=2)
    told("write", folder, out, "--licence", "CC-BY-4.0")
    licences = Counter(each.read_text() for each in out.rglob("*.license"))
    written = len(list(out.rglob("*.md")))
    recalled = any(page.url == rows[0]["url"] for page in _written(folder, path))
    assert licences["SPDX-License-Identifier: MIT\n"] == recalled
    assert licences["SPDX-License-Identifier: CC-BY-4.0\n"] == written - recalled > 100


def _written(folder: Path, path: Path) -> list[Page]:
    names = {line.split("\t")[1] for line in (folder / "round-1/scores.tsv").read_text().splitlines()}
    return [page for page in pages([path], Counter()) if page.id in names]
