"""docs/formats.md is what the registry says."""

from model.fim.formats import FORMATS
from tests.formats_page import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.formats_page`"


def test_every_format_and_every_sentinel_is_on_it() -> None:
    shown = page().replace("\\|", "|")
    for fmt in FORMATS.values():
        assert f"### {fmt.name}\n" in shown
        assert all(f"`{s}`" in shown for s in fmt.sentinels if not fmt.span or s not in map(fmt.mask, range(9)))
