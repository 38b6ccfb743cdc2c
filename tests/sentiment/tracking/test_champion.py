"""Who becomes champion: on real stores, with the classifier of a real run and predictions made for each case."""

import contextlib
import functools
import itertools
import pickle
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from sentiment.data.fingerprints import Fingerprints
from sentiment.errors import InputError
from sentiment.evaluation.result import Result
from sentiment.tracking import champion, model, registry, runs
from tests.conftest import PipelineRun, command_in
from tests.server import mlflow_server
from tests.tampering import sign_again

REVIEWS = 400


class Trainer:
    """Logs classifiers that differ in their threshold, with predictions that are right as often as asked.

    Each is logged once, and may be registered under several names.
    """

    def __init__(self, classifier: Path, folder: Path) -> None:
        self._classifier, self._folder, self._numbers = classifier, folder, itertools.count(1)
        self._logged = functools.cache(self._log)

    def log(self, right: int, *, loss: float = 0.4, **options: Any) -> Result:
        return replace(self._logged(right, **options), history={"val_loss": [loss]})

    def folder(self, model: Result) -> Path:
        """Where the classifier of a model lies."""
        return model.classifier_folder

    def _log(
        self,
        right: int,
        *,
        reviews: str = "review",
        with_file: bool = True,
        learned: Fingerprints | None = None,
        says_what_it_learned: bool = True,
    ) -> Result:
        number = next(self._numbers)
        title = f"LSTM {number}"
        folder = self._folder / title / "classifier"
        shutil.copytree(self._classifier, folder)
        if learned is not None:
            learned.save(folder)
        if not says_what_it_learned:
            (folder / "fingerprints.npz").unlink()
        (folder / "validation.json").unlink()  # its promises are of another threshold
        sign_again(folder, threshold=0.5 + number / 100)
        labels = np.resize(["positive", "negative"], REVIEWS)  # from behind, each is the other one
        predictions = pd.DataFrame(
            {
                "text": [f"{reviews} {number}" for number in range(REVIEWS)],
                "label": labels,
                "predicted_label": np.where(np.arange(REVIEWS) < right, labels, labels[::-1]),
                "positive_probability": 0.5,
            }
        )
        path = self._folder / "predictions.parquet"
        predictions.to_parquet(path)
        with runs.tracked_run(title, experiment="films", resume_key=title, tags={}) as run:
            if with_file:
                runs.log_artifact(str(path))
            model_id = model.log_classifier(run, folder)
        metrics = dict.fromkeys(("accuracy", "f1", "roc_auc", "log_loss"), right / REVIEWS)
        result = Result(title, predictions, metrics, pd.DataFrame())
        return replace(result, classifier_folder=folder, model_id=model_id)


