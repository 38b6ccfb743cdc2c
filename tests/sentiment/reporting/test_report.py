import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from markupsafe import escape

from sentiment.classifier import SentimentClassifier
from sentiment.evaluation.abstention import GuaranteeCheck
from sentiment.evaluation.behaviour import REPORTED, measure_behaviour
from sentiment.evaluation.comparison import VERDICT_RULE, Comparison
from sentiment.evaluation.fairness import measure_fairness
from sentiment.evaluation.metrics import evaluate_predictions
from sentiment.evaluation.result import Result
from sentiment.reporting.pages import review_markup
from sentiment.reporting.report import render_report
from sentiment.training.linear_model import LINEAR_MODEL, LinearModel

HARMFUL = "<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\"> & a </table> dull film"


def result(name: str, accuracy: float, seed: int, texts: list[str]) -> Result:
    """Predictions with this accuracy, a point more with odd seeds; which reviews are judged rightly is random."""
    generator = np.random.default_rng(seed)
    labels = np.arange(len(texts)) % 2
    right = generator.permutation(len(texts)) < (accuracy + 0.01 * (seed % 2)) * len(texts)
    probabilities = np.where(right == (labels == 1), 0.9, 0.1)
    words = np.array(["negative", "positive"])
    predictions = pd.DataFrame(
        {
            "text": texts,
            "label": words[labels],
            "predicted_label": words[(probabilities >= 0.5).astype(int)],
            "positive_probability": probabilities,
        }
    )
    curve = [0.6, accuracy]

    def always_positive(cases: Sequence[str]) -> np.ndarray:
        return np.full(len(cases), 0.9)

    return Result(
        name,
        predictions,
        evaluate_predictions(labels, probabilities),
        pd.concat([measure_behaviour(always_positive, 0.5, file) for file in REPORTED]),
        {} if name == LINEAR_MODEL else dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"), curve),
        [GuaranteeCheck(0.9, 400, 300, 285), GuaranteeCheck(0.97, 400, 200, 180)] if name == LINEAR_MODEL else (),
        measure_fairness(always_positive),
    )


def compare_drawn() -> Comparison:
    """Two models with two seeds each, and a linear model that beats them; every review tries to run a script."""
    texts = [f"{HARMFUL} {number}" for number in range(400)]
    return Comparison(
        {
            "LSTM": [result(f"LSTM, seed {seed}", 0.85, seed, texts) for seed in (0, 1)],
            "SimpleRNN": [result(f"SimpleRNN, seed {seed}", 0.70, 10 + seed, texts) for seed in (0, 1)],
            LINEAR_MODEL: [result(LINEAR_MODEL, 0.97, 20, texts)],
        },
        baseline="SimpleRNN",
        reference=LINEAR_MODEL,
    )


def render(
    comparison: Comparison, classifier_of: Callable[[str], SentimentClassifier | None] = lambda model: None
) -> str:
    return render_report(
        comparison,
        title="LSTM vs SimpleRNN",
        note="Synthetic & <b>",
        configuration={"model.units": "<i>64</i>"},
        classifier_of=classifier_of,
    )


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare_drawn()


@pytest.fixture(scope="module")
def page(comparison: Comparison) -> str:
    """The report; words of flips are coloured by two linear models that contradict each other."""
    linear = SentimentClassifier.from_model(LinearModel.fit(["a fine film", "a dull film"] * 4, np.array([1, 0] * 4)))
    turned = SentimentClassifier.from_model(LinearModel.fit(["a fine film", "a dull film"] * 4, np.array([0, 1] * 4)))
    return render(comparison, classifier_of=lambda model: linear if model == "LSTM" else turned)


def test_the_report_says_what_verdict_and_p_value_mean(page: str) -> None:
    assert page.count(VERDICT_RULE) == 2  # under the verdicts, and over the table with the p-values
    assert "p of its t test (Holm)" in page


def test_the_report_sets_what_was_found_beside_what_was_guaranteed(page: str) -> None:
    assert "Answers at a promised accuracy" in page
    cells = re.findall(r">([^<]*)</t[dh]>", page[page.index("The same numbers as a table") :])
    row = cells.index("97 %")
    assert cells[row - 1 : row + 5] == [LINEAR_MODEL, "97 %", "90.00 %", "84.98 to 93.78 %", "50.0 %", "no"]


def test_the_report_has_the_tests_that_training_knows_nothing_of_and_those_of_words_for_people(page: str) -> None:
    assert page.index("plain verdict") < page.index("new sentences") < page.index("plain opinion")
    people = page[page.index("<h2>Words for people</h2>") : page.index("<h2>Most confident mistakes</h2>")]
    assert people.count('<th scope="row">religion</th>') == 4  # shares of all models, and a pair of each


def test_flips_stand_in_pages_with_their_words_coloured(comparison: Comparison, page: str) -> None:
    flips = comparison.flips[0]
    section = page[page.index("<h2>Flips</h2>") : page.index("<h2>Curves</h2>")]
    assert f"LSTM against SimpleRNN: {escape(flips.counts)}" in section
    assert "Newly right" in section
    assert "Newly wrong" in section
    assert f"41 to 50 of {len(flips.select('newly right')):,}; flips.csv has all" in section
    assert re.search(r'<mark style="background: #D55E00[0-9a-f]{2}">dull</mark>', section)
    assert "&lt;script&gt;" in section


def test_a_review_shows_its_control_characters_and_line_breaks_and_turns_no_other_text_round(page: str) -> None:
    assert review_markup("\u202eevil\0 <b>\n") == "<bdi>\u202eevil\u2400 &lt;b&gt;\n</bdi>"
    assert review_markup("one<br />two<BR>&lt;br> <b\0r>") == "<bdi>one<br>two<br>&amp;lt;br&gt; &lt;b\u2400r&gt;</bdi>"
    assert page.count('<td class="text"><bdi>') == page.count(">called ") > 0


def test_the_page_holds_everything_escapes_reviews_and_asks_for_nothing(page: str) -> None:
    assert page.index("LSTM is better than") < page.index("Test metrics") < page.index("Configuration")
    assert page.count("<svg") == page.count('role="img" aria-label="') == 6
    assert "&lt;script&gt;document.title = &#39;run&#39;&lt;/script&gt;&lt;img src=x" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "<i>64" not in page
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)|url\((?!#)|@import""", page)
