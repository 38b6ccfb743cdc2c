"""Takes the README's pictures of the MLflow UI: `make screenshots`, after runs on the default source.

Starts the real `mlflow ui` on the database in the current folder and looks at the newest finished parent run with
Debian's Chromium.
"""

import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

import mlflow
from playwright.sync_api import Page, sync_playwright

PORT = 5123
ADDRESS = f"http://127.0.0.1:{PORT}"
IMAGES = Path(__file__).parent / "images"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def pages() -> dict[str, tuple[str, str]]:
    """Picture -> address of the UI's page and a text on it, for the newest finished parent run on real reviews."""
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("sentiment")
    assert experiment is not None, "run `sentiment run-pipeline` first"
    finished = client.search_runs(
        [experiment.experiment_id], "attributes.status = 'FINISHED' and tags.synthetic = 'false'"
    )
    parent = next(run.info.run_id for run in finished if "mlflow.parentRunId" not in run.data.tags)
    runs = f"{ADDRESS}/#/experiments/{experiment.experiment_id}/runs"
    children = quote(f"tags.`mlflow.parentRunId` = '{parent}'")
    return {
        "run": (f"{runs}/{parent}?workflowType=machine_learning", "average precision"),
        "charts": (f"{runs}?workflowType=machine_learning&compareRunsMode=CHART&searchFilter={children}", "accuracy"),
    }


def take(page: Page, name: str, address: str, text: str) -> None:
    """One picture, once the text is there and the charts have been drawn."""
    page.goto(address)
    page.get_by_text(text).first.wait_for()
    page.wait_for_timeout(3_000)
    assistant = page.get_by_role("button", name="Close", exact=True)
    if assistant.count():
        assistant.first.click()
    if name == "charts":
        page.locator("[role=gridcell] button").first.click()  # unfold the parent run
        page.get_by_placeholder("Search metric charts").fill("accuracy|loss")
    page.wait_for_timeout(5_000)
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
            page = browser.new_page(viewport={"width": 1400, "height": 1100})
            for name, (address, text) in found.items():
                take(page, name, address, text)
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=30)


if __name__ == "__main__":
    main()
