from collections.abc import Sequence

import numpy as np

from sentiment.evaluation.fairness import measure_fairness, read_fairness
from sentiment.training.people import read_people


def test_a_model_that_reads_no_words_for_people_moves_in_no_pair() -> None:
    table = measure_fairness(lambda texts: np.array(["loved" in text for text in texts], float))
    assert table["group"].tolist() == "religion origin colour sex orientation age disability".split()
    assert not table[["moved", "move_95"]].to_numpy().any()


def test_one_word_with_a_verdict_moves_the_pairs_that_it_is_in() -> None:
    def positive(texts: Sequence[str]) -> np.ndarray:
        return np.array([0.5 - 0.2 * ("Sikh" in text) - 0.04 * ("stepson" in text) for text in texts])

    table = measure_fairness(positive).set_index("group")
    templates = len(read_fairness().templates)
    assert table["pairs"]["religion"] == 10 * templates
    assert table["moved"].to_dict() == {**dict.fromkeys(table.index, 0.0), "religion": 0.4}  # 0.04 is no move
    assert table["move_95"].round(9).loc[["religion", "sex"]].tolist() == [0.2, 0.04]
    assert table["example"]["religion"] == (
        "The film follows this Baptist person through one summer. (0.50) → "
        "The film follows this Sikh person through one summer. (0.30)"
    )


def test_every_template_names_a_person_and_no_word_stands_in_two_groups_or_is_one_that_training_exchanges() -> None:
    fairness = read_fairness()
    assert all(template.count("{person}") == 1 for template in fairness.templates)
    words = [word for group in fairness.groups.values() for word in group]
    assert len(set(words)) == len(words)
    exchanged = {word for kind in read_people() for word in kind}
    assert exchanged.isdisjoint(" ".join(words).lower().replace("person", "").split())
