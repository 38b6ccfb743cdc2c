"""Starting from a trained classifier, as a user does it: what it takes over, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.classifier import SentimentClassifier
from tests.conftest import Invoke, PipelineRun
from tests.tampering import sign_again

pytestmark = pytest.mark.usefixtures("uncompiled")

COMMAND = "run-pipeline --source table --data mine.csv --start-from".split()


@pytest.fixture
def mine(reviews_csv: Path, tmp_path: Path) -> Path:
    """80 reviews with a new word in some of them."""
    table = pd.read_csv(reviews_csv).groupby("label").sample(40, random_state=0)
    table.loc[table.index[::5], "text"] = "zyzzyva " + table["text"]
    table.to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.csv"


@pytest.fixture
def linear_classifier(small_run: PipelineRun) -> Path:
    [folder] = small_run.folder.glob(".sentiment/linear-model/*/classifier")
    return folder


@pytest.mark.usefixtures("mine")
def test_a_start_brings_network_vocabulary_and_padding(invoke: Invoke, small_run: PipelineRun, tmp_path: Path) -> None:
    result = invoke(*COMMAND, small_run.classifier, "--no-linear-model", "--no-register")
    assert result.exit_code == 0, result.output
    start = SentimentClassifier.load(small_run.classifier)
    [folder] = tmp_path.glob(".sentiment/train/*/classifier")
    tuned = SentimentClassifier.load(folder)
    before, after = start.recurrent_model, tuned.recurrent_model
    known = len(before.vocabulary.words)
    assert after.vocabulary.words[:known] == before.vocabulary.words
    assert "zyzzyva" in after.vocabulary.words[known:]
    assert (after.sequences, after.vocabulary.tokenizer) == (before.sequences, before.vocabulary.tokenizer)
    weights = [model.network.keras_weights() for model in (before, after)]
    assert [array.shape for array in weights[0][1:]] == [array.shape for array in weights[1][1:]]
    moved = [float(np.abs(one - other).mean()) for one, other in zip(weights[0][1:], weights[1][1:], strict=True)]
    assert 0 < max(moved) < 0.05  # fine-tuned, and not trained from scratch
    [choice] = tmp_path.glob(".sentiment/fine-tuning/*/choice.json")
    found = json.loads(choice.read_text())["found"]
    assert len(found) == 4 and found[0]["loss"] == min(tuning["loss"] for tuning in found)
    assert "of the words of these reviews are unknown to the start; of its own" in result.output
    assert "as the start has learned from the same text" in result.output
    assert start.learned is not None and tuned.learned is not None
    [tested] = tmp_path.glob(".sentiment/load/*/test.parquet")
    assert not start.learned.holds(pd.read_parquet(tested)["text"].tolist()).any()
    assert np.array_equal(tuned.learned.start, start.learned.everything)
    again = invoke("evaluate")  # goes on with the same start
    assert (again.exit_code, "fine-tuning read LSTM" in again.output) == (0, True), again.output
    assert len(list(tmp_path.glob(".sentiment/train/*"))) == 1
    flow = invoke("gradient-flow", "--length", "5")
    assert (flow.exit_code, "SimpleRNN" in flow.output) == (0, False), flow.output  # the start is an LSTM
    for command, says in (
        ("train --model gru", "--model is gru, but the start is a lstm"),
        ("gradient-flow --fresh", "--fresh measures untrained networks"),
        ("tune --trials 1", "A search trains from scratch"),
    ):
        refused = invoke(*command.split())
        assert (refused.exit_code, says in " ".join(refused.output.split())) == (2, True), refused.output


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--maxlen 50", "maxlen 50 (the start has 60)"),
        ("--preset strong", "Preset strong asks for some of it"),
        ("--models gru", "models gru (the start is a lstm)"),
        ("--word-vectors", "--word-vectors cannot be had with --start-from"),
        ("--no-names", "--no-names cannot be had with --start-from"),
    ],
)
def test_another_shape_than_that_of_the_start_is_refused(
    invoke: Invoke, small_run: PipelineRun, options: str, says: str
) -> None:
    result = invoke(*COMMAND, small_run.classifier, *options.split())
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output


@pytest.mark.usefixtures("mine")
def test_a_start_that_is_none_is_refused(
    invoke: Invoke, small_run: PipelineRun, linear_classifier: Path, tmp_path: Path
) -> None:
    damaged = shutil.copytree(small_run.classifier, tmp_path / "damaged")
    content = bytearray((damaged / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / "weights.npz").write_bytes(content)
    for start, says in (
        (linear_classifier, "is a linear model, which has no network to start from"),
        (damaged, "weights.npz is not the file that was saved"),
        (tmp_path / "nowhere", "nowhere: name imdb, a folder, models:/NAME@ALIAS"),
    ):
        result = invoke(*COMMAND, start)
        assert (result.exit_code, says in result.output) == (2, True), result.output
        assert not list(tmp_path.glob(".sentiment/load/*"))


def test_a_table_whose_rows_the_start_has_all_seen_is_refused(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    [train] = small_run.folder.glob(".sentiment/load/*/train.parquet")
    pd.read_parquet(train)[["text", "label"]].to_csv(tmp_path / "mine.csv", index=False)
    for folds in ([], ["--folds", "2"]):
        result = invoke(*COMMAND, small_run.classifier, *folds)
        assert (result.exit_code, "The start has learned from " in result.output) == (2, True), result.output


def test_a_start_that_does_not_say_what_it_has_learned_from_is_refused(
    invoke: Invoke, small_run: PipelineRun, mine: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(small_run.classifier, tmp_path / "silent")
    (folder / "fingerprints.npz").unlink()
    sign_again(folder)
    result = invoke(*COMMAND, folder)
    assert result.exit_code == 2
    assert "does not say which texts it has learned from" in " ".join(result.output.split())


def test_a_table_in_another_language_is_refused(invoke: Invoke, small_run: PipelineRun, tmp_path: Path) -> None:
    german = ["Leider war das Buch sehr langweilig", "Ein wunderbarer Film mit großartigen Schauspielern"]
    rows = [{"text": f"{german[number % 2]} {number}", "label": number % 2} for number in range(40)]
    pd.DataFrame(rows).to_csv(tmp_path / "mine.csv", index=False)
    result = invoke(*COMMAND, small_run.classifier)
    assert (result.exit_code, "seem to be in another language" in result.output) == (2, True), result.output


def test_too_few_rows_to_choose_on_are_named(invoke: Invoke, small_run: PipelineRun, tmp_path: Path) -> None:
    rows = [
        {"text": f"the film was {'good' if number % 2 else 'bad'} {number}", "label": number % 2} for number in range(6)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "mine.csv", index=False)
    result = invoke(*COMMAND, small_run.classifier, "--test-fraction", "0.3")
    assert (result.exit_code, "cannot be cut into 3 folds" in result.output) == (2, True), result.output
