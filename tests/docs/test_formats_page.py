"""docs/formats.md is what the registry says."""

from formats_page import PAGE, page

from model.fim.formats import FORMATS


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python tests/formats_page.py`"


def test_every_format_and_every_sentinel_is_on_it() -> None:
    shown = page().replace("\\|", "|")
    for fmt in FORMATS.values():
        assert f"### {fmt.name}\n" in shown
        assert all(f"`{s}`" in shown for s in fmt.sentinels if not fmt.span or s not in map(fmt.mask, range(9)))
