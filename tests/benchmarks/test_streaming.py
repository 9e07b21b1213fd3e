"""What a stream costs beside fusing, and that its stages work at the same time."""

import json

import pytest

from edge_mef.benchmarks.speed import rendered_frames
from edge_mef.benchmarks.streaming import Overlap, main, measure_overheads, measure_overlap
from edge_mef.fuser import Fuser


def test_it_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--size", "48x64", "--repeats", "10", "--threads", "1", "--delay", "1"]
    assert main([*options, "--bundle", "ffmef-edge-2"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("ffmef-edge-2, 48x64, 1 thread, medians of 10 rounds in turn\n")
    assert "| runtime | " in said
    assert "times the slowest alone" in said
    assert main([*options, "--bundle", "ffmef-edge-2", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert [one["way"] for one in found["overheads"]][:2] == ["runtime", "Fuser.fuse, sort=False"]
    assert found["overlap"]["source"] >= 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--repeats", "3"), "expected 10 repeats or more, found 3"),
        (("--delay", "0"), "expected a delay of 0 to 1000 ms"),
        (("--size", "big"), "expected a size"),
        (("--bundle", "nothing"), "nothing"),
    ],
)
def test_wrong_options(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], sentence: str
) -> None:
    assert main(["--size", "48x64", *options]) == 2
    assert sentence in capsys.readouterr().err


def test_the_slowest_stage_sets_the_pace() -> None:
    overlap = Overlap(source=5.0, sink=6.0, fuse=4.0, together=6.6, p50=10.0, p99=12.0)
    assert overlap.slowest == 6.0
    assert overlap.ratio == pytest.approx(1.1)


@pytest.mark.timing
def test_a_fuser_takes_hardly_longer_than_its_runtime() -> None:
    with Fuser.open(threads=1) as fuser:
        overheads = measure_overheads(fuser, rendered_frames(720, 1280), repeats=40)
    print(*overheads, sep="\n")
    for one in overheads[1:]:
        assert one.low < 1.05, one.way


@pytest.mark.timing
def test_the_stages_work_at_the_same_time() -> None:
    """One after another they would take the sum: more than twice as long."""
    with Fuser.open("ffmef-edge-2", threads=1) as fuser:
        overlap = measure_overlap(fuser, rendered_frames(240, 320), 100, 5e-3, 5e-3)
    print(overlap, overlap.ratio)
    assert overlap.source + overlap.sink + overlap.fuse > 1.8 * overlap.slowest
    assert overlap.ratio < 1.15
