import subprocess
import sys

from pipelines.console import escaped

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
