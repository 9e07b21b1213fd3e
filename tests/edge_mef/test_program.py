"""The package as a program: `python -m edge_mef`."""

import subprocess
import sys

from edge_mef.version import __version__
from tests.conftest import LONGEST_RUN, python_environment


def test_the_package_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge_mef", "--version"],
        env=python_environment(),
        capture_output=True,
        text=True,
        timeout=LONGEST_RUN,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"edge-mef {__version__}\n", "")
