"""The classifier that comes with the package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import sentiment
from sentiment.errors import PRETRAINED, InputError
from tests.boxed import LEARNED, write_pretrained
from tests.conftest import command_in

FRESH = """
import sys
from pathlib import Path
import sentiment.errors
sentiment.errors.PRETRAINED = Path(sys.argv[1])
import json, sentiment
classifier = sentiment.load()
print(json.dumps([classifier.predict(["a good film"]).tolist(), sorted(sys.modules)]))
"""


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny classifier that stands for the one in the box."""
    pretrained = write_pretrained(tmp_path / "pretrained")
    monkeypatch.setattr("sentiment.saved_classifier.PRETRAINED", pretrained)
    monkeypatch.setattr("sentiment.errors.PRETRAINED", pretrained)
    return pretrained / "imdb"


@pytest.mark.usefixtures("box")
def test_nothing_or_its_name_loads_the_classifier_in_the_box() -> None:
    classifier = sentiment.load()
    assert classifier.digest() == sentiment.load("imdb").digest()
    assert classifier.learned is not None
    assert classifier.learned.holds(LEARNED).all()


def test_a_first_verdict_imports_nothing_large(tmp_path: Path) -> None:
    pretrained = write_pretrained(tmp_path / "pretrained")
    environment = command_in(tmp_path).environment
    command = [sys.executable, "-c", FRESH, str(pretrained)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    [[label], modules] = json.loads(done.stdout)
    assert label in ("positive", "negative")
    assert not {"mlflow", "tensorflow", "keras", "pandas", "sklearn", "matplotlib", "typer"} & {*modules}


def test_a_missing_or_damaged_classifier_in_the_box_says_how_to_repair_it(box: Path) -> None:
    content = bytearray((box / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (box / "weights.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged \(weights\.npz is .*: install sentiment again, with pip's"):
        sentiment.load()
    (box / "classifier.json").unlink()
    with pytest.raises(InputError, match=r"The classifier imdb is missing from .*: install sentiment again"):
        sentiment.load("imdb")


def test_the_classifier_in_the_box_is_small_knows_what_it_learned_and_is_often_right() -> None:
    files = [*(PRETRAINED / "imdb").iterdir()]
    assert {path.name for path in files} == {
        "classifier.json", "fingerprints.npz", "model_card.md", "validation.json", "vocabulary.json", "weights.npz"
    }  # fmt: skip
    assert sum(path.stat().st_size for path in files) <= 8_000_000
    classifier = sentiment.load()
    assert classifier.profile_ is not None
    assert classifier.learned is not None
    texts = ["This movie was not bad.", "A moving, wonderful film.", "Dull, and far too long.", "What a waste of time."]
    assert classifier.predict(texts).tolist() == ["positive", "positive", "negative", "negative"]
