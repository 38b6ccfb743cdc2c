"""Adapting a classifier to another domain, as a user does it: what it learns from texts alone, and what it refuses."""

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.classifier import SentimentClassifier
from sentiment.errors import InputError
from tests.conftest import Invoke, once

pytestmark = pytest.mark.usefixtures("uncompiled")

FILMS = {"negative": "bad dull boring awful weak".split(), "positive": "good gripping moving great strong".split()}
FOOD = {"negative": "soggy burnt stale".split(), "positive": "crispy tender juicy".split()}
OF_FILMS, OF_FOOD = "film plot story cast".split(), "soup bread service pizza".split()


def write_reviews(count: int, nouns: list[str], *words: dict[str, list[str]]) -> tuple[list[str], np.ndarray]:
    """Reviews of two verdicts in turn: two clauses with a word of the verdict, and two with a word that occurs once."""
    generator, texts, labels = random.Random(0), [], np.arange(count) % 2
    for label in labels:
        named = [word for kind in words for word in kind[("negative", "positive")[label]]]
        said = [*generator.sample(named, 2), *(f"d{generator.randrange(10**6)}" for _ in range(2))]
        clauses = [f"the {generator.choice(nouns)} was {word}" for word in generator.sample(said, 4)]
        texts.append(" and ".join(clauses))
    return texts, labels


KNOWN = write_reviews(600, [*OF_FILMS, *OF_FOOD], FILMS)
ENGLISH = write_reviews(400, OF_FOOD, FILMS)[0]


@pytest.fixture(scope="module")
def of_films(shared_folder: Path) -> Path:
    """A folder with a network that knows films."""

    def train(folder: Path) -> None:
        SentimentClassifier(
            "textbook", num_words=26, maxlen=20, padding="post", embedding_dim=8, units=8, pooling="mean",
            mask_padding=True, learning_rate=0.02, epochs=4,
        ).fit(*KNOWN).save(folder)  # fmt: skip

    return once(shared_folder / "of-films", train)


def test_new_words_are_learned_from_texts_alone(invoke: Invoke, of_films: Path, tmp_path: Path) -> None:
    texts, labels = write_reviews(1_500, OF_FOOD, FILMS, FOOD)
    pd.DataFrame({"text": texts, "label": "not read"}).to_csv("food.csv", index=False)
    result = invoke("adapt", "--data", "food.csv", "--model", of_films, "--output", "of-food")
    assert result.exit_code == 0, result.output
    assert "adapted     to 1,500 texts with 6 new words" in result.output
    start, adapted = SentimentClassifier.load(of_films), SentimentClassifier.load("of-food")
    assert {*FOOD["negative"], *FOOD["positive"]} <= {*adapted.recurrent_model.vocabulary.words}
    assert adapted.score(texts, labels) >= start.score(texts, labels)
    assert adapted.score(*KNOWN) > 0.98
    named = [[f"the soup was {word}" for word in FOOD[label]] for label in ("negative", "positive")]
    assert start.positive_probability(named[0] + named[1]).std() == 0
    negative, positive = map(adapted.positive_probability, named)
    assert negative.max() < positive.min() - 0.1
    assert adapted.learned is not None and adapted.learned.holds([*texts, *KNOWN[0]]).all()
    assert start.adapt(texts).digest() == adapted.digest() != start.digest()  # the start is as it was
    assert [path.name for path in tmp_path.iterdir() if "of-food" in path.name] == ["of-food"]


def german() -> list[str]:
    parts = "Das Essen war", "Der Service war", "Die Suppe war", "großartig", "leider sehr schlecht", "ganz wunderbar"
    return [f"{first} {second} Nummer{number}" for number in range(25) for first in parts[:3] for second in parts[3:]]


@pytest.mark.parametrize(
    ("texts", "options", "says"),
    [
        (ENGLISH[:199], {}, "199 are different ones with 3 words or more, and adapting takes 200: give more"),
        (ENGLISH[:1] * 200, {}, "Of the 200 texts, 1 are different ones"),
        ([], {}, "Of the 0 texts, 0 are different ones"),
        (ENGLISH, {"text-column": "label"}, "0 are different ones"),
        (ENGLISH, {"text-column": "date"}, "0 are different ones"),
        (ENGLISH[1::2], {}, "calls 0 of the 200 texts negative, and adapting takes 20 of either verdict"),
        (german(), {}, "seem to be in another language. Adapt a classifier of this language."),
        (ENGLISH, {"output": "."}, "--output . is there already"),
        (ENGLISH, {"output": "no/where"}, "there is no folder no"),
    ],
)
def test_what_cannot_be_adapted_to_is_refused(
    texts: list[str], options: dict[str, str], says: str, invoke: Invoke, of_films: Path, tmp_path: Path
) -> None:
    table = pd.DataFrame({"text": texts, "label": "positive"})
    table.assign(date=[f"2024-05-{number}" for number in range(len(texts))]).to_csv("food.csv", index=False)
    given = {"data": "food.csv", "model": of_films, "output": "of-food", **options}
    result = invoke("adapt", *(word for name, value in given.items() for word in (f"--{name}", value)))
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output
    assert [path.name for path in tmp_path.iterdir()] == ["food.csv"]


def test_a_linear_model_is_refused() -> None:
    linear = SentimentClassifier("linear").fit(*write_reviews(200, OF_FILMS, FILMS))
    with pytest.raises(InputError, match="The linear model has no network that could be adapted"):
        linear.adapt(ENGLISH)
