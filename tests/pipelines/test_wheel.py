"""The package as it is built and installed, away from the clone."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.boxed import write_pretrained
from tests.conftest import SMALL, once

ROOT = Path(__file__).parents[2]

OPTIONS = [
    *SMALL,
    *"--data reviews.csv --models lstm --epochs 1 --snippet-share 0.4 --counterfactual-share 0.7".split(),
]

COMMANDS = """
import shlex, sys, pipelines, sentiment
from pipelines.cli import application
print(pipelines.__file__, sentiment.__file__)
for command in sys.stdin:
    application()(shlex.split(command), standalone_mode=False)
"""

FOR_SCORING = """
import sys
from pathlib import Path
import sentiment.errors
from pipelines.commands.exit_codes import LEFT_OUT

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in LEFT_OUT:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing())
sentiment.errors.PRETRAINED = Path.cwd() / "pretrained"
from pipelines.cli import main
main()
"""
"""The command line where packages that only training needs are not installed."""

BUILD = """
from setuptools.build_meta import build_sdist
build_sdist("..")
"""


class Installed(NamedTuple):
    """The package, built and installed.

    Attributes:
        folder: with the source distribution and the wheel.
        python: that of an environment of its own.
    """

    folder: Path
    python: Path

    @property
    def sdist(self) -> Path:
        [path] = self.folder.glob("sentiment-*.tar.gz")
        return path

    @property
    def wheel(self) -> Path:
        [path] = self.folder.glob("sentiment-*.whl")
        return path


def docker_context() -> list[str]:
    """Names of what the Docker image is built from."""
    return [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]


def without_compiled(names: Iterable[str]) -> set[str]:
    return {name for name in names if not name.endswith((".pyc", ".so"))}


def plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TFDS_", "PYTHON"))}


@pytest.fixture(scope="session")
def installed(shared_folder: Path) -> Installed:
    """What the Docker image is built from, made into a source distribution, that into a wheel, that installed.

    Dependencies are borrowed from the environment of the tests, where nothing finds the clone without its .pth file.
    """

    def build(folder: Path) -> None:
        source = folder / "source"
        source.mkdir(parents=True)
        for name in docker_context():
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, source / name)
        [setuptools] = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
        python = folder / "venv" / "bin" / "python"
        pip: list[str | Path] = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        subprocess.run([*pip, "install", setuptools], check=True)
        subprocess.run([python, "-c", BUILD], cwd=source, check=True, stdout=subprocess.PIPE)
        options: list[str | Path] = ["--no-deps", "--no-build-isolation", "--wheel-dir", folder]
        subprocess.run([*pip, "wheel", *options, *folder.glob("sentiment-*.tar.gz")], check=True)
        subprocess.run([*pip, "install", "--no-deps", *folder.glob("sentiment-*.whl")], check=True)
        [packages] = (folder / "venv").glob("lib/python*/site-packages")
        (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))

    folder = once(shared_folder / "installed", build)
    return Installed(folder, folder / "venv" / "bin" / "python")


def test_no_file_of_the_packages_is_forgotten_in_the_source_distribution_or_the_wheel(installed: Installed) -> None:
    tree = without_compiled(
        str(path.relative_to(ROOT))
        for name in ("sentiment", "pipelines")
        for path in (ROOT / name).rglob("*")
        if path.is_file()
    )
    with tarfile.open(installed.sdist) as archive:
        in_sdist = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert in_sdist >= {*tree, "setup.py", "pyproject.toml", "README.md", "LICENSE"}
    with zipfile.ZipFile(installed.wheel) as archive:
        in_wheel = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert without_compiled(in_wheel) == {name for name in tree if not name.endswith((".c", ".h"))}
    assert {name for name in in_wheel if name.endswith((".pyc", ".so"))} == {"sentiment/engine/_native.abi3.so"}


def test_the_image_is_built_from_all_that_its_context_has() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for names in copied for name in names.split()} == set(docker_context())


def test_a_small_installation_scores_and_says_what_training_needs(installed: Installed, tmp_path: Path) -> None:
    write_pretrained(tmp_path / "pretrained")
    (tmp_path / "reviews.csv").write_text("text\na good film\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [installed.python, "-c", FOR_SCORING, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=plain_environment())

    for line in ("predict 'a good film'", "explain 'a good film'", "score reviews.csv o.csv", "playground page.html"):
        done = run(*shlex.split(line))
        assert (done.returncode, "imdb, which comes with" in done.stdout + done.stderr) == (0, True), done.stderr
    assert (tmp_path / "o.csv").exists() and (tmp_path / "page.html").exists()
    for line in ("run-pipeline --source demo", "models", "tune --source demo"):
        done = run(*line.split())
        assert (done.returncode, "`pip install .` installs the rest" in done.stderr) == (2, True), done.stderr


def test_an_installed_package_trains_explains_and_scores(
    installed: Installed, reviews_csv: Path, tmp_path: Path
) -> None:
    shutil.copy(reviews_csv, tmp_path / "reviews.csv")

    def run(*command: str | Path, lines: str = "") -> str:
        environment = plain_environment()
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, input=lines)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    options = shlex.join(OPTIONS)
    output = run(
        installed.python, "-c", COMMANDS,
        lines=f"run-pipeline {options} --promote\nexplain 'A moving film.'\nplayground page.html\n",
    )  # fmt: skip
    where, *_ = output.splitlines()
    assert all(Path(file).is_relative_to(installed.folder) for file in where.split())
    assert "positive" in output
    assert "class Playground" in (tmp_path / "page.html").read_text("utf-8")
    run(installed.python.with_name("sentiment"), "score", "reviews.csv", "scored.csv")
    assert (tmp_path / "scored.csv").exists()
