"""The playground in Debian's Chromium: the same verdicts as Python, and a page for everybody, without any request."""

import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, ViewportSize, expect

from sentiment.classifier import SentimentClassifier
from sentiment.data.labels import cut_scores, expected_position, label_probabilities
from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.reporting.playground import Example, render_playground
from sentiment.training.models import ModelConfig, build_model
from tests.browser.conftest import AXE
from tests.browser.screenshots import SCREENSHOTS
from tests.ordered import with_cut_points

HARMFUL = "Good <script>document.title = 'taken'</script><img src=x onerror=alert(1)> film"
REVIEW = "This film was not good, but the actors were wonderful and I loved them. It was dull."
PARITY = 1e-5


@pytest.fixture(scope="module")
def classifier() -> SentimentClassifier:
    """Untrained, with weights that are large enough for words to matter."""
    vocabulary = Vocabulary.fit([REVIEW], 40)
    model = ModelConfig(embedding_dim=6, units=5, bidirectional=True, pooling="max_mean", mask_padding=True)
    network = build_model("lstm", model, num_words=40, maxlen=30, seed=3)
    generator = np.random.default_rng(5)
    network.set_weights([0.4 * generator.normal(size=array.shape) for array in network.get_weights()])
    return SentimentClassifier.from_model(RecurrentModel.from_keras(vocabulary, SequenceConfig(maxlen=30), network))


@pytest.fixture(scope="module")
def path(classifier: SentimentClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("playground") / "page.html"
    examples = [Example("A test review", REVIEW, "negative"), Example("Harmful", HARMFUL)]
    path.write_text(render_playground(classifier, examples, exact=True, name="small"), "utf-8")
    return path


def opened(browser: Browser, path: Path, fragment: str = "", **options: Any) -> Page:
    page = browser.new_page(**options)
    page.goto(path.as_uri() + fragment)
    settled(page)
    return page


def settled(page: Page) -> None:
    page.locator("html[data-finished=true]").wait_for(state="attached")


def test_control_characters_are_shown_and_directions_end_with_their_word(browser: Browser, path: Path) -> None:
    page = opened(browser, path)
    page.locator("#text").fill("a \u202eevil\0 film")
    settled(page)
    page.get_by_text("Drop words").click()
    word = page.locator("#pieces .piece").nth(1)
    assert word.text_content() == "\u202eevil\u2400"
    assert word.evaluate("element => getComputedStyle(element).unicodeBidi") == "isolate"


def test_chromium_gives_the_verdicts_of_the_classifier(
    browser: Browser, path: Path, classifier: SentimentClassifier
) -> None:
    page = opened(browser, path)
    words = st.lists(st.sampled_from(re.findall(r"\w+", REVIEW)), max_size=40).map(" ".join)

    @settings(max_examples=10)
    @given(st.lists(st.one_of(st.text(max_size=30), words), min_size=20, max_size=20))
    def twenty_at_once(texts: list[str]) -> None:
        found = page.evaluate(
            """texts => texts.map((text) => {
                const field = document.getElementById("text");
                field.value = text;
                field.dispatchEvent(new Event("input"));
                return Number(document.getElementById("verdict").dataset.probability);
            })""",
            texts,
        )
        assert np.abs(found - classifier.positive_probability(texts)).max() <= PARITY

    twenty_at_once()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_playground_stands_by_itself_and_is_accessible(
    browser: Browser, path: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    """No error in the console, no request, nothing wider than the window; axe-core finds nothing in any mode."""
    size: ViewportSize = {"width": width, "height": 900}
    page = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=AXE.exists()).new_page()
    messages: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    settled(page)
    for mode in ("Drop words", "Swap clauses", "Write"):
        page.get_by_text(mode, exact=True).click()
        if mode == "Drop words":
            page.locator("#pieces button", has_text="not").click()
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=SCREENSHOTS / f"playground-{mode[:4].lower()}-{scheme}-{width}.png", full_page=True)
        if AXE.exists():
            page.evaluate(AXE.read_text("utf-8"))
            found = page.evaluate("axe.run()")
            assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert messages == []
    assert [request for request in requests if not request.startswith("data:")] == [path.as_uri()]
    page.context.close()


def test_the_policy_lets_no_request_out(browser: Browser, path: Path) -> None:
    page = opened(browser, path)
    blocked = page.evaluate("fetch('https://example.org/').then(() => 'sent', (error) => String(error))")
    assert "TypeError" in blocked
    page.close()


def test_a_review_that_holds_markup_is_shown_as_it_was_written(browser: Browser, path: Path) -> None:
    page = opened(browser, path)
    page.get_by_role("button", name="Harmful").click()
    page.get_by_text("Drop words", exact=True).click()
    expect(page.locator("#pieces")).to_contain_text("<script>document.title = 'taken'</script>")
    assert page.title() == "small: playground"
    assert page.locator("#pieces script, #pieces img, #backdrop script").count() == 0
    page.close()


