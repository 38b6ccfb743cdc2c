"""Drift: the line of `sentiment score`'s summary, its warning, and the page that --drift writes."""

import re
import shutil
from pathlib import Path

import pandas as pd
from typer.testing import Result

from sentiment.evaluation.validation_profile import PROFILE_FILE
from tests.conftest import Invoke, PipelineRun


def line_of_drift(result: Result) -> str:
    return next(line for line in result.stdout.splitlines() if line.startswith("drift"))


def test_reviews_like_those_of_validation_have_not_drifted(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    small_run.predictions[["text"]].to_csv(tmp_path / "in.csv", index=False)
    result = invoke("score", "in.csv", "out.csv", "--model", small_run.classifier)
    assert result.exit_code == 0, result.output
    assert "strongly" not in line_of_drift(result)
    assert re.search(r"\d+ words a row \(\d+\), \d+\.\d% unsure \(\d+\.\d%\), mean P\(positive\) ", result.stdout)
    assert "Warning" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv", "out.csv"]


def test_reviews_unlike_those_of_validation_are_warned_of_and_shown(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    strange = "<b>zork</b> snarf " * 40
    pd.DataFrame({"text": [strange] * 300}).to_csv(tmp_path / "in.csv", index=False)
    result = invoke("score", "in.csv", "out.csv", "--model", small_run.classifier, "--drift", "<i>.html", "--quiet")
    assert result.exit_code == 0, result.output
    assert "Warning: These rows are unlike the reviews" in result.stderr
    page = (tmp_path / "<i>.html").read_text()
    assert "Share of unknown words has strongly shifted" in page
    assert re.search(r'<th scope="row"><bdi>snarf</bdi></th><td>300</td><td>100\.0%</td>', page)
    assert "<b>" not in page
    assert "<i>" not in page
    assert "default-src 'none'" in page
    assert page.count("<svg") == 3


def test_one_row_tells_nothing_of_drift(invoke: Invoke, small_run: PipelineRun, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\na good film\n")
    result = invoke("score", "in.csv", "out.csv", "--model", small_run.classifier)
    assert "too few rows to tell" in line_of_drift(result)
    (tmp_path / "blank.csv").write_text('text\n" "\n')
    result = invoke("score", "blank.csv", "none.csv", "--model", small_run.classifier, "--drift", "page.html")
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "page.html").exists()


def test_a_classifier_without_a_profile_scores_but_compares_and_promises_nothing(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    folder = shutil.copytree(small_run.classifier, tmp_path / "bare")
    (folder / PROFILE_FILE).unlink()
    (tmp_path / "in.csv").write_text("text\nfine\n")
    for option, value in (("--drift", "page.html"), ("--sure", "0.9")):
        result = invoke("score", "in.csv", "out.csv", "--model", folder, option, value)
        assert (result.exit_code, "which --sure and --drift need" in " ".join(result.output.split())) == (2, True), (
            result.output
        )
        assert not (tmp_path / "out.csv").exists()
    result = invoke("score", "in.csv", "out.csv", "--model", folder)
    assert (result.exit_code, "drift" in result.output) == (0, False), result.output
