"""`sentiment predict`: a line a review, whatever the review is."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import Invoke, PipelineRun, command_in


def test_predict_scores_its_arguments_at_a_threshold(invoke: Invoke, small_run: PipelineRun) -> None:
    result = invoke("predict", "-", "a good film")
    assert (result.exit_code, "Give either reviews or -" in result.output) == (2, True)
    result = invoke("predict", "a good film", "bad", "--model", small_run.classifier, "--threshold", "0")
    assert result.exit_code == 0, result.output
    assert result.stderr == f"model: {small_run.classifier}\n"
    rows = [line.split("  ") for line in result.stdout.splitlines()]
    assert [(label, text) for label, _, text in rows] == [("positive", "a good film"), ("positive", "bad")]


def test_a_text_of_unknown_words_says_so_and_a_blank_one_is_refused_alone(
    invoke: Invoke, small_run: PipelineRun
) -> None:
    result = invoke(
        "predict", "zyzzyva qwertz", "\u2000", "\U0001f3ac", "good zyzzyva.", "--model", small_run.classifier
    )
    assert result.exit_code == 2
    assert [line.split("  ")[2:] for line in result.stdout.splitlines()] == [
        ["zyzzyva qwertz", "[0 of 2 words known: no verdict from the words]"],
        ["\U0001f3ac", "[0 of 1 word known: no verdict from the words]"],
        ["good zyzzyva.", "[1 of 2 words known]"],
    ]
    assert "Review 2: the review is blank." in result.stderr
    assert "1 of 4 reviews had no text to judge" in result.stderr


def test_predict_warns_of_texts_with_unusually_many_unknown_words(invoke: Invoke, small_run: PipelineRun) -> None:
    result = invoke("predict", "the film is good.", "the asdf film qwer", "!", "--model", small_run.classifier)
    first, *warnings = result.stderr.splitlines()
    assert (result.exit_code, len(result.stdout.splitlines()), first.startswith("model: ")) == (0, 3, True)
    assert [warning.partition(" to the model")[0] for warning in warnings] == [
        "Warning: review 2: 2 of 4 words are unknown"
    ]


def test_predict_and_score_say_how_much_of_a_long_review_is_not_read(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    """The model reads 60 tokens, and "&#39;" is no word."""
    whole, long = "the film isn&#39;t good. " * 15, "It was good. " + "the film was good. " * 20
    result = invoke("predict", whole, long, "--model", small_run.classifier)
    assert [line for line in result.stderr.splitlines() if "reads" in line] == [
        "Warning: review 2: the model reads the last 60 of 83 words, so the beginning has no say in the verdict."
    ]
    (tmp_path / "in.csv").write_text(f"text\n{whole}\n{long}\n")
    assert re.search(
        r"too long to be read in whole\W+1\b",
        invoke("score", "in.csv", "out.csv", "--model", small_run.classifier).output,
    )


def test_standard_input_gives_an_object_of_json_for_every_line(small_run: PipelineRun) -> None:
    """Without what takes long to import."""
    lines = ["a good film", "", "\x1b[31m\x9b\u202ebad"]
    command = [sys.executable, "-X", "importtime", "-m", "pipelines.cli", "predict", "-", "--json"]
    done = subprocess.run(
        [*command, "--model", small_run.classifier], input="\n".join(lines),
        env=command_in(small_run.folder).environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in found] == lines
    assert [row["reason"] for row in found] == [None, "the review is blank", None]
    assert [row["positive_probability"] is None for row in found] == [False, True, False]
    assert not re.search(r"\| +(pandas|pyarrow|tensorflow|pipelines.configuration)$", done.stderr, re.MULTILINE)
    assert not {"\x1b", "\x9b", "\u202e"} & set(done.stdout)
