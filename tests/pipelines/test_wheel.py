import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA_FILES = """
from importlib.resources import files
from pipelines.configuration import preset_names
from sentiment.evaluation.behaviour import read_behaviour
assert read_behaviour().tests and all(map(preset_names, (".", "memory", "spaces")))
templates = files("sentiment.reporting")
assert all(templates.joinpath(name).is_file() for name in ("page.html", "report.html", "learning_curve.html"))
from sentiment.reporting.playground.page import joined_script
assert "class Playground" in joined_script()
assert files("sentiment").joinpath("py.typed").is_file()
"""


def test_the_wheel_works_in_an_environment_of_its_own(tmp_path: Path) -> None:
    """Built and installed for real; only its dependencies are borrowed from the environment of the tests."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT], check=True
    )
    [wheel] = tmp_path.glob("sentiment-*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    [packages] = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    sentiment = tmp_path / "venv" / "bin" / "sentiment"
    described = subprocess.run(
        [sentiment, "describe", "--preset", "demo"], cwd=tmp_path, capture_output=True, text=True
    )
    assert described.returncode == 0, described.stderr
    assert "8,320" in described.stdout  # the LSTM of the demo preset
    found = subprocess.run([python, "-c", DATA_FILES], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    where = subprocess.run(
        [python, "-c", "import sentiment; print(sentiment.__file__)"], cwd=tmp_path, capture_output=True, text=True
    )
    assert str(packages) in where.stdout
