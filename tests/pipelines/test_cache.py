"""What the key of an MLflow run covers beside its content: all that the digests of stages cover."""

import json
from importlib import metadata
from pathlib import Path

import pytest

import sentiment
from pipelines.stages.cache import resume_key
from pipelines.working_directory import WorkingDirectory
from sentiment.engine import native
from sentiment.training import time_loop
from tests.conftest import PipelineRun


def key_in(folder: Path) -> str:
    with WorkingDirectory(folder) as work:
        return resume_key(work, "configuration")


def test_attempts_with_other_code_versions_device_or_engine_are_none_at_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key_in(tmp_path / "work"), key_in(tmp_path / "work")]
    assert keys[0] == keys[1]
    with monkeypatch.context() as patch:
        patch.setattr(time_loop, "PARTS", 64)
        keys.append(key_in(tmp_path / "work"))
    with monkeypatch.context() as patch:
        patch.setattr(native, "available", lambda: False)
        patch.setattr("sentiment.engine.numpy_network.NumpyNetwork.name", "another engine")
        keys.append(key_in(tmp_path / "work"))
    package = tmp_path / "package"
    (package / "training").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(sentiment, "__file__", str(package / "__init__.py"))
        keys.append(key_in(tmp_path / "work"))
        (package / "training" / "trainer.py").write_text("other code")
        keys.append(key_in(tmp_path / "work"))
    assert len(set(keys)) == len(keys) - 1


def test_every_package_whose_version_a_stage_depends_on_makes_another_run(
    small_run: PipelineRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = [json.loads(path.read_text()) for path in small_run.folder.glob(".sentiment/*/*/stage.json")]
    installed = {distribution.name.lower() for distribution in metadata.distributions()}
    packages = {name for stage in stages for name in stage.get("environment", {}) if name in installed}
    assert packages == {"keras", "numpy", "scikit-learn", "scipy", "tensorflow", "vadersentiment"}
    key, version = key_in(tmp_path), metadata.version
    for changed in packages:
        with monkeypatch.context() as patch:
            patch.setattr(metadata, "version", lambda package, of=changed: "0" if package == of else version(package))
            assert key_in(tmp_path) != key, changed
