"""Points of quality and time: what is measured, which are on the frontier, and the plot."""

import json
from pathlib import Path

import cv2
import pytest

from edge_mef.benchmarks import pareto
from edge_mef.benchmarks.pareto import Point, draw, main, mark_frontier
from edge_mef.benchmarks.peers.table import open_peer
from edge_mef.fuser import Fuser
from edge_mef.metrics import evaluate
from edge_mef.render.brackets import random_bracket
from tests.conftest import write_manifest

POINTS = [Point("slow", 9.0, 0.9), Point("worse", 5.0, 0.6), Point("quick", 1.0, 0.7)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One scene of three exposures, (48, 64), for validation."""
    frames = random_bracket(1, height=48, width=64, frames=3).exposures
    return write_manifest(tmp_path_factory.mktemp("data"), {"a": frames})


def test_frontier() -> None:
    marked = mark_frontier(POINTS)
    assert [(p.method, p.on_frontier) for p in marked] == [
        ("quick", True), ("worse", False), ("slow", True)
    ]  # fmt: skip


def test_frontier_of_a_metric_that_should_be_small() -> None:
    marked = mark_frontier(POINTS, larger_is_better=False)
    assert [p.on_frontier for p in marked] == [True, True, False]


def test_of_equal_times_the_better_is_on_the_frontier() -> None:
    marked = mark_frontier([Point("a", 1.0, 0.5), Point("b", 1.0, 0.6)])
    assert {p.method: p.on_frontier for p in marked} == {"a": False, "b": True}


def test_main_measures_bundles_and_peers(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(data), "--size", "32x48", "--repeats", "1", "--json"]
    assert main([*arguments, "--bundle", "ffmef"]) == 0
    found = {p["method"]: p for p in json.loads(capsys.readouterr().out)}
    assert {"ffmef", *(open_peer(name).name for name in ("mertens", "meflut"))} <= set(found)
    frames = random_bracket(1, height=48, width=64, frames=3).exposures
    ends = frames[0], frames[-1]
    with Fuser.open("ffmef") as fuser:
        expected = evaluate(ends, fuser.fuse(*ends), ["MEF_SSIM"])["MEF_SSIM"]
    assert found["ffmef"]["quality"] == pytest.approx(expected)
    assert all(p["milliseconds"] > 0 for p in found.values())


def test_the_plot_shows_the_points(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra 'dev'")
    path, fewer = tmp_path / "all.png", tmp_path / "one.png"
    draw(mark_frontier(POINTS), path, metric="VIF", size=(48, 64))
    draw(mark_frontier(POINTS[:1]), fewer, metric="VIF", size=(48, 64))
    all_of_them, one = (cv2.imread(str(p)) for p in (path, fewer))
    assert all_of_them is not None
    assert one is not None
    assert all_of_them.shape[1] == 1200
    assert (all_of_them < 200).sum() > (one < 200).sum()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--metric", "BEAUTY"], "BEAUTY"),
        (["--bundle", "nowhere"], "nowhere"),
        (["-o", "plot.xyz"], "plot.xyz"),
    ],
)
def test_refused(
    data: Path, arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(data), "--size", "32x48", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert named in error
    assert error.count("\n") == 1


def test_a_missing_peer_is_told(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = pareto.Measured([Point("a", 1.0, 0.5)], ["left out: something"])
    monkeypatch.setattr(pareto, "measure_points", lambda *_, **__: measured)
    assert main(["--data", str(data)]) == 0
    assert capsys.readouterr().err == "left out: something\n"
