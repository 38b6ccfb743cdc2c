"""The notebook of the documentation: runs it, and with `python -m tests.notebook` keeps its outputs."""

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebooks" / "quickstart.ipynb"
NEW_FOLDER = "tempfile.mkdtemp()"


def run(folder: Path | None = None) -> Any:
    """The notebook after a run of all its cells, with the `sentiment` of this environment.

    Args:
        folder: in the place of the new one that its first cell makes.
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    notebook = nbformat.read(NOTEBOOK, 4)
    if folder is not None:
        first = next(cell for cell in notebook.cells if NEW_FOLDER in cell.source)
        first.source = first.source.replace(NEW_FOLDER, repr(str(folder)))
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    return notebook


def keep(notebook: Any) -> None:
    """Write the notebook, without what TensorFlow said on standard error and without times."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    keep(run())
