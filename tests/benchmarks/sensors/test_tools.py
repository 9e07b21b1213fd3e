"""Tools: answers, failures, and programs that hang with children of their own."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from edge_mef.benchmarks.sensors.sensor import NotMeasuredError
from edge_mef.benchmarks.sensors.tools import LineReader, find_tool, run_tool
from tests.benchmarks.sensors.recorded_trees import write_tool

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are of a Unix shell")


def test_an_answer(tmp_path: Path) -> None:
    tool = write_tool(tmp_path, "tell", 'echo "two $1"; echo "lines" >&2')
    assert run_tool([str(tool), "short"]) == "two short\nlines"


def test_failures_have_their_reason(tmp_path: Path) -> None:
    tool = str(write_tool(tmp_path, "tell", 'echo "not for you"; exit 3'))
    with pytest.raises(NotMeasuredError, match="left with 3 and said: not for you"):
        run_tool([tool])
    tool = str(write_tool(tmp_path, "tell", "exit 3"))
    with pytest.raises(NotMeasuredError, match="left with 3 and said: nothing"):
        run_tool([tool])
    with pytest.raises(NotMeasuredError, match="could not be started: No such file"):
        run_tool([str(tmp_path / "missing")])


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    tool = write_tool(tmp_path, "hang", f"sleep 30 &\necho $! > {pid}\nwait")
    begin = time.perf_counter()
    with pytest.raises(NotMeasuredError, match=r"did not answer within 0\.3 s"):
        run_tool([str(tool)], patience=0.3)
    assert time.perf_counter() - begin < 3.0
    assert gone(int(pid.read_text()))


def test_the_newest_line_is_returned(tmp_path: Path) -> None:
    tool = write_tool(tmp_path, "lines", 'printf "one\\ntwo\\nthr"; sleep 0.3; echo ee; sleep 9')
    reader = LineReader([str(tool)])
    assert reader.newest(5.0) == "two"
    assert reader.newest(5.0) == "three"
    with pytest.raises(NotMeasuredError, match=r"no line within 0\.1 s"):
        reader.newest(0.1)
    reader.close()
    reader.close()


def test_a_tool_is_looked_for_in_its_tree(tmp_path: Path) -> None:
    assert find_tool(tmp_path, "sh") is None
    assert find_tool(Path("/"), "sh") is not None
    tool = write_tool(tmp_path, "sh", "")
    assert find_tool(tmp_path, "sh") == str(tool)


def gone(pid: int) -> bool:
    """Say whether a program has ended, or does so soon."""
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False
