"""Archives by name: packages described as they are published, members read safely, damage and bombs bounded."""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.event import Files, Notebook
from streams.sources.folders import members as reading
from streams.sources.folders.archive_names import is_archive, is_readable, name_and_version
from streams.sources.folders.archives import UnreadableArchive, events
from streams.sources.folders.members import members, safe_path
from tests.support.licences import licences

METADATA = "Metadata-Version: 2.4\nName: My_Pkg\nVersion: 1.2\nLicense-Expression: MIT\n\nName: other\n"
CARGO = '[package]\nname = "my-crate"\nversion = "0.3.1"\nlicense = "MIT/Apache-2.0"\n'
DAMAGED = "archive damaged or too large"


def zipped(path: Path, contents: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, contents: dict[str, str | bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in contents.items():
            value = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(value)
            archive.addfile(member, io.BytesIO(value))
    return path


def read(path: Path, name: str = "") -> tuple[list[Files | Notebook], Counter[str], list[str]]:
    left_out: Counter[str] = Counter()
    told: list[str] = []
    found: list[Files | Notebook] = []
    try:
        for event in events(path, left_out, name, told.append):
            found.append(event)
    except UnreadableArchive as error:
        told.append(str(error))
    return found, left_out, told


def paths(found: list[Files | Notebook]) -> list[str]:
    return [file.path for event in found if isinstance(event, Files) for file in event.files]


@pytest.mark.parametrize(
    ("file", "contents", "key", "version", "licence", "shown"),
    [
        ("my_pkg-1.2-py3-none-any.whl", {"my/a.py": "a", "my_pkg-1.2.dist-info/METADATA": METADATA},
         "pypi/My_Pkg", "1.2", "MIT", ["my/a.py", "my_pkg-1.2.dist-info/METADATA"]),
        ("my_pkg-1.2-py3-none-any.whl", {"my/a.py": "a"}, "pypi/my_pkg", "1.2", "", ["my/a.py"]),
        ("my_pkg-1.2.tar.gz", {"my_pkg-1.2/PKG-INFO": METADATA, "my_pkg-1.2/a.py": "a"},
         "pypi/My_Pkg", "1.2", "MIT", ["PKG-INFO", "a.py"]),
        ("my-crate-0.3.1.crate", {"my-crate-0.3.1/Cargo.toml": CARGO, "my-crate-0.3.1/src/lib.rs": "fn f() {}"},
         "crates/my-crate", "0.3.1", "MIT OR Apache-2.0", ["Cargo.toml", "src/lib.rs"]),
        ("left-pad-1.3.0.tgz", {"package/package.json": '{"name": "@a/pad", "version": "1.3.0", "license": "ISC"}'},
         "npm/@a/pad", "1.3.0", "ISC", ["package.json"]),
        ("repo-main.zip", {"repo-main/LICENSE": licences.licence("Apache-2.0"), "repo-main/a.py": "a"},
         "local/repo-main", "", "Apache-2.0", ["LICENSE", "a.py"]),
        ("repo-1.0.tar.bz2", {"a.py": "a", "b/c.py": "c"}, "local/repo", "1.0", "", ["a.py", "b/c.py"]),
        ("repo-1.0.tar.xz", {"x/package.json": "[", "x/b.py": "b"}, "local/repo", "1.0", "", ["package.json", "b.py"]),
        ("bad-1.0.crate", {"bad-1.0/Cargo.toml": "x = ["}, "crates/bad", "1.0", "", ["Cargo.toml"]),
    ],
)  # fmt: skip
def test_packages_are_described_as_they_are_published(
    tmp_path: Path, file: str, contents: dict[str, str | bytes], key: str, version: str, licence: str, shown: list[str]
) -> None:
    modes = {"gz": "w:gz", "rate": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}
    if file.endswith((".whl", ".zip")):
        zipped(tmp_path / file, contents)
    else:
        tarred(tmp_path / file, contents, next(mode for end, mode in modes.items() if file.endswith(end)))
    (event,), left_out, told = read(tmp_path / file)
    assert isinstance(event, Files)
    assert (event.repository.key, event.revision, event.repository.licence) == (key, version, licence)
    assert paths([event]) == shown
    assert (left_out, told) == ({}, [])
    assert read(tmp_path / file, "told")[0][0].repository.key == "local/told"


def test_a_package_within_a_wheel_does_not_describe_it(tmp_path: Path) -> None:
    inner = {"pip/_vendor/x.dist-info/METADATA": METADATA, "pip/a.py": "a"}
    (event,), *_ = read(zipped(tmp_path / "pip-24.0-py3-none-any.whl", inner))
    assert (event.repository.key, event.repository.licence) == ("pypi/pip", "")


def test_members_that_are_no_texts_are_counted(tmp_path: Path) -> None:
    contents = {
        "a.py": "a", ".env": "KEY=1", "n.ipynb": '{"cells": [{"cell_type": "code", "source": "1"}]}', "bad.ipynb": "{",
        "inner.whl": b"PK", "image.png": b"\0", "big.py": b"#" * (1 << 20 | 1), "../up.py": "x", "/abs.py": "x",
        "a\\b.py": "x", "c:x.py": "x", "d/../../e.py": "x",
    }  # fmt: skip
    for path in (zipped(tmp_path / "x.zip", contents), tarred(tmp_path / "x.tar.gz", contents)):
        found, left_out, told = read(path)
        assert paths(found) == ["a.py"]
        assert [event.path for event in found if isinstance(event, Notebook)] == ["n.ipynb"]
        assert left_out == {
            "private by its name": 1, "notebook malformed": 1, "archive within a folder or an archive": 1, "binary": 1,
            "larger than 1 MiB": 1, "archive's member with an unsafe path": 5,
        }  # fmt: skip
        assert told == [f"{path}: bad.ipynb"]


def test_links_devices_and_sparse_members_are_counted(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, kind in (
            ("s", tarfile.SYMTYPE),
            ("l", tarfile.LNKTYPE),
            ("c", tarfile.CHRTYPE),
            ("p", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert read(tmp_path / "x.tar")[1] == {"symbolic link": 2, "no regular file": 2}
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert read(tmp_path / "x.zip")[1] == {"symbolic link": 1}


def test_encrypted_damaged_and_odd_members_are_counted_and_the_others_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.py": "aaaa", "b.py": "bbbb", "c.py": "cccc"}, zipfile.ZIP_STORED)
    value = bytearray(path.read_bytes())
    value[value.index(b"PK\1\2") + 8] |= 1
    value[value.index(b"bbbb")] = ord("x")
    path.write_bytes(value)
    found, left_out, _ = read(path)
    assert paths(found) == ["c.py"]
    assert left_out == {"archive's member encrypted": 1, "archive's member damaged": 1}
    odd, left_out, _ = read(zipped(tmp_path / "y.zip", {"a.py": "a"}, zipfile.ZIP_LZMA))
    assert (odd, left_out) == ([], {"archive's member compressed in a way that is not read": 1})


def test_a_name_that_comes_twice_counts_once(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for value in (b"1", b"2"):
            member = tarfile.TarInfo("a.py")
            member.size = 1
            archive.addfile(member, io.BytesIO(value))
    found, left_out, _ = read(tmp_path / "x.tar")
    assert [file.text for file in found[0].files] == ["1"]
    assert left_out == {"archive's member of a name that was there": 1}


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ".tar.xz", ".tar.bz2", ".whl", ".crate"])
@pytest.mark.parametrize("value", [b"", b"PK\5\6", b"\x1f\x8b", b"no archive at all" * 100, b"\xfd7zXZ\0", b"BZh9"])
def test_a_file_that_is_no_archive_is_counted_and_told(tmp_path: Path, ending: str, value: bytes) -> None:
    (tmp_path / f"x{ending}").write_bytes(value)
    found, left_out, (sentence,) = read(tmp_path / f"x{ending}")
    assert (found, left_out) == ([], {DAMAGED: 1})
    assert sentence.startswith(f"{tmp_path / f'x{ending}'} cannot be read: ")


@pytest.mark.parametrize(("mode", "ending"), [("w", ".tar"), ("w:gz", ".tgz"), ("w:xz", ".txz"), ("w:bz2", ".tbz2")])
def test_nothing_comes_from_an_archive_that_is_cut(tmp_path: Path, mode: str, ending: str) -> None:
    path = tarred(tmp_path / f"x{ending}", {f"{i}.py": str(i) * 3000 for i in range(50)}, mode)
    assert len(paths(read(path)[0])) == 50
    value = path.read_bytes()
    path.write_bytes(value[: len(value) * 2 // 3])
    assert read(path)[:2] == ([], {DAMAGED: 1})


def test_a_header_that_is_damaged_is_not_taken_for_the_end(tmp_path: Path) -> None:
    path = tarred(tmp_path / "x.tar", {f"{i}.py": "x" for i in range(9)}, "w")
    value = bytearray(path.read_bytes())
    value[4096 + 10] ^= 255
    path.write_bytes(value)
    assert read(path)[1] == {DAMAGED: 1}


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_a_bomb_is_read_to_its_bound_only(tmp_path: Path, mode: str) -> None:
    path = tarred(tmp_path / f"x.tar.{mode[2:]}", {"a.py": "a", "zeros": b"\0" * (40 << 20)}, mode)
    found, left_out, (sentence,) = read(path)
    assert (found, left_out) == ([], {DAMAGED: 1})
    assert sentence.endswith("holds more than 200 times its own size")


def test_bombs_of_zips_are_read_to_their_bound_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "x.zip", {f"{i}.py": b" " * (1 << 20) for i in range(20)})
    found, left_out, told = read(path)
    assert left_out == {DAMAGED: 1} and "200 times" in told[0]
    assert len(paths(found)) < 20
    lying = bytearray(zipped(tmp_path / "y.zip", {"a.py": b" " * (30 << 20)}).read_bytes())
    at = lying.index(b"PK\1\2") + 24
    lying[at : at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "y.zip").write_bytes(lying)
    assert read(tmp_path / "y.zip")[1] == {"archive's member damaged": 1}


def test_members_and_directories_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_MEMBERS", 3)
    path = zipped(tmp_path / "x.zip", {f"{i}.py": "x" for i in range(4)})
    assert "has more than 3 members" in read(path)[2][0]
    monkeypatch.setattr(reading, "MAX_DIRECTORY_BYTES", 100)
    assert "has a directory of more than 16 MiB" in read(path)[2][0]


def test_an_xz_stream_that_asks_for_much_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_XZ_MEMORY", 1 << 20)
    assert "emory" in read(tarred(tmp_path / "x.tar.xz", {"a.py": "a"}, "w:xz"))[2][0]
    monkeypatch.undo()
    both = lzma.compress(b"") + (tmp_path / "x.tar.xz").read_bytes() + b"\0" * 8
    (tmp_path / "y.tar.xz").write_bytes(both)
    assert paths(read(tmp_path / "y.tar.xz")[0]) == ["a.py"]


def test_a_long_header_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        member = tarfile.TarInfo("a.py")
        member.pax_headers = {"comment": "x" * (2 << 20)}
        archive.addfile(member)
    assert "a header of more than 1 MiB" in read(tmp_path / "x.tar")[2][0]


NAMES = st.text(st.sampled_from("ab./\\:\0é\ud800 "), max_size=12)


@given(NAMES)
def test_no_path_leads_outside(name: str) -> None:
    place = safe_path(name)
    assert not place.startswith("/") and ".." not in place.split("/") and "\\" not in place
    assert safe_path(place) == place


SMALL = {"a/x.py": "x = 1\n", "a/y.md": "é" * 500, "a/LICENSE": "MIT", "a/n.ipynb": '{"cells": []}', "a/b/c": b"\0"}


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ".tar.xz", ".tar.bz2"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_is_an_outcome(tmp_path_factory, ending: str, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("a") / f"x{ending}"
    if ending == ".zip":
        zipped(path, SMALL)
    else:
        tarred(path, SMALL, "w:" + ending[5:])
    value = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, min(len(value), 3000) - 1), max_size=6)):
        value[at] = data.draw(st.integers(0, 255))
    path.write_bytes(value[: data.draw(st.integers(len(value) // 2, len(value)))])
    found, left_out, told = read(path)
    assert all(isinstance(event, Files | Notebook) for event in found)
    assert bool(left_out[DAMAGED]) == any(str(path) + " " in sentence for sentence in told)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pkg-1.2-py3-none-any.whl", ("pkg", "1.2")), ("a_b-1.2.post1-1-cp311-abi3-linux.whl", ("a_b", "1.2.post1")),
        ("x-y-1.2.tar.gz", ("x-y", "1.2")), ("main.zip", ("main", "")), ("serde-1.0.200.crate", ("serde", "1.0.200")),
        ("v1.2.zip", ("v1.2", "")), ("repo-v2.tgz", ("repo", "2")), (".zip", (".zip", "")),
    ],
)  # fmt: skip
def test_names_say_package_and_version(name: str, told: tuple[str, str]) -> None:
    assert is_readable(name) and is_archive(name)
    assert name_and_version(name) == told


def test_other_archives_are_not_read() -> None:
    assert is_archive("a.jar") and not is_readable("a.jar")
    assert not is_archive("targz.py")


def test_members_are_read_in_order(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"b": "1", "a": "2"})
    assert [(name, value()) for name, value in members(path, Counter(), lambda _: 10)] == [("b", b"1"), ("a", b"2")]


def test_the_command_says_what_it_reads() -> None:
    from midstream.commands.ingest import files

    assert "crates" in CliRunner().invoke(files, ["--help"]).output
