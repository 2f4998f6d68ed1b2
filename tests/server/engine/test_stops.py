"""Text leaves in whole characters, and never with the beginning of a stop string."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from server.engine.stops import Stops

TEXT = st.text(st.sampled_from("ab\r\né漢😀"), max_size=20)


def run(data: bytes, cuts: list[int], stops: Stops) -> tuple[list[str], bool]:
    """Pushes `data` cut at `cuts`; the pieces, and whether a stop string ended it."""
    pieces: list[str] = []
    at = [0, *sorted(c % (len(data) + 1) for c in cuts), len(data)]
    for start, end in pairwise(at):
        pieces.append(stops.push(data[start:end]))
        if stops.stopped:
            return pieces, True
    return [*pieces, stops.finish()], False


@given(TEXT, st.lists(st.integers(0, 80), max_size=8), st.lists(st.text("ab\n", min_size=1, max_size=3), max_size=3))
def test_the_text_ends_before_the_first_stop_however_it_is_cut(text: str, cuts: list[int], stops: list[str]) -> None:
    pieces, stopped = run(text.encode(), cuts, Stops(stops))
    shown = "".join(pieces)
    assert text.startswith(shown)
    assert stopped == any(s in text for s in stops)
    if stopped:
        assert not any(s in shown for s in stops)
        assert any(text[len(shown) :].startswith(s) for s in stops)
    else:
        assert shown == text


@given(TEXT, st.lists(st.integers(0, 80), max_size=8))
def test_a_single_line_has_no_line_end(text: str, cuts: list[int]) -> None:
    shown = "".join(run(text.encode(), cuts, Stops((), single_line=True))[0])
    assert shown == text.split("\n")[0].removesuffix(
        "\r" if "\r\n" in text and text.split("\n")[0][-1:] == "\r" else ""
    )


def test_an_unfinished_character_is_dropped() -> None:
    stops = Stops(())
    assert stops.push("a漢".encode()[:-1]) == "a"
    assert stops.finish() == ""


def test_a_beginning_of_a_stop_is_held_back() -> None:
    stops = Stops(("END",))
    assert stops.push(b"x EN") == "x "
    assert stops.push(b"E") == "EN"
    assert stops.push(b"ND and more") == ""
    assert stops.stopped