def test_words_are_dropped_and_compared_by_the_keyboard_alone(browser: Browser, path: Path) -> None:
    page = opened(browser, path)
    page.locator("input[name=mode][value=write]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    for _ in REVIEW.split():  # the tabulator reaches the word that decided most
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.textContent") == "This"
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    settled(page)
    assert page.locator("#text").input_value() == REVIEW.replace("not ", "")
    assert page.evaluate("document.activeElement.textContent") == "good"
    expect(page.locator("#original .gone")).to_have_text("not")
    expect(page.locator("#difference")).to_contain_text("points of P(positive)")
    page.get_by_role("button", name="Back to the original").press("Enter")
    assert page.locator("#text").input_value() == REVIEW
    page.close()


def test_two_clauses_are_swapped(browser: Browser, path: Path) -> None:
    page = opened(browser, path)
    page.get_by_text("Swap clauses", exact=True).click()
    page.get_by_role("button", name="Swap “This film").click()
    assert page.locator("#text").input_value() == (
        "The actors were wonderful and I loved them, but this film was not good. It was dull."
    )
    page.close()


def test_a_link_opens_the_page_on_its_text_and_the_text_beside_it(browser: Browser, path: Path) -> None:
    page = opened(browser, path, "#text=100%25%20good%20%2B%20%F0%9F%98%80&held=not%20good")
    assert page.locator("#text").input_value() == "100% good + \U0001f600"
    expect(page.locator("#original")).to_contain_text("not good")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#shared")).not_to_be_empty()
    page.close()


def test_integrated_gradients_and_the_numbers_of_python_stand_side_by_side(
    browser: Browser, classifier: SentimentClassifier, tmp_path: Path
) -> None:
    explanation = classifier.explain("wonderful actors but a dull film")
    path = tmp_path / "opened.html"
    path.write_text(render_playground(classifier, exact=True, opened_on=explanation), "utf-8")
    page = opened(browser, path)
    assert page.locator("#text").input_value() == explanation.text
    expect(page.locator("#python")).to_contain_text(f"Python computes {100 * explanation.probability:.3f} %")
    page.get_by_text("Integrated gradients", exact=True).first.click()
    settled(page)
    expect(page.locator("#progress")).to_contain_text("numerical error")
    shown = dict(
        zip(page.locator("#numbers dt").all_inner_texts(), page.locator("#numbers dd").all_inner_texts(), strict=True)
    )
    assert shown["Integrated gradients"] == shown["Python: integrated gradients"]
    assert shown["Occlusion"] == shown["Python: occlusion"]
    page.locator("#text").fill("another text")
    expect(page.locator("#python")).to_be_hidden()
    page.close()


def test_ordered_labels_have_their_probabilities_and_the_curve_its_cut_points(
    browser: Browser, classifier: SentimentClassifier, tmp_path: Path
) -> None:
    stars = with_cut_points(classifier, (-0.9, -0.2, 0.3, 1.0))
    path = tmp_path / "stars.html"
    path.write_text(render_playground(stars, [Example("A test review", REVIEW)], exact=True), "utf-8")
    page = browser.new_context(viewport={"width": 360, "height": 900}, bypass_csp=AXE.exists()).new_page()
    page.goto(path.as_uri())
    settled(page)
    [expected] = stars.annotate(REVIEW).to_dict("records")
    label, mean = expected["predicted_label"], expected["expected_label"]
    expect(page.locator("#verdict strong")).to_have_text(label)
    expect(page.locator("#verdict")).to_contain_text(
        f"{100 * expected[f'probability_{label}']:.1f} %, expected {mean:.1f}"
    )
    rows = [f"{number}{100 * expected[f'probability_{number}']:.1f} %" for number in range(1, 6)]
    assert page.locator("#probabilities li").all_text_contents() == rows
    heights = page.locator("#curve .cut").evaluate_all("lines => lines.map((line) => Number(line.getAttribute('y1')))")
    cut_points = stars.recurrent_model.network.cut_points
    positions = expected_position(label_probabilities(cut_scores(cut_points, cut_points)))
    assert heights == pytest.approx((100 * (1 - positions)).tolist(), abs=1e-3)
    page.get_by_role("button", name="Hold to compare").click()
    page.locator("#text").fill("wonderful")
    settled(page)
    expect(page.locator("#difference")).to_contain_text("points of the way from 1 to 5")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.screenshot(path=SCREENSHOTS / "playground-stars.png", full_page=True)
    if AXE.exists():
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run()")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    page.context.close()


def test_the_page_prints_without_its_controls_and_moves_nothing_where_that_is_asked(
    browser: Browser, path: Path
) -> None:
    page = opened(browser, path, reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.getElementById('level')).transitionDuration") == "0s"
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("#hold")).to_be_hidden()
    expect(page.locator("#verdict")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.close()


def test_a_browser_without_the_needed_features_is_told_so(browser: Browser, path: Path) -> None:
    page = browser.new_page()
    page.add_init_script("delete window.MessageChannel")
    page.goto(path.as_uri())
    expect(page.locator("#failure")).to_contain_text("needs a browser from 2022")
    page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    expect(page.get_by_text("allow JavaScript")).to_be_visible()
    context.close()
