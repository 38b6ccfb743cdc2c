from dataclasses import replace
from typing import Any

from sentiment.reporting.model_card import Origin, render_model_card
from tests.sentiment.reporting.test_report import HARMFUL, result

SUMMARY: dict[str, Any] = {
    "splits": {
        "train": {"reviews": 2_000, "labels": {"negative": 1_000, "positive": 1_000}},
        "test": {"reviews": 400, "labels": {"negative": 200, "positive": 200}},
        "unlabelled": {"reviews": 50, "labels": {}},
    },
    "notes": [f"3 train reviews dropped, as the same text stands in test. {HARMFUL}"],
    "duplicates_within_train": 7,
}


def test_the_card_tells_origin_figures_limits_and_cost_and_no_markup_of_the_source_is_left() -> None:
    origin = Origin(
        "ta*ble", "These reviews are synthetic.", SUMMARY, "200 set aside", False, ["a teacher"], 3 * 2**20, 4
    )
    drawn = result("LSTM, seed 4", 0.85, 4, [f"review {number}" for number in range(400)])
    costs = {"parameters": 5_000, "scored_per_second": 1_234.5, "training_seconds": 12.0}
    card = render_model_card(replace(drawn, metrics={**drawn.metrics, **costs}), origin)
    for expected in (
        "# LSTM, seed 4, trained on ta\\*ble",
        "**These reviews are synthetic.**",
        "Test accuracy **85.00 %** (95 % interval 81.12 % to 88.35 %) on 400 reviews.",
        "- train: 2,000 reviews, 50.0 % negative, 50.0 % positive\n- test: 400 reviews",
        "whether it is positive or negative",
        "- Two classes and no neutral one",
        "- unlabelled: 50 reviews, which this model did not learn from",
        "- 200 set aside",
        "- 3 train reviews dropped",
        "- exact duplicates within train: 7",
        "- a teacher",
        "| without negation | 400 | 85.0 % | 81.1 % to 88.4 % |",
        "| double negation | minimum functionality | 70 | 50.0 % |",
        "| religion | 240 | 0.0 % | 0.000 |",
        "- 5,000 weights; 3.0 MiB to score with",
        "- 1,234 reviews a second, when it was evaluated",
        "under the Apache License 2.0, and so are the reviews",
    ):
        assert expected in card
    assert "\\<script\\>" in card
    assert "<" not in card.replace("\\<", "")
