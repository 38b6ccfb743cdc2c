"""Debian's Chromium for the tests of this folder, and the folder of their screenshots."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.screenshots import CHROMIUM, SCREENSHOTS, chromium

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
"""Brought by npm; what it checks is left out where it is not there."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"Debian's chromium is not at {CHROMIUM}")
    SCREENSHOTS.mkdir(exist_ok=True)
    with chromium() as found:
        yield found
