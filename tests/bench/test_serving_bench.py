"""The bench `serving` measures what it says: traces are the same every time, a newer key ends a request, and an answer
is right when it is what is typed next and comes in time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from itertools import islice, pairwise

import pytest

from tests.tree import ROOT

sys.path.insert(0, str(ROOT / "bench"))

import serving
from common.serving import typing_traces
from common.serving.figures import figures, percentile
from common.serving.replay import Asked, as_editor, replay
from common.serving.sides import Question
from common.serving.typing_traces import Key, Place

FILES = [(f"m{n}.py", "".join(f"def f{n}_{i}(x):\n    return x + {i}\n\n\n" for i in range(80))) for n in range(5)]
PLACE = Place("m.py", "python", "x = 1\n", "abc = def", "\ny = 2\n")


def test_traces_are_the_same_every_time_and_of_each_user_others() -> None:
    one, again, other = (list(islice(typing_traces.keys(user, FILES), 400)) for user in (3, 3, 4))
    assert one == again != other
    assert all(a.at < b.at for a, b in pairwise(one))
    gaps = sorted(b.at - a.at for a, b in pairwise(one))
    assert 0.05 < gaps[len(gaps) // 2] < 0.5 and gaps[-1] > 0.6


def test_a_place_that_is_typed_to_its_end_is_the_file_again() -> None:
    texts = dict(FILES)
    for key in islice(typing_traces.keys(7, FILES), 600):
        context, place = key.context("u"), key.place
        assert place.before + place.target + place.after == texts[place.path]
        assert context.prefix == place.before + place.target[: key.typed] and context.suffix.startswith("\n")
        assert (context.prefix + key.rest + "\n").endswith(
            place.target[: key.typed].rpartition("\n")[2] + key.rest + "\n"
        )


class Slow:
    """A side whose answers are `bc = def` and take so long."""

    pid = 0

    def __init__(self, seconds: float) -> None:
        self._seconds, self.ended = seconds, 0

    async def ask(self, question: Question) -> AsyncGenerator[str]:
        try:
            await asyncio.sleep(self._seconds)
            yield " = def"
            yield "\n"
        finally:
            self.ended += 1


def key(at: float, typed: int) -> Key:
    return Key(at, PLACE, typed)


async def test_a_newer_key_ends_the_request_and_the_last_one_is_right() -> None:
    side = Slow(0.1)
    found = await replay(side, {0: [key(0.0, 1), key(0.02, 2), key(0.12, 3)]}, as_editor)
    assert [(one.asked, one.shown is not None, one.is_right) for one in found] == [
        (False, False, False), (True, False, False), (True, True, True),
    ]  # fmt: skip
    assert found[2].shown is not None and found[2].shown >= 0.15, "the editor's wait and the answer"
    assert side.ended == 2
    made = figures(found, 10.0, True)
    assert (made["keys"], made["requests"], made["shown"], made["right"], made["answers_s"]) == (3, 2, 1, 1, 0.1)
    assert figures(found, 10.0, False)["answers_s"] is None


def test_what_comes_late_or_is_something_else_is_not_right() -> None:
    def asked(first: str, shown: float | None) -> Asked:
        return Asked(key(0.0, 3), 0.0, True, shown, first)

    assert asked(" = def", 0.65).is_right and asked(" = def ", 0.1).is_right
    assert (
        not asked(" = def", 0.651).is_right and not asked(" = d", 0.1).is_right and not asked(" = def", None).is_right
    )
    assert not Asked(key(0.0, 9), 0.0, True, 0.1, "").is_right, "there is nothing left to type"


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.95, 10), (0.99, 10), (0.1, 1)])
def test_percentiles(share: float, expected: int) -> None:
    assert percentile(range(10, 0, -1), share) == expected
    assert percentile([], share) is None


def test_the_summary_is_of_the_most_users_in_time() -> None:
    def side(p99: float, answers: float, failed: int = 0) -> dict[str, float]:
        return {"p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": p99, "answers_s": answers, "failed": failed}

    rows = [
        {"users": 1, "ours": side(100, 1.0), "llama_cpp": side(200, 1.0)},
        {"users": 8, "ours": side(650, 4.0), "llama_cpp": side(900, 1.0)},
        {"users": 16, "ours": side(300, 9.0, failed=1)},
    ]
    made = serving.summary(rows)
    assert (made["users"], made["llama_cpp_users"], made["ratio"], made["p99_ms"]) == (8, 1, 4.0, 650)
    assert serving.summary([{"users": 1, "ours": side(700, 1.0), "llama_cpp": None}])["users"] == 0
