"""The scoring core under AddressSanitizer and UndefinedBehaviorSanitizer, over hostile texts and arrays."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sentiment.engine.cells import CELLS
from sentiment.engine.network import Network
from sentiment.training.models import ModelConfig, build_model
from tests.sentiment.engine.hostile_input import MAXLEN, NUM_WORDS

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no compiler")
def test_no_text_and_no_array_makes_the_core_leave_its_memory(tmp_path: Path) -> None:
    library = tmp_path / "_native.so"
    flags = "-O1 -g -std=gnu11 -shared -fPIC -fsanitize=address,undefined -fno-sanitize-recover=all".split()
    includes = [f"-I{sysconfig.get_paths()['include']}", "-DPy_LIMITED_API=0x030B0000"]
    source = ROOT / "sentiment" / "engine" / "native.c"
    subprocess.run(["gcc", *flags, *includes, source, "-o", library, "-lm"], check=True)
    for cell in CELLS:
        for padding in ("pre", "post"):
            for layers in (1, 2):
                bidirectional = layers == 2
                config = ModelConfig(embedding_dim=3, units=5, layers=layers, bidirectional=bidirectional)
                network = Network.from_keras(build_model(cell, config, num_words=NUM_WORDS, maxlen=MAXLEN))
                (tmp_path / f"{cell}_{layers}_{padding}.npz").write_bytes(network.to_npz())
    runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = {
        **os.environ,
        "LD_PRELOAD": runtime.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",  # Python itself keeps what it has at its end
        "PYTHONMALLOC": "malloc",  # so that the sanitizer sees the end of every text
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.sentiment.engine.hostile_input", str(library), str(tmp_path)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-5_000:]
