"""How a program ends that fuses a stream: at its end, by Ctrl-C, or without closing anything."""

import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import sys, threading
import numpy as np
from edge_mef.fuser import Fuser
frames = [np.full((64, 96, 3), value, np.uint8) for value in (40, 160)]
fuser = Fuser.open("ffmef-edge-2", threads=1)
stream = fuser.stream()
"""
FOR_EVER = """
def camera():
    while True:
        yield frames
with stream:
    for fused in stream.fuse_all(camera()):
        if fused.number == 5:
            print("running", flush=True)
"""


def test_a_program_that_closes_nothing_ends() -> None:
    program = PROGRAM + "stream.submit(*frames)\nstream.submit(*frames)\nprint('end')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a child")
def test_ctrl_c_ends_it() -> None:
    program = f"import signal\nsignal.signal(2, signal.default_int_handler)\n{PROGRAM}{FOR_EVER}"
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "running\n"
    os.kill(child.pid, signal.SIGINT)
    began = time.monotonic()
    _, said = child.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert said.strip().endswith("KeyboardInterrupt")
    assert said.count("Traceback") == 1
    assert child.returncode == -signal.SIGINT
