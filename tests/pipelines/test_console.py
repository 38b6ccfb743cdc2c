import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.console import WIDTH_OF_FILES, Console, escaped
from tests.conftest import Invoke

LOGGER = """
import logging, os
from pipelines.console import Console
with Console().without_native_log():
    logging.basicConfig()  # makes a handler that keeps the standard error of this moment
    os.write(2, b"said by native code")
logging.warning("said by Python")
"""


def test_muting_native_code_leaves_no_logger_without_its_stream() -> None:
    done = subprocess.run([sys.executable, "-c", LOGGER], capture_output=True, text=True, check=True)
    assert done.stderr == "WARNING:root:said by Python\n"


def test_what_a_terminal_would_obey_is_shown_as_escapes() -> None:
    assert escaped("a\x1b[31mb\x00\u202ec\x9b\udcffd\te\nü") == "a\\x1b[31mb\\x00\\u202ec\\x9b\\udcffd\te\nü"


def test_a_cell_that_is_too_wide_is_folded_and_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Console().table("Runs", ["version", "aliases", "run"], [["films 1", "champion", "a" * WIDTH_OF_FILES]])
    output = capsys.readouterr().out
    assert (output.count("a") - "version aliases champion".count("a"), "…" in output) == (WIDTH_OF_FILES, False)


def test_a_log_file_gets_what_is_printed_and_what_is_not(tmp_path: Path, invoke: Invoke) -> None:
    result = invoke("load", "--source", "demo", "--quiet", "--log-file", "sentiment.log")
    assert (result.exit_code, result.output) == (0, "")
    [first, *_] = (tmp_path / "sentiment.log").read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} load +read demo reviews .*", first)
    result = invoke("load", "--source", "demo", "--log-file", "none/sentiment.log")
    assert (result.exit_code, "--log-file none/sentiment.log cannot be written" in result.output) == (2, True)