@pytest.fixture(scope="module")
def trainer(
    small_run: PipelineRun, make_mlflow_store: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trainer]:
    """On a store of its own, that of all tests of this module."""
    folder = tmp_path_factory.mktemp("champion")
    make_mlflow_store(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        yield Trainer(small_run.classifier, folder)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """The name that a test registers under."""
    return str(request.node.name).split("[", 1)[0]


def register(name: str, *models: Result, promote: bool = False, on_folds: bool = False) -> registry.Version:
    """The version that was decided on."""
    versions = champion.register(name, models, promote=promote, on_folds=on_folds)
    return next(version for version in versions if version.reason)


def aliases(name: str) -> dict[int, tuple[str, ...]]:
    return {version.number: version.aliases for version in registry.versions(name)}


def test_the_champion_gives_way_only_to_one_better_beyond_chance_on_the_same_reviews(
    trainer: Trainer, name: str
) -> None:
    first = register(name, trainer.log(300))
    assert (first.aliases, first.reason) == (("champion",), "as there was none")
    for training, reason in (
        (trainer.log(303), "as it does not clearly beat version 1, the champion, on the same 400 test reviews: +0.8 "),
        (trainer.log(250), "as it loses to version 1, the champion, on the same 400 test reviews: -12.5 points"),
        (trainer.log(400, reviews="other"), "as version 1, the champion, was tested on other reviews"),
    ):
        later = register(name, training)
        assert (later.aliases, reason in later.reason) == (("challenger",), True), later.reason
    better = register(name, trainer.log(340))
    assert better.aliases == ("champion",)
    assert better.reason.startswith("as it beats version 1, the champion, on the same 400 test reviews by 10.0 points")
    assert "95 % interval 7." in better.reason
    assert better.reason.endswith("; 40 newly right, 0 newly wrong, McNemar's exact p < 0.0001")
    assert (better.rival.number if better.rival else None) == 1
    assert aliases(name) == {1: (), 2: (), 3: (), 4: ("challenger",), 5: ("champion",)}


def test_a_classifier_of_other_labels_is_no_rival(trainer: Trainer, name: str) -> None:
    register(name, trainer.log(300))
    two = trainer.log(400)
    others = two.predictions.drop(columns="positive_probability").replace({"positive": "good", "negative": "bad"})
    three = others.assign(probability_bad=0.2, probability_fair=0.1, probability_good=0.7)
    later = register(name, replace(two, predictions=three))
    assert later.aliases == ("challenger",)
    assert later.reason == (
        "as version 1, the champion, tells negative, positive apart, and not bad, fair, good; --promote makes it "
        "champion all the same, and --register gives it a name of its own"
    )


def test_a_review_that_one_side_has_learned_from_does_not_count(trainer: Trainer, name: str) -> None:
    """The second is right on 100 reviews more: those that it has learned from."""
    texts = [f"review {number}" for number in range(REVIEWS)]
    register(name, trainer.log(300))
    leaking = register(name, trainer.log(400, learned=Fingerprints.of(texts[300:])))
    assert leaking.aliases == ("challenger",)
    assert leaking.reason == (
        "as it does not clearly beat version 1, the champion, on the same 300 test reviews: +0.0 points, 95 % interval "
        "-0.7 to 0.7; 0 newly right, 0 newly wrong, McNemar's exact p 1.0000; 100 others are left out, as one of the "
        "two has learned from them"
    )
    all_but_one = register(name, trainer.log(399, learned=Fingerprints.of(texts[1:])))
    assert all_but_one.reason == (
        "as it or version 1, the champion, has learned from every test review, so nothing is left to compare them on"
    )
    assert aliases(name) == {1: ("champion",), 2: (), 3: ("challenger",)}


def test_a_model_of_all_rows_is_held_to_the_folds_that_its_start_had_not_seen(trainer: Trainer, name: str) -> None:
    """Its predictions are of trainings on the other folds, so its own training does not count against it."""
    texts = [f"review {number}" for number in range(REVIEWS)]
    first, start = trainer.log(300, learned=Fingerprints.of(texts)), Fingerprints.of(texts[:100])
    register(name, first, on_folds=True)
    second = trainer.log(340, learned=Fingerprints.of(texts, start))
    found = register(name, second, on_folds=True)
    assert "it beats version 1, the champion, on the same 300 test reviews by 13.3 points" in found.reason


def test_a_classifier_that_does_not_say_what_it_has_learned_from_is_no_rival(trainer: Trainer, name: str) -> None:
    register(name, trainer.log(301, says_what_it_learned=False))
    later = register(name, trainer.log(400))
    assert later.reason == "as nothing says which texts version 1, the champion, has learned from"


def test_a_model_no_better_than_the_majority_class_becomes_champion_only_when_asked_for(
    trainer: Trainer, name: str
) -> None:
    poor = trainer.log(205)
    found = register(name, poor)
    assert found.aliases == ("challenger",)
    assert found.reason.startswith("as it is not significantly better than calling every review positive, which is ")
    assert "right for 50.0 % of the 400 test reviews" in found.reason
    assert register(name, poor, promote=True).aliases == ("champion",)


def test_a_card_that_is_too_long_for_a_description_is_cut_between_lines() -> None:
    card = "a line of a card\n" * 400
    described = champion.description_of(card)
    assert len(described) <= champion.LONGEST_DESCRIPTION
    assert described.endswith("a line of a card\n\nThe run of this version has the whole card.")
    assert champion.description_of(described) == described


def test_a_champion_without_predictions_stays_and_the_reason_says_so(trainer: Trainer, name: str) -> None:
    register(name, trainer.log(240, with_file=False))
    later = register(name, trainer.log(400))
    assert later.aliases == ("challenger",)
    assert "as the predictions of version 1, the champion, cannot be read (" in later.reason
    assert "\n" not in later.reason


def test_the_seed_with_the_lowest_validation_loss_is_the_candidate_whatever_the_test_split_says(
    trainer: Trainer, name: str
) -> None:
    seeds = [trainer.log(390, loss=float("nan")), trainer.log(300, loss=0.3), trainer.log(380, loss=0.5)]
    versions = champion.register(name, seeds)
    assert [(version.number, version.aliases) for version in versions] == [(1, ()), (2, ("champion",)), (3, ())]
    reason = f"as there was none; {seeds[1].name}, has the lowest validation loss, 0.3000"
    assert [version.reason for version in versions] == ["", reason, ""]
    again = champion.register(name, seeds)
    assert again == versions
    assert again[1].reason.startswith("as registered before")
    assert aliases(name) == {1: (), 2: ("champion",), 3: ()}


def test_a_classifier_logged_again_by_another_run_is_the_version_that_it_was(trainer: Trainer, name: str) -> None:
    training = trainer.log(300)
    register(name, training)
    with runs.tracked_run("again", experiment="films", resume_key="again", tags={}) as run:
        model_id = model.log_classifier(run, trainer.folder(training))
    assert model_id != training.model_id
    again = register(name, replace(training, model_id=model_id))
    assert (again.number, again.reason) == (1, "as registered before")
    assert aliases(name) == {1: ("champion",)}


def test_a_model_that_cannot_be_scored_is_not_registered_and_is_logged_again(trainer: Trainer, name: str) -> None:
    """Its files are lost, though MLflow calls it READY."""
    training = trainer.log(299)
    logged = mlflow.MlflowClient().get_logged_model(training.model_id)
    shutil.rmtree(Path(logged.artifact_location.removeprefix("file://")))
    with pytest.raises(InputError, match=f"The logged model {training.model_id} cannot be loaded .* logs it again"):
        register(name, training)
    assert aliases(name) == {}
    with runs.tracked_run("later", experiment="films", resume_key=training.name, tags={}, even_finished=True) as run:
        model_id = model.log_classifier(run, trainer.folder(training))
    assert model_id != training.model_id
    assert register(name, replace(training, model_id=model_id)).aliases == ("champion",)


def test_a_candidate_that_another_process_registered_but_has_not_decided_on_takes_part(
    trainer: Trainer, name: str
) -> None:
    register(name, trainer.log(240))
    better = trainer.log(340)
    tags = {registry.CANDIDATE_TAG: "true"}
    mlflow.register_model(f"models:/{better.model_id}", name, tags=tags)
    worse = register(name, trainer.log(300))
    assert worse.aliases == ("challenger",)
    assert worse.reason.startswith("as it loses to version 2 on the same 400 test reviews: -10.0 points")
    assert aliases(name) == {1: (), 2: ("champion",), 3: ("challenger",)}


def test_what_was_promoted_by_hand_stays_until_it_is_beaten(trainer: Trainer, name: str) -> None:
    for right in (240, 300):
        register(name, trainer.log(right))
    assert registry.promote(name, 1).aliases == ("champion",)
    assert "does not clearly beat version 1, the champion," in register(name, trainer.log(242)).reason
    assert aliases(name) == {1: ("champion",), 2: (), 3: ("challenger",)}


REGISTER = """
import pickle, sys
from pathlib import Path
from sentiment.tracking import champion, store
store.silence()
model = pickle.loads(Path(sys.argv[1]).read_bytes())
print("ready", flush=True)
sys.stdin.readline()
champion.register("films", [model])
"""


@pytest.mark.usefixtures("mlflow_store")
@pytest.mark.parametrize("kind", ["SQLite", "server"])
def test_processes_that_register_at_once_leave_the_better_as_champion(
    small_run: PipelineRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    stores = ("--backend-store-uri", uri, "--artifacts-destination", str(tmp_path / "artifacts"))
    with contextlib.ExitStack() as stack:
        if kind == "server":
            server = mlflow_server("server", "--host", "127.0.0.1", "--workers", "2", *stores, folder=tmp_path)
            uri = stack.enter_context(server)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        trainer = Trainer(small_run.classifier, tmp_path)
        register("films", trainer.log(240))
        programs = []
        for right in (300, 350):
            path = tmp_path / f"{right}.pickle"
            path.write_bytes(pickle.dumps(trainer.log(right)))
            programs.append((REGISTER, path))
        command_in(tmp_path, MLFLOW_TRACKING_URI=uri).run_at_once(*programs)
        [best] = [version for version in registry.versions("films") if registry.CHAMPION in version.aliases]
        assert best.metrics["test_accuracy"] == 350 / REVIEWS
        assert len(aliases("films")) == 3
