"""Behaviour: minimum functionality, invariance and direction tests, after CheckList (Ribeiro et al. 2020).

The tests are data, in three files beside this module. If you change how a classifier is trained, look at the failures
of behaviour_development.toml alone. behaviour.toml has other words and sentences of the same kinds, and shows what the
change is worth. Nothing of the training was written beside behaviour_blind.toml, which shows what to expect of new
sentences.
"""

import itertools
import re
import string
import tomllib
from collections.abc import Callable, Collection, Iterable, Sequence
from importlib import resources
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.data.tokenizer import tokenize

TOLERANCE = 0.1
"""How far P(positive) may move the wrong way before a direction test fails, as in CheckList."""

BehaviourFile = Literal["behaviour", "behaviour_blind", "behaviour_development"]
"""The file of tests, without its ending."""

REPORTED: tuple[BehaviourFile, ...] = ("behaviour", "behaviour_blind")
"""The files whose failures stand in the report, the model card and MLflow."""

_SENTENCE_END = re.compile(r"[.!?<>\n]+")

Words = dict[str, list[str]]
Cases = list[tuple[str, ...]]


class BehaviourTest(Configuration):
    """One test: templates of texts, and what the verdicts on them have to be.

    - minimum functionality: every text has one right verdict, `expect`;
    - invariance: the verdict on the changed text is that on the text;
    - direction: P(positive) of the changed text does not move the wrong way by more than TOLERANCE.
    """

    capability: str
    type: Literal["minimum functionality", "invariance", "direction"]
    text: list[str] = Field(description="Templates, with slots such as {aspect}.")
    changed: list[str] = Field([], description="What each template of `text` is turned into, but for the first type.")
    expect: Literal["positive", "negative"] = "positive"
    direction: Literal["up", "down"] = "up"

    def cases(self, words: Words) -> Cases:
        """Each text, with what it is turned into where there is such a text."""
        templates = zip(self.text, self.changed, strict=True) if self.changed else zip(self.text, strict=True)
        return [case for together in templates for case in _fill(together, words)]

    def fails(self, probabilities: np.ndarray, threshold: float) -> np.ndarray:
        """P(positive) of the texts of each case, (cases, 1 or 2) -> bool (cases,)."""
        before, after = probabilities[:, 0], probabilities[:, -1]
        failed: np.ndarray
        match self.type:
            case "minimum functionality":
                failed = (before >= threshold) != (self.expect == "positive")
            case "invariance":
                failed = (before >= threshold) != (after >= threshold)
            case "direction":
                failed = (before - after if self.direction == "up" else after - before) > TOLERANCE
        return failed


class Behaviour(Configuration):
    """The words that fill the slots, and the tests."""

    words: Words
    tests: list[BehaviourTest]


def read_behaviour(file: BehaviourFile = "behaviour") -> Behaviour:
    """The tests of a file."""
    return Behaviour.model_validate(
        tomllib.loads(resources.files("sentiment.evaluation").joinpath(f"{file}.toml").read_text("utf-8"))
    )


def behaviour_sentences() -> set[str]:
    """What the cases of the reported files say."""
    files = map(read_behaviour, REPORTED)
    return {text for file in files for test in file.tests for case in test.cases(file.words) for text in case}


def found_in(sentences: Collection[str], texts: Iterable[str]) -> set[str]:
    """Those of some sentences that stand in the texts word for word, whatever the case and the punctuation."""
    words = {sentence: " ".join(tokenize(sentence)) for sentence in sentences}
    longest = 2 * max(map(len, sentences), default=0)  # others need not be read
    parts = (part for text in texts for part in _SENTENCE_END.split(text) if len(part) <= longest)
    said = {" ".join(tokenize(part)) for part in parts}
    return {sentence for sentence in sentences if words[sentence] in said}


def measure_behaviour(
    positive_probability: Callable[[Sequence[str]], np.ndarray],
    threshold: float,
    file: BehaviourFile = "behaviour",
    seen: Collection[str] = (),
) -> pd.DataFrame:
    """Run the tests of a file on a classifier.

    Args:
        positive_probability: texts -> P(positive), (N,); of more than two labels the expected position, which the
            middle, 0.5, splits into two sides.
        threshold: texts at or above it are called positive.
        seen: sentences that training may have seen, in texts or as counterfactuals; cases with one are left out.

    Returns:
        A row per capability: `file`, `capability`, `type`, `cases`, `left_out`, `failures`, `failure_rate` of the cases
        that are not left out, NaN if all are, and `example`, the first case that failed ("" if none did; text and
        changed text joined by an arrow).
    """
    behaviour = read_behaviour(file)
    parts = []
    for test in behaviour.tests:
        every_case = test.cases(behaviour.words)
        cases = [case for case in every_case if not any(text in seen for text in case)]
        texts = [text for case in cases for text in case]
        failed = np.zeros(0, bool)
        if cases:
            failed = test.fails(positive_probability(texts).reshape(len(cases), -1), threshold)
        example = " → ".join(cases[failed.argmax()]) if failed.any() else ""
        left_out = len(every_case) - len(cases)
        parts.append([file, test.capability, test.type, len(cases), left_out, int(failed.sum()), example])
    columns = ["file", "capability", "type", "cases", "left_out", "failures", "example"]
    groups = pd.DataFrame(parts, columns=columns).groupby(columns[:3], sort=False)
    summary = groups[["cases", "left_out", "failures"]].sum()
    summary["failure_rate"] = summary["failures"] / summary["cases"]  # NaN where no case is left
    summary["example"] = groups["example"].agg(lambda examples: next(filter(None, examples), ""))
    return summary.reset_index()


def left_out_note(left_out: int) -> str:
    """How many cases were left out, as a sentence; "" where none was."""
    if not left_out:
        return ""
    are = "case is" if left_out == 1 else "cases are"
    return (
        f"{left_out:,} more {are} left out: a sentence stands in the training texts, or a rule can write it from them."
    )


def _fill(templates: tuple[str, ...], words: Words) -> Cases:
    """Every combination of the words of all slots, each slot filled alike in all templates."""
    slots = list(dict.fromkeys(slot for t in templates for _, slot, _, _ in string.Formatter().parse(t) if slot))
    return [
        tuple(template.format(**dict(zip(slots, chosen, strict=True))) for template in templates)
        for chosen in itertools.product(*(words[slot] for slot in slots))
    ]
