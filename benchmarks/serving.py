"""Single reviews over HTTP: `mlflow models serve` of the logged model, in the core and in NumPy.

    python -m benchmarks.serving --archive aclImdb_v1.tar.gz [--model URI] [--seconds 10]

Run it where `sentiment run-pipeline --preset textbook` ran. Needs Debian's wrk. Clients and server share this machine,
and talk over the loopback. Prints requests/s and the 99th percentile of the latency at 1, 8 and 32 connections, as
Markdown; every answer must be a verdict.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.measuring import machine
from benchmarks.reviews import archive_reviews

CONNECTIONS = (1, 8, 32)
START_SECONDS = 120
POST = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local number = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function request()
  number = number %% #bodies + 1
  return wrk.format(nil, nil, nil, bodies[number])
end
"""


def body(text: str) -> str:
    """A request for one verdict, as MLflow's server takes it."""
    return json.dumps({"dataframe_split": {"columns": ["text"], "data": [[text]]}})


@contextlib.contextmanager
def served(model: Path) -> Iterator[str]:
    """The address of a server of a logged model, in a process of its own with one worker."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(model), "--env-manager", "local"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env={**environment, "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield f"{address}/invocations"
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(f"{address}/ping"):
            return
        time.sleep(0.2)
    raise SystemExit(f"`mlflow models serve` did not answer within {START_SECONDS} s.")


def load(address: str, script: Path, connections: int, seconds: int) -> tuple[float, str]:
    """Requests/s, and the 99th percentile of the latency as wrk words it."""
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency", "-s", str(script)]
    done = subprocess.run(["wrk", *options, address], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in done or "Socket errors" in done:
        raise SystemExit(done)
    rate, late = re.search(r"Requests/sec:\s+([\d.]+)", done), re.search(r"99%\s+(\S+)", done)
    assert rate is not None, done
    assert late is not None, done
    return float(rate[1]), late[1]


def answer(address: str, text: str) -> float:
    """P(positive) of a review."""
    request = urllib.request.Request(address, body(text).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return float(json.loads(response.read())["predictions"][0]["positive_probability"])


def calls(model: Path, texts: Sequence[str]) -> dict[str, float]:
    """What a call with one review costs within this process: name -> median CPU time, in microseconds."""
    import mlflow
    import pandas as pd

    from sentiment.classifier import SentimentClassifier
    from sentiment.saved_classifier import classifier_folder

    loaded, classifier = mlflow.pyfunc.load_model(str(model)), SentimentClassifier.load(classifier_folder(model))
    timed: dict[str, Callable[[str], object]] = {
        f"network in {classifier.model_.engine}": lambda text: classifier.positive_probability([text]),
        f"logged pyfunc with it in {classifier.model_.engine}": lambda text: loaded.predict(
            pd.DataFrame({"text": [text]})
        ),
    }
    found = {}
    for name, call in timed.items():
        times = []
        for text in texts:
            started = time.process_time()
            call(text)
            times.append(time.process_time() - started)
        found[name] = 1e6 * statistics.median(times)
    return found


def main() -> None:
    """Serve, load, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models:/imdb-sentiment@champion")
    parser.add_argument("--archive", type=Path, help="of the IMDB reviews")
    parser.add_argument("--seconds", type=int, default=10, help="of each number of connections")
    options = parser.parse_args()
    from pipelines.models import located_classifier

    texts = archive_reviews(options.archive).unlabelled.texts[:1_000]
    print(
        f"`python -m benchmarks.serving --seconds {options.seconds}` on {machine()}; wrk with one thread beside it.\n"
    )
    print("| connections | " + " | ".join(map(str, CONNECTIONS)) + " |\n|---|" + "---:|" * len(CONNECTIONS))
    probabilities = []
    with located_classifier(options.model) as (classifier, _), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "bodies").write_text("".join(f"{body(text)}\n" for text in texts))
        script = folder / "post.lua"
        script.write_text(POST % (folder / "bodies"))
        without_core = shutil.copytree(classifier.parents[1], folder / "model")
        for extension in without_core.rglob("_native*.so"):
            extension.unlink()
        for name, model in (("NumPy", without_core), ("core", classifier.parents[1])):
            with served(model) as address:
                probabilities.append([answer(address, text) for text in texts[:20]])
                load(address, script, 8, 2)
                found = [load(address, script, connections, options.seconds) for connections in CONNECTIONS]
            print(f"| {name}, requests/s | " + " | ".join(f"{rate:,.0f}" for rate, _ in found) + " |")
            print(f"| {name}, 99th percentile | " + " | ".join(late for _, late in found) + " |", flush=True)
        costs = calls(classifier.parents[1], texts)
    differences = [abs(one - other) for one, other in zip(*probabilities, strict=True)]
    print("\nCPU time of one call: " + "; ".join(f"{name} {cost:,.0f} µs" for name, cost in costs.items()) + ".")
    print(f"Largest difference between the two in P(positive), of 20 reviews: {max(differences):.0e}.")


if __name__ == "__main__":
    main()
