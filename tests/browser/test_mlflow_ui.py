"""The MLflow UI and the report as people see them: real `mlflow ui`, real runs, Debian's Chromium."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.browser.conftest import AXE
from tests.browser.screenshots import (
    SCREENSHOTS,
    mlflow_ui,
    newest_runs,
    open_artifact,
    open_comparison,
    open_page,
)
from tests.conftest import PipelineRun
from tests.sentiment.reporting.test_report import HARMFUL, compare_drawn, render


@pytest.fixture(scope="module")
def address(small_run: PipelineRun, browser: Browser) -> Iterator[str]:
    with mlflow_ui(small_run.folder) as found:
        yield found


@pytest.fixture(scope="module")
def verdict(small_run: PipelineRun) -> str:
    """The first one that the pipeline printed, as the report begins it."""
    line = next(line for line in small_run.output.splitlines() if "95 % interval" in line)
    words = re.split(r"\s{2,}", line.strip())[0]
    return words[0].upper() + words[1:]


def test_compare_shows_both_models_with_their_accuracies(
    small_run: PipelineRun, browser: Browser, address: str
) -> None:
    parent, models = newest_runs(small_run.tracking_uri)
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    open_comparison(page, address, parent, [models["lstm"], models["simple_rnn"]])
    for name in ("LSTM", "SimpleRNN"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    metric = page.get_by_text("test_accuracy", exact=True).first
    metric.scroll_into_view_if_needed()
    for model in ("lstm", "simple_rnn"):
        accuracy = f"{models[model].data.metrics['test_accuracy']:.3f}".rstrip("0")
        expect(page.get_by_text(accuracy, exact=True).first).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "compare.png")
    page.close()


def test_the_artifact_view_shows_the_report(
    small_run: PipelineRun, browser: Browser, address: str, verdict: str
) -> None:
    parent, _ = newest_runs(small_run.tracking_uri)
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    frame = open_artifact(page, address, parent, "report.html")
    expect(frame.locator("#verdict")).to_contain_text(verdict)
    page.screenshot(path=SCREENSHOTS / "artifact.png")
    page.close()


def test_the_artifact_view_runs_the_playground(small_run: PipelineRun, browser: Browser, address: str) -> None:
    _, models = newest_runs(small_run.tracking_uri)
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    frame = open_artifact(page, address, models["lstm"], "playground.html")
    expect(frame.locator("#verdict")).to_contain_text("P(positive)")
    frame.locator("#text").fill("a wonderful film")
    expect(frame.locator("#facts")).to_contain_text("3 words")
    page.screenshot(path=SCREENSHOTS / "playground.png")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_report_stands_by_itself(
    small_run: PipelineRun, browser: Browser, verdict: str, scheme: Literal["light", "dark"], width: int
) -> None:
    """In light and dark, wide and narrow: no error in the console, no request, nothing wider than the window.

    A value of the configuration is seen whole, and axe-core finds nothing, contrast by WCAG AA included.
    """
    size: ViewportSize = {"width": width, "height": 900}
    page = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=AXE.exists()).new_page()
    messages: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    path = small_run.folder / "report.html"
    open_page(page, path)
    page.wait_for_load_state("networkidle")
    expect(page.locator("main")).to_contain_text(verdict)
    assert messages == []
    assert [request for request in requests if not request.startswith("data:")] == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = (page.evaluate(f"getComputedStyle(document.body).{style}") for style in ("color", "backgroundColor"))
    assert (brightness(ink) > brightness(paper)) == (scheme == "dark")
    assert page.evaluate("getComputedStyle(document.querySelector('svg text')).fill") == ink
    page.screenshot(path=SCREENSHOTS / f"report-{scheme}-{width}.png", full_page=True)
    value = page.get_by_role("row", name="vocabulary.num_words").get_by_role("cell").bounding_box()
    assert value is not None and value["x"] + value["width"] <= width
    heading, below = (
        page.evaluate(f"parseFloat(getComputedStyle(document.querySelector('{h}')).fontSize)") for h in ("h1", "h2")
    )
    assert heading > below
    if AXE.exists():
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run()")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    page.context.close()


def brightness(colour: str) -> int:
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_a_review_that_holds_a_script_is_shown_and_never_run(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(render(compare_drawn()), "utf-8")
    page = browser.new_page()
    open_page(page, tmp_path / "report.html")
    page.wait_for_load_state("networkidle")
    expect(page.get_by_text(HARMFUL).first).to_be_visible()
    assert page.title() == "LSTM vs SimpleRNN"
    page.close()
