"""docs/options.md says what the options say about themselves."""

from __future__ import annotations

from tools.options_page import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make options`"
