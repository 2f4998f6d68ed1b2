"""Sets of shingles against Python's own sets, and the file that holds them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from streams.index.minhash import sketch
from streams.index.setfile import FIRST_STEP, SetFile
from streams.index.shingles import LIMIT, LONGEST, PADDING, count_at, is_set, jaccard, pack
from tests.support.documents.scripts import BODY, OTHER
from tests.support.documents.similar import jaccard as exact_jaccard
from tests.support.documents.similar import shingles, texts


def pair(count: int, shared: float, seed: int = 3) -> tuple[set[int], set[int]]:
    """Two sets of so many numbers of 32 bits, of which they share a part."""
    chance = random.Random(seed)
    drawn = chance.sample(range(2**32), 2 * count)
    same = int(shared * count)
    return set(drawn[:count]), {*drawn[:same], *drawn[count : 2 * count - same]}


def packed(hashes: set[int]) -> bytes:
    """Written from an order that is not theirs, some of them twice."""
    order = [*hashes, *list(hashes)[::3]]
    random.Random(5).shuffle(order)
    return pack(np.array(order, np.uint32))


def counted(data: bytes) -> int:
    return count_at(np.frombuffer(data + bytes(PADDING), np.uint8), 0)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 255, 600, 4_095, 4_096, LIMIT])
@pytest.mark.parametrize("shared", [0.0, 0.5, 0.83, 0.95, 1.0])
def test_the_similarity_of_packed_sets_is_that_of_the_sets(count: int, shared: float) -> None:
    one, other = pair(count, shared)
    similarity, exact = jaccard(packed(one), packed(other)), len(one & other) / len(one | other)
    assert similarity == exact or (shared < 0.8 and abs(similarity - exact) < 1 / 4096)
    assert counted(packed(one)) == count and len(packed(one)) <= LONGEST - PADDING


@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
def test_sets_of_other_sizes_drop_other_bits_and_compare(part: int) -> None:
    one, _ = pair(3_000, 0.0)
    some = set(sorted(one, key=lambda h: h * 2654435761 % 2**32)[: int(part * 3_000)])
    assert jaccard(packed(one), packed(some)) == len(some) / len(one)


@pytest.mark.parametrize("count", [LIMIT + 1, 40_000, 300_000])
@pytest.mark.parametrize("shared", [0.2, 0.82, 1.0])
def test_a_large_set_is_a_sample_and_its_similarity_near(count: int, shared: float) -> None:
    one, other = pair(count, shared)
    exact, size = len(one & other) / len(one | other), counted(packed(one))
    assert LIMIT / 2 * 0.95 < size <= LIMIT and len(packed(one)) <= LONGEST - PADDING
    assert abs(jaccard(packed(one), packed(other)) - exact) < 0.015


def test_samples_of_two_levels_are_compared_at_the_higher_one() -> None:
    one, _ = pair(100_000, 0.0)
    third = set(list(one)[:33_000])
    assert abs(jaccard(packed(one), packed(third)) - 0.33) < 0.03
    few = set(list(one)[:6_000])
    assert abs(jaccard(packed(one), packed(few)) - 0.06) < 0.02


def test_the_set_of_a_text_is_that_of_its_shingles() -> None:
    for one, other in texts(50):
        assert jaccard(sketch(one).shingles, sketch(other).shingles) == exact_jaccard(one, other)
        assert counted(sketch(one).shingles) == len(shingles(one))
    assert sketch("only four words here") == (b"", b"")
    repeated = sketch("one two three four five " * 50)
    assert counted(repeated.shingles) == 5


@pytest.mark.parametrize("script", BODY)
def test_a_text_of_any_script_has_room_for_all_its_shingles(script: str) -> None:
    one, other = BODY[script], OTHER[script]
    assert jaccard(sketch(one).shingles, sketch(one + " x").shingles) > 0.8
    assert jaccard(sketch(one).shingles, sketch(other).shingles) < 0.2
    assert counted(sketch("b登" * 200).shingles) == 2


def test_what_is_no_set_is_known_and_damage_is_read_within_bounds() -> None:
    data = packed(pair(500, 0.0)[0])
    assert is_set(data)
    assert not any(map(is_set, (b"", data[:-1], data + b"\0", data[:6], b"\0" * 9, b"\xff" * len(data))))
    chance = random.Random(11)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(20):
            damaged[chance.randrange(6, len(data))] = chance.randrange(256)
        assert is_set(bytes(damaged)) and 0.0 <= jaccard(bytes(damaged), data) <= 1.0
    assert 0.0 <= jaccard(data[:6] + b"\0" * (len(data) - 6), data) <= 1.0


def test_the_file_grows_and_keeps_what_is_in_it(tmp_path: Path) -> None:
    sets, blocks = SetFile(tmp_path), [bytes([n]) * (FIRST_STEP // 2 + n) for n in range(1, 8)]
    places: list[int] = []
    for block in blocks:
        sets.reserve(len(block))
        sets.data[sets.used : sets.used + len(block)] = np.frombuffer(block, np.uint8)
        places.append(sets.used)
        sets.used += len(block)
    assert [sets.data[at : at + len(b)].tobytes() for at, b in zip(places, blocks, strict=True)] == blocks
    assert len(sets.data) >= sets.used + PADDING


def test_the_file_is_its_owners_alone_and_leaves_nothing(tmp_path: Path) -> None:
    one, other = SetFile(tmp_path), SetFile(tmp_path)
    one.reserve(10)
    other.reserve(10)
    one.data[1], other.data[1] = 7, 8
    assert (one.data[1], one.mode & 0o077, one.mode) == (7, 0, 0o600)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_an_error_before_anything_is_written(tmp_path: Path) -> None:
    sets = SetFile(tmp_path)
    sets.reserve(10)
    sets.data[1] = 7
    with pytest.raises(OSError, match=r"too large|No space"):
        sets.reserve(1 << 60)
    assert (sets.used, sets.data[1]) == (1, 7)
    sets.reserve(2 * FIRST_STEP)
    assert sets.data[1] == 7
