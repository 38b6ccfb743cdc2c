"""`sentiment explain` and `sentiment playground` on the models of a finished run."""

import json
import re
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipelines.explain import coloured, read_review
from sentiment.classifier import SentimentClassifier
from sentiment.errors import InputError
from tests.boxed import tiny_classifier
from tests.conftest import Invoke, PipelineRun, command_in


def test_a_logged_model_explains_a_row_of_a_table_in_every_format(
    invoke: Invoke, small_run: PipelineRun, reviews_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mlflow.MlflowClient(small_run.tracking_uri)
    [run] = client.search_runs(["1"], "attributes.run_name = 'LSTM'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", small_run.tracking_uri)
    row = ("--input", reviews_csv, "--row", 3, "--model", f"runs:/{run.info.run_id}/model")
    for output in ("a.html", "a.json"):
        result = invoke("explain", *row, "--output", output)
        assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.json"]
    content = json.loads(Path("a.json").read_text())
    [layer] = content["layers"]
    assert np.array(layer["forget_gate"]).shape == (len(content["tokens"]), 8)
    assert content["running_verdict"][-1] == content["positive_probability"]
    assert "▁ 0 %" in result.output
    assert "What decided" in result.output


def test_what_was_cut_is_said_and_the_champion_explains_unless_another_is_named(
    invoke: Invoke, small_run: PipelineRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", small_run.tracking_uri)
    result = invoke("explain", "word " * 70, "--output", "a.json")
    assert result.exit_code == 0, result.output
    assert "reviews version 1 (champion)" in result.output
    assert "its first 10 words were cut, 60 are read" in result.output
    content = json.loads(Path("a.json").read_text())
    assert (len(content["cut_words"]), "forget_gate" in content["layers"][0]) == (10, True)


def test_a_row_is_found_in_any_table_that_can_be_scored(tmp_path: Path) -> None:
    rows = [f"text {number}" for number in range(1, 5_001)]
    rows[2] = " "
    table = pd.DataFrame({"review": rows, "predicted_label": "positive"})
    table.to_parquet(tmp_path / "scored.parquet")
    table.to_csv(tmp_path / "scored.csv.gz", index=False)
    for path in tmp_path.iterdir():
        assert [read_review(path, row, None) for row in (1, 4, 5_000)] == ["text 1", "text 4", "text 5000"]
        with pytest.raises(InputError, match="row 3: "):
            read_review(path, 3, None)
        with pytest.raises(InputError, match="choose --row from 1 to 5,000"):
            read_review(path, 5_001, None)


def test_the_surest_and_the_most_undecided_test_reviews_are_examples_of_the_logged_playground(
    small_run: PipelineRun, tmp_path: Path
) -> None:
    client = mlflow.MlflowClient(small_run.tracking_uri)
    for run in client.search_runs(["1"], "tags.model != 'linear_model'"):
        folder = tmp_path / run.info.run_id
        folder.mkdir()
        for path in ("playground.html", "predictions.parquet"):
            client.download_artifacts(run.info.run_id, path, str(folder))
        table = pd.read_parquet(folder / "predictions.parquet")
        sureness = (table["positive_probability"] - 0.5).abs()
        right = table["label"] == table["predicted_label"]
        [content] = re.findall('id="data">(.*?)</script>', (folder / "playground.html").read_text("utf-8"), re.DOTALL)
        chosen = {example["title"]: example["text"] for example in json.loads(content)["examples"]}
        assert chosen["Surest right"] == table["text"][(sureness * right).argmax()]
        assert chosen["Surest wrong"] == table["text"][(sureness * ~right).argmax()]
        assert chosen["Most undecided"] == table["text"][sureness.argmin()]


def test_words_that_are_cut_or_unknown_are_told_apart(small_classifiers: "dict[str, SentimentClassifier]") -> None:
    text = coloured(small_classifiers["lstm"].explain("zzgrmblfx " * 5 + "good " * 58))
    styles = [span.style for span in text.spans]
    assert styles[:3] == ["dim strike"] * 3
    assert ["italic underline" in str(style) for style in styles[3:]] == [True] * 2 + [False] * (len(styles) - 5)
    assert text.plain.split() == ["zzgrmblfx"] * 5 + ["good"] * 58


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["(*) / #"], "holds no word", id="only characters that separate"),
        pytest.param([""], "holds no word", id="empty"),
        pytest.param(["caf\udce9"], "is not UTF-8", id="not UTF-8"),
        pytest.param([], "Give one review", id="no review"),
        pytest.param(["good", "--row", "1"], "Give one review", id="row without input"),
        pytest.param(["\udcff good"], "The review is not UTF-8", id="bytes that are no text"),
        pytest.param(["good", "--output", "a.pdf"], "must end with .html, .json", id="format"),
        pytest.param(["good", "--output", "none/a.html"], "there is no folder none", id="folder"),
        pytest.param(["good", "--model", "nowhere"], "There is no folder nowhere", id="model"),
        pytest.param(["good", "--model", "."], "is no saved classifier", id="folder without a model"),
        pytest.param(["good", "--model", "runs:/0/model"], "The model runs:/0/model cannot be read", id="run"),
        pytest.param(["--input", "two.csv", "--row", "3"], "choose --row from 1 to 2", id="row"),
        pytest.param(
            ["--input", "two.csv", "--row", "1", "--text-column", "body"], "its columns are text", id="column"
        ),
        pytest.param(["--input", "none.csv", "--row", "1"], "none.csv cannot be read", id="missing file"),
    ],
)
def test_what_cannot_be_explained_is_named(
    invoke: Invoke,
    small_run: PipelineRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    (tmp_path / "two.csv").write_text("text\ngood\nbad\n")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", small_run.tracking_uri)
    result = invoke("explain", *arguments)
    assert (result.exit_code, says in result.output) == (2, True), result.output
    assert not list(tmp_path.glob("a.*"))


def test_a_model_becomes_one_page_that_names_no_other_file(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, says in (
        (("--model", small_run.classifier, "page.txt"), "must end with .html"),
        (("--model", small_run.classifier, "nowhere/page.html"), "there is no folder nowhere"),
        (("--model", "empty", "page.html"), "is no saved classifier"),
    ):
        result = invoke("playground", *arguments)
        assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output
    assert not list(tmp_path.glob("*.html"))
    result = invoke("playground", "--model", small_run.classifier, "page.html")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "default-src &#39;none&#39;" in page and "src=" not in page
    assert page.count("<script") == page.count("</script>") == 4
    exact = invoke("playground", "--model", small_run.classifier, "--exact", "exact.html")
    assert exact.exit_code == 0, exact.output
    assert len((tmp_path / "exact.html").read_text("utf-8")) > len(page)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS always has a display")
@pytest.mark.parametrize(("display", "says"), [("", "open it in a browser"), (":0", "your browser opens it")])
def test_a_page_without_a_name_opens_where_there_is_a_display(tmp_path: Path, display: str, says: str) -> None:
    tiny_classifier().save(tmp_path / "tiny")
    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\necho $1 > opened.txt")
    browser.chmod(0o755)
    command = command_in(tmp_path, DISPLAY=display, WAYLAND_DISPLAY="", BROWSER=f"{browser} %s")
    assert says in command.run("playground", "--model", "tiny")
    opened = [path.read_text().strip() for path in tmp_path.glob("opened.txt")]
    assert opened == [(tmp_path / "playground.html").as_uri()] * bool(display)
