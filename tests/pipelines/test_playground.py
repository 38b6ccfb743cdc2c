"""`sentiment playground` on a saved classifier."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from sentiment.classifier import SentimentClassifier
from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.training.models import ModelConfig, build_model

Invoke = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    vocabulary = Vocabulary.fit(["a good film", "a <script> film"], 50)
    network = build_model("gru", ModelConfig(embedding_dim=3, units=2), num_words=50, maxlen=8)
    SentimentClassifier.from_network(vocabulary, SequenceConfig(maxlen=8), network).save(folder)
    return folder


def test_a_model_becomes_one_page_that_names_no_other_file(invoke: Invoke, folder: Path, tmp_path: Path) -> None:
    result = invoke("playground", "--model", folder, "page.html")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "default-src &#39;none&#39;" in page and "src=" not in page
    assert page.count("<script") == page.count("</script>") == 4
    exact = invoke("playground", "--model", folder, "--exact", "exact.html")
    assert exact.exit_code == 0, exact.output
    assert len((tmp_path / "exact.html").read_text("utf-8")) > len(page)


@pytest.mark.parametrize(
    ("page", "reason"),
    [("page.txt", "must end with .html"), ("nowhere/page.html", "there is no folder nowhere")],
)
def test_a_page_that_cannot_be_written_is_named(invoke: Invoke, folder: Path, page: str, reason: str) -> None:
    result = invoke("playground", "--model", folder, page)
    assert result.exit_code == 2
    assert reason in " ".join(result.output.split())


def test_what_is_no_classifier_is_named(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = invoke("playground", "--model", "empty", "page.html")
    assert result.exit_code == 2
    assert "is no saved classifier" in " ".join(result.output.split())
    assert not (tmp_path / "page.html").exists()
