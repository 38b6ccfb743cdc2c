"""Takes the README's pictures of the MLflow UI: `make screenshots`, after runs on the default source.

Starts the real `mlflow ui` on the database in the current folder and looks at the newest finished parent run with
Debian's Chromium.
"""

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
from playwright.sync_api import Page, sync_playwright

PORT = 5123
ADDRESS = f"http://127.0.0.1:{PORT}"
IMAGES = Path(__file__).parent / "images"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def pages() -> dict[str, str]:
    """Picture -> address of the UI's page, of the newest finished parent run on real reviews and its children."""
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("sentiment")
    assert experiment is not None, "run `sentiment run-pipeline` first"
    number = experiment.experiment_id
    finished = client.search_runs([number], "attributes.status = 'FINISHED' and tags.synthetic = 'false'")
    parent = next(run.info.run_id for run in finished if "mlflow.parentRunId" not in run.data.tags)
    children = [run.info.run_id for run in finished if run.data.tags.get("mlflow.parentRunId") == parent]
    runs = "[" + ",".join(f'"{child}"' for child in reversed(children)) + "]"
    return {
        "compare": f"{ADDRESS}/#/compare-runs?runs={runs}&experiments=[%22{number}%22]".replace('"', "%22"),
        "run": f"{ADDRESS}/#/experiments/{number}/runs/{parent}",
        "model": f"{ADDRESS}/#/experiments/{number}/runs/{children[-1]}/model-metrics",
    }


def take(page: Page, name: str, address: str) -> None:
    """One picture, once the page has gone quiet."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(4_000)
    page.screenshot(path=IMAGES / f"{name}.png")


def main() -> None:
    """Start the UI, take every picture, stop the UI."""
    found = pages()
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", "--port", str(PORT)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{ADDRESS}/health", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            for name, address in found.items():
                take(page, name, address)
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=30)


if __name__ == "__main__":
    main()
