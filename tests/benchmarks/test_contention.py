import sys
import time
from pathlib import Path

import pytest

from edge_mef.benchmarks.contention import Contention, ContentionWatch


def write(proc: Path, threads: dict[str, str], stat: str | None = None) -> None:
    for name, numbers in threads.items():
        folder = proc / "self/task" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "schedstat").write_text(numbers)
    if stat is not None:
        (proc / "stat").write_text(stat)


def test_waiting_is_summed_over_the_threads(tmp_path: Path) -> None:
    write(tmp_path, {"1": "1000 50 3\n", "2": "0 0 0\n"}, "cpu  10 0 10 80 0 0 0 0 5 0\ncpu0 1\n")
    watch = ContentionWatch(tmp_path)
    stat = "cpu  60 0 20 110 0 0 0 10 55 0\n"
    write(tmp_path, {"1": "1600 100 9\n", "2": "100 50 1\n", "3": "200 0 1\n"}, stat)
    assert watch.read() == Contention(waited=0.1, stolen=0.1)


def test_without_counters_nothing_is_claimed(tmp_path: Path) -> None:
    assert ContentionWatch(tmp_path).read() == (
        "this system does not tell how long a thread waits for a core"
    )


def test_without_steal(tmp_path: Path) -> None:
    write(tmp_path, {"1": "10 0 1"})
    watch = ContentionWatch(tmp_path)
    write(tmp_path, {"1": "20 0 2"})
    assert watch.read() == Contention(waited=0.0, stolen=None)


def test_an_idle_time_tells_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"1": "10 0 1"})
    assert ContentionWatch(tmp_path).read() == "nothing ran in between"


@pytest.mark.parametrize(
    ("waited", "stolen", "disturbed"),
    [(0.0, None, False), (0.04, 0.01, False), (0.06, None, True), (0.0, 0.03, True)],
)
def test_how_much_disturbs(waited: float, stolen: float | None, disturbed: bool) -> None:
    assert Contention(waited=waited, stolen=stolen).disturbed is disturbed


def test_it_can_be_read() -> None:
    found = Contention(waited=0.25, stolen=0.1)
    assert found.text == (
        "it waited 25% of its time for a core, and 10% of the cores' time was stolen"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_this_machine_tells() -> None:
    watch = ContentionWatch()
    end = time.perf_counter() + 0.05
    while time.perf_counter() < end:
        pass
    found = watch.read()
    if isinstance(found, str):  # a sandbox without scheduler statistics
        assert not (Path("/proc/self/schedstat")).exists()
    else:
        assert 0 <= found.waited < 1
