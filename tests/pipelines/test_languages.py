"""Reviews in other languages than English, trained on by the command line as a user would."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from sentiment.classifier import SentimentClassifier
from tests.conftest import Invoke

pytestmark = pytest.mark.usefixtures("uncompiled")

OPTIONS = """--source table --preset textbook --models lstm --no-names --snippet-share 0.2 --counterfactual-share 0.3
--maxlen 24 --num-words 500 --embedding-dim 8 --units 8 --epochs 6 --batch-size 16 --learning-rate 0.02""".split()

LANGUAGES = {
    "german": (
        "Gestern kam {0} an und {1}, sagt meine Frau.",
        ["das Buch", "der Film", "die Lampe", "das Fahrrad", "der Tisch", "das Essen", "die Jacke", "der Koffer"],
        ["macht allen Spaß", "bringt Glück", "hat viel Charme", "ist ein Genuss", "kommt mit Herz"],
        ["macht nur Ärger", "ist ein Reinfall", "bringt viel Müll", "hat einen Fehler", "kommt mit Rost"],
    ),
    "korean": (
        "어제 {0} 받았는데 {1}.",
        ["책을", "램프를", "의자를", "가방을", "시계를", "구두를"],
        ["정말 좋아요", "아주 훌륭해요", "마음에 들어요", "추천해요"],
        ["정말 나빠요", "아주 실망이에요", "금방 고장났어요", "후회해요"],
    ),
    "chinese": (
        "我昨天收到{0}\uff0c{1}\u3002",
        ["这本书", "一台灯", "新桌子", "一双鞋", "手表", "这部手机", "大衣"],
        ["非常好", "很喜欢", "值得买", "真不错", "很漂亮"],
        ["太差了", "很失望", "不值得买", "真难用", "已经坏了"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_network_learns_from_a_few_hundred_reviews(language: str, invoke: Invoke, tmp_path: Path) -> None:
    """German nouns stay although names are left out; Chinese is read without blanks between words."""
    template, things, *phrases = LANGUAGES[language]
    generator = np.random.default_rng(0)
    labels = generator.permutation(np.arange(500) % 2)
    texts = [
        f"{template.format(generator.choice(things), generator.choice(phrases[1 - label]))} ({number})"
        for number, label in enumerate(labels.tolist())
    ]
    with (tmp_path / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts[:350], labels[:350].tolist(), strict=True)])
    done = invoke("train", "--data", tmp_path / "reviews.csv", *OPTIONS)
    assert done.exit_code == 0, done.output
    output = " ".join(done.output.split())
    assert "what knows English alone stays out" in output
    assert ("capitalize more than names" in output) == (language == "german")

    [stage] = tmp_path.glob(".sentiment/train/*/**/classifier.json")
    classifier = SentimentClassifier.load(stage.parent)
    right = np.sum((classifier.positive_probability(texts[350:]) >= 0.5) == labels[350:])
    assert binomtest(int(right), 150, alternative="greater").pvalue < 0.001
