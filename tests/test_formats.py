"""The sentinel table."""

import msgspec
import pytest

from model.formats import FORMATS, STARCODER, Format


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=str)
def test_a_format_survives_the_manifest(fmt: Format) -> None:
    assert msgspec.json.decode(msgspec.json.encode(fmt), type=Format) == fmt


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=str)
def test_sentinels_differ_and_stops_are_among_them(fmt: Format) -> None:
    assert len({fmt.prefix, fmt.middle, fmt.suffix, fmt.pad, fmt.end}) == 5
    assert set(fmt.stops) <= set(fmt.sentinels)
    assert len(set(fmt.sentinels)) == len(fmt.sentinels)


def test_starcoder_has_the_sentinels_of_all_kinds() -> None:
    assert len(STARCODER.sentinels) == 19
    assert {"<issue_start>", "<jupyter_code>", "<commit_msg>", "<filename>", "<gh_stars>"} <= set(STARCODER.sentinels)
