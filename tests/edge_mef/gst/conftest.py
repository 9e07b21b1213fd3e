"""Pipelines that really run, in a process of GStreamer's Python; skipped where that is not here."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from edge_mef.errors import MissingError
from edge_mef.gst.installation import SYSTEM_PYTHON, check_element, environment
from tests.edge_mef.gst.videos import Watched

PROGRAM = Path(__file__).with_name("pipeline_program.py")
LONGEST = 100  # seconds
Play = Callable[..., Watched]


@pytest.fixture(scope="session")
def gstreamer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment for GStreamer, with a list of plugins of its own."""
    registry = str(tmp_path_factory.mktemp("gst") / "registry.bin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GST_REGISTRY", registry)
        try:
            check_element()
        except MissingError as error:
            if str(error).startswith(("GStreamer does not load", "GStreamer remembers")):
                raise  # it is there, and does not work
            pytest.skip(str(error))
    return {**os.environ, **environment(), "GST_REGISTRY": registry, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def play(gstreamer: dict[str, str], tmp_path: Path) -> Play:
    """Run a pipeline that has an element called `out`, with the files of tmp_path around it."""

    def run(launch: str, *, variables: Mapping[str, str] | None = None, **options: Any) -> Watched:
        done = subprocess.run(
            [SYSTEM_PYTHON, str(PROGRAM), launch, json.dumps(options)],
            cwd=tmp_path,
            env={**gstreamer, **(variables or {})},
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        criticals = [line for line in done.stderr.splitlines() if "CRITICAL" in line]
        # GStreamer 1.22 says this of every element that is written in Python.
        assert [line for line in criticals if "should be floating" not in line] == []
        return Watched(**json.loads(done.stdout))

    return run
