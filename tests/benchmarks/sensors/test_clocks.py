"""Clocks and modes: sysfs, nvpmodel and jetson_clocks, and tools that fail."""

import sys
from pathlib import Path

import pytest

from edge_mef.benchmarks.sensors.clocks import (
    parse_jetson_clocks,
    parse_nvpmodel,
    read_frequencies,
    read_state,
)
from edge_mef.benchmarks.sensors.readings import merge_states
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError
from tests.benchmarks.sensors.recorded_trees import (
    FREQUENCIES,
    JETSON_CLOCKS,
    write_tool,
    write_tree,
)

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="these tools are programs of Linux")


@pytest.mark.parametrize(
    ("text", "mode", "number"),
    [
        ("NV Power Mode: MAXN\n0\n", "MAXN", 0),
        ("NVPM WARN: fan mode is not set!\nNV Power Mode: MODE_15W_6CORE\n2", "MODE_15W_6CORE", 2),
        ("NV Fan Mode:quiet\nNV Power Mode: 15W\n1\n", "15W", 1),
        ("NV Power Mode: 25W\n", "25W", None),
    ],
)
def test_power_modes(text: str, mode: str, number: int | None) -> None:
    state = parse_nvpmodel(text)
    assert (state.mode, state.mode_id) == (mode, number)


def test_answers_of_tools_that_are_none() -> None:
    with pytest.raises(NotMeasuredError, match="named no mode: ''"):
        parse_nvpmodel("")
    with pytest.raises(NotMeasuredError, match="showed no clock: 'Error: Run this"):
        parse_jetson_clocks("Error: Run this script as a root user")


def test_clocks_that_are_shown() -> None:
    state = parse_jetson_clocks(JETSON_CLOCKS)
    assert state.clocks_mhz == {"cpu0": 960.0, "cpu1": 729.6, "GPU": 306.0, "EMC": 2133.0}
    assert state.max_clocks_mhz == {"cpu0": 1510.4, "cpu1": 1510.4, "GPU": 624.75, "EMC": 2133.0}
    assert state.clocks_locked is False


def test_clocks_without_a_choice_are_locked() -> None:
    locked = JETSON_CLOCKS.replace("729600", "1510400").replace("306000000", "624750000")
    assert parse_jetson_clocks(locked).clocks_locked is True
    # One processor that still has a choice is enough.
    one = locked.replace("MinFreq=1510400", "MinFreq=729600", 1)
    assert parse_jetson_clocks(one).clocks_locked is False


def test_frequencies_of_a_tree(tmp_path: Path) -> None:
    state = read_frequencies(write_tree(tmp_path, FREQUENCIES))
    assert state.governor == "performance, schedutil"
    assert state.clocks_mhz == {"cpu0": 729.6, "cpu10": 1510.4, "17000000.gpu": 306.0}
    assert state.max_clocks_mhz == {"cpu0": 1510.4, "cpu10": 1510.4, "17000000.gpu": 624.75}
    assert state.not_measured == {}


def test_a_tree_without_frequencies(tmp_path: Path) -> None:
    state = read_frequencies(tmp_path)
    assert (state.governor, state.clocks_mhz, state.max_clocks_mhz) == (None, None, None)
    assert set(state.not_measured) == {"governor", "clocks_mhz", "max_clocks_mhz"}


@POSIX
def test_everything_together(tmp_path: Path) -> None:
    write_tree(tmp_path, FREQUENCIES)
    write_tool(tmp_path, "nvpmodel", '[ "$1" = -q ] && printf "NV Power Mode: 15W\\n1\\n"')
    write_tool(tmp_path, "jetson_clocks", f'[ "$1" = --show ] && cat <<X\n{JETSON_CLOCKS}X')
    state = merge_states(read_state(tmp_path))
    assert (state.mode, state.mode_id, state.clocks_locked) == ("15W", 1, False)
    assert state.clocks_mhz is not None
    assert state.clocks_mhz["EMC"] == 2133.0
    assert state.not_measured.keys() == {"power_limit_watts", "persistence"}


@POSIX
def test_tools_that_fail_leave_the_rest(tmp_path: Path) -> None:
    write_tree(tmp_path, FREQUENCIES)
    clocks = write_tool(tmp_path, "jetson_clocks", "echo Error: run this as root; exit 1")
    state = merge_states(read_state(tmp_path))
    assert state.mode is None
    assert state.governor == "performance, schedutil"
    assert state.not_measured == {
        **dict.fromkeys(("power_limit_watts", "persistence"), "nothing here tells it"),
        "mode": "nvpmodel is not there",
        "mode_id": "nvpmodel is not there",
        "clocks_locked": f"{clocks} left with 1 and said: Error: run this as root",
    }
