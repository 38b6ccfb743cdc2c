"""Debian's Chromium for the tests of this folder, and the folder of their screenshots."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.screenshots import CHROMIUM, chromium

SCREENSHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"Debian's chromium is not at {CHROMIUM}")
    SCREENSHOTS.mkdir(exist_ok=True)
    with chromium() as found:
        yield found
