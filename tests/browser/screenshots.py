"""Drives the real MLflow UI and the report in Debian's Chromium, and takes pictures of them.

`make screenshots` takes the documentation's pictures, docs/images/, of the newest finished run on real reviews in the
current folder, and records the terminal; the tests take theirs with the same functions.
"""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import quote

import mlflow
from mlflow.entities import Run
from playwright.sync_api import Browser, Frame, Page, ViewportSize, sync_playwright

from tests.browser.recording import write_recording
from tests.server import mlflow_server

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SCREENSHOTS = Path(__file__).parent / "screenshots"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def mlflow_ui(folder: Path) -> AbstractContextManager[str]:
    """The address of a real `mlflow ui` on the database in a folder."""
    return mlflow_server("ui", "--workers", "1", folder=folder)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def newest_runs(tracking_uri: str | None = None) -> tuple[Run, dict[str, Run]]:
    """The newest finished parent run on real reviews, and of each of its models the run with the first seed."""
    client = mlflow.MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name("sentiment")
    assert experiment is not None, "run `sentiment run-pipeline` first"
    finished = client.search_runs(
        [experiment.experiment_id], "attributes.status = 'FINISHED' and tags.synthetic = 'false'"
    )
    parent = next(run for run in finished if "mlflow.parentRunId" not in run.data.tags)
    children = [run for run in finished if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    return parent, {
        run.data.tags["model"]: run for run in sorted(children, key=lambda run: -int(run.data.tags["seed"]))
    }


def close_assistant(page: Page) -> None:
    page.wait_for_timeout(1_000)
    close = page.get_by_role("button", name="Close", exact=True)
    if close.count():
        close.first.click()


def open_runs(page: Page, address: str, parent: Run, *, charts: bool = False) -> None:
    """The experiment's page with the runs of one pipeline, unfolded."""
    children = quote(f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    view = "&compareRunsMode=CHART" if charts else ""
    page.goto(
        f"{address}/#/experiments/{parent.info.experiment_id}/runs"
        f"?workflowType=machine_learning&searchFilter={children}{view}"
    )
    page.get_by_role("link", name=parent.info.run_name).first.wait_for()
    close_assistant(page)
    page.locator("[role=gridcell] button").first.click()
    page.locator("[role=row][row-id]").nth(1).wait_for()


def open_comparison(page: Page, address: str, parent: Run, runs: list[Run]) -> None:
    """Tick some runs on the experiment's page and press Compare."""
    open_runs(page, address, parent)
    for run in runs:
        page.locator(f'[row-id="{run.info.run_id}"] input[type=checkbox]').first.check()
    page.get_by_role("button", name="Compare").first.click()
    page.get_by_text("Comparing").first.wait_for()


def open_parent(page: Page, address: str, parent: Run) -> None:
    """The parent run's page with its whole description."""
    page.goto(
        f"{address}/#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}?workflowType=machine_learning"
    )
    page.get_by_text("Show more").first.click()
    close_assistant(page)


def open_artifact(page: Page, address: str, run: Run, name: str) -> Frame:
    """A page of ours in the artifact view of a run; the frame that holds it."""
    page.goto(
        f"{address}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts"
        "?workflowType=machine_learning"
    )
    page.get_by_text(name).first.click()
    page.frame_locator("iframe").locator("#verdict").wait_for()
    return next(frame for frame in page.frames if frame.url.startswith("blob:"))


def open_page(page: Page, path: Path) -> None:
    """A page that the pipeline wrote, by itself."""
    page.goto(path.resolve().as_uri())


def main() -> None:
    """The documentation's pictures."""
    parent, models = newest_runs()
    SCREENSHOTS.mkdir(exist_ok=True)
    size: ViewportSize = {"width": 1400, "height": 1100}
    with mlflow_ui(Path.cwd()) as address, chromium() as browser:
        page = browser.new_page(viewport=size)
        open_parent(page, address, parent)
        page.wait_for_timeout(2_000)
        page.screenshot(path=IMAGES / "run.png")
        page = browser.new_page(viewport=size)
        open_runs(page, address, parent, charts=True)
        page.get_by_placeholder("Search metric charts").fill("^(val_)?(accuracy|loss)$|^test_(accuracy|roc_auc)$")
        page.wait_for_timeout(4_000)
        page.screenshot(path=IMAGES / "charts.png")
        page = browser.new_page(viewport=size)
        open_comparison(page, address, parent, [models["lstm"], models["simple_rnn"]])
        for section in ("Visualizations", "Parameters"):
            page.get_by_text(section, exact=True).first.click()
        page.get_by_text("reviews_per_second", exact=True).first.wait_for()
        page.wait_for_timeout(3_000)
        page.screenshot(path=IMAGES / "compare.png")
        write_recording(IMAGES / "terminal.svg", SCREENSHOTS / "terminal.cast")
        report = browser.new_page(viewport={"width": 1200, "height": 1500})
        open_page(report, Path("report.html"))
        report.screenshot(path=IMAGES / "report.png")
        with tempfile.TemporaryDirectory() as folder:
            artifact = mlflow.MlflowClient().download_artifacts(models["lstm"].info.run_id, "playground.html", folder)
            playground = browser.new_page(viewport={"width": 1200, "height": 1500})
            open_page(playground, Path(artifact))
            playground.get_by_role("button", name="But: praise last").click()
            playground.locator("html[data-finished=true]").wait_for(state="attached")
            playground.screenshot(path=IMAGES / "playground.png")


if __name__ == "__main__":
    main()
