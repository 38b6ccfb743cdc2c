"""The notebook of the documentation runs from top to bottom, and its outputs are kept."""

import shutil
from pathlib import Path

import nbformat
import pytest

from tests import notebook
from tests.conftest import PipelineRun


def test_the_notebook_keeps_the_outputs_of_a_whole_run() -> None:
    cells = [cell for cell in nbformat.read(notebook.NOTEBOOK, 4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell.outputs for cell in cells[1:])
    assert {output.output_type for cell in cells for output in cell.outputs} <= {"stream", "execute_result"}
    assert not [output for cell in cells for output in cell.outputs if output.get("name") == "stderr"]


def test_the_notebook_runs(demo_run: PipelineRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder where the demo has run, so that its pipeline finds what it would train."""
    folder = shutil.copytree(demo_run.folder, tmp_path / "demo")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    scored = next(cell for cell in notebook.run(folder).cells if "reviews.join(" in cell.source)
    assert "predicted_label" in scored.outputs[0].data["text/plain"]
