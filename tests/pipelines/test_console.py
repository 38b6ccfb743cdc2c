import subprocess
import sys

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
