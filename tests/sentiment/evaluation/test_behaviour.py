from collections.abc import Sequence

import numpy as np
import pandas as pd

from sentiment.evaluation.behaviour import (
    behaviour_sentences,
    found_in,
    measure_behaviour,
    read_behaviour,
)


def rates(table: pd.DataFrame) -> dict[str, float]:
    return dict(zip(table["capability"], table["failure_rate"], strict=True))


def test_a_model_that_always_says_positive_fails_only_where_negative_is_expected() -> None:
    table = measure_behaviour(lambda texts: np.full(len(texts), 0.9), threshold=0.5)
    by_type = table.groupby("type")[["cases", "failures"]].sum()
    assert by_type.loc[["invariance", "direction"], "failures"].tolist() == [0, 0]
    assert rates(table)["plain verdict"] == rates(table)["order around but"] == 0.5
    assert table.set_index("capability")["example"]["plain verdict"] == "The acting was bad."


def test_a_bag_of_words_reads_plain_verdicts_and_fails_negation() -> None:
    words = read_behaviour().words

    def bag_of_words(texts: Sequence[str]) -> np.ndarray:
        praise = np.array([sum(word in text for word in words["praise"]) for text in texts])
        blame = np.array([sum(word in text for word in words["blame"]) for text in texts])
        probabilities: np.ndarray = 1 / (1 + np.exp(blame - praise))
        return probabilities

    found = rates(measure_behaviour(bag_of_words, threshold=0.5))
    assert found["plain verdict"] == found["names"] == found["neutral sentence appended"] == 0
    assert found["negation"] > 0.5


def test_a_direction_test_fails_when_the_probability_moves_the_wrong_way_by_more_than_a_tenth() -> None:
    def shaken(by: float) -> float:
        intensifiers = ("very", "really", "extremely", "absolutely")
        return rates(
            measure_behaviour(
                lambda texts: np.array([0.5 + by * any(word in t for word in intensifiers) for t in texts]), 0.5
            )
        )["intensifiers"]

    assert (shaken(0.05), shaken(0.2), shaken(-0.2)) == (0, 0.5, 0.5)


def test_every_capability_of_the_data_is_measured() -> None:
    behaviour = read_behaviour()
    table = measure_behaviour(lambda texts: np.zeros(len(texts)), 0.5)
    assert set(table["capability"]) == {test.capability for test in behaviour.tests} >= {
        "negation", "intensifiers", "names", "places", "typos", "neutral sentence appended", "order around but",
    }  # fmt: skip
    assert table["cases"].sum() == sum(len(test.cases(behaviour.words)) for test in behaviour.tests)


def test_cases_whose_sentence_training_may_have_seen_are_left_out_and_counted() -> None:
    texts = ["We went by bus. THE ACTING was,  bad! It rained.", "They said the story was bad, and it rained."]
    seen = found_in(behaviour_sentences(), texts)
    assert seen == {"The acting was bad."}
    judged: list[str] = []

    def positive(texts: Sequence[str]) -> np.ndarray:
        judged.extend(texts)
        return np.full(len(texts), 0.9)

    everything = measure_behaviour(positive, 0.5)
    assert seen < set(judged)
    judged.clear()
    found = measure_behaviour(positive, 0.5, seen=seen)
    assert not seen & set(judged)
    left_out = dict(zip(found["capability"], found["left_out"], strict=True))
    assert {name: count for name, count in left_out.items() if count} == {
        "plain verdict": 1, "intensifiers": 4, "neutral sentence appended": 3
    }  # fmt: skip
    assert (found["cases"] + found["left_out"]).tolist() == everything["cases"].tolist()
    assert everything["failures"].sum() - found["failures"].sum() == 1  # positive is wrong
    nothing = measure_behaviour(positive, 0.5, seen=behaviour_sentences())
    assert nothing["cases"].sum() == 0
    assert nothing["failure_rate"].isna().all()
