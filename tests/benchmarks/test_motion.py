"""The benchmark of the motion guard: its scenes, its counting, its command at a tiny size."""

import json
from pathlib import Path

import numpy as np
import pytest

from edge_mef.benchmarks import motion, motion_sheet
from edge_mef.benchmarks.motion import Scored, choose_limits, count, main
from edge_mef.benchmarks.motion_camera import Take, take
from edge_mef.benchmarks.motion_rivals import SCORES
from edge_mef.benchmarks.motion_scenes import AREAS, SHIFTS, Stage, all_cases, render_stage
from edge_mef.pictures import read_picture
from edge_mef.render.brackets import random_bracket
from edge_mef.stream.motion import LIMIT, MotionGuard
from tests.conftest import write_manifest

SIZE = (144, 256)
KINDS = 13 + len(SHIFTS) + len(AREAS) + 2
TINY = ["--size", "144x256", "--scenes", "1", "--choosing", "1", "--repeats", "1"]


@pytest.fixture(scope="module")
def stage() -> Stage:
    return render_stage(1, *SIZE)


def test_a_stage_has_every_case(stage: Stage) -> None:
    cases = list(all_cases(stage, 1))
    assert len({case.kind for case in cases}) == len(cases) == KINDS
    assert [case.group for case in cases].count("uneven") == 1
    for case in cases:
        assert all(frame.shape == (*SIZE, 3) for frame in case.exposures)
        means = [frame.mean() for frame in case.exposures]
        assert means == sorted(means) or case.kind == "scene cut", case.kind


def test_the_same_seed_gives_the_same_brackets(stage: Stage) -> None:
    twice = [next(iter(all_cases(stage, seed))).exposures for seed in (1, 1, 2)]
    assert np.array_equal(twice[0], twice[1])
    assert not np.array_equal(twice[0], twice[2])


def test_what_is_called_moved_did(stage: Stage) -> None:
    cases = {case.kind: case.exposures for case in all_cases(stage, 1)}
    for kind in ("object of 10 %", "pan", "scene cut"):
        assert MotionGuard().check(cases[kind]).moved, kind
    assert not MotionGuard().check(cases["2 exposures, 2 stops"]).moved


def test_a_still_scene_gives_exposures_that_differ_in_light_alone(stage: Stage) -> None:
    still = stage.frame(stage.scene)
    dark, bright = take([still] * 2, Take(2.0), np.random.default_rng(1))
    assert dark.mean() < bright.mean()
    shaded, _ = take([still] * 2, Take(2.0, vignetting=3.0), np.random.default_rng(1))
    assert shaded[:9, :9].mean() < dark[:9, :9].mean()


def scored(kind: str, score: float) -> Scored:
    return Scored(kind, "moved" if kind == "pan" else "still", dict.fromkeys(SCORES, score))


def test_the_limit_spares_one_in_a_hundred() -> None:
    still = [scored("a", index / 1000) for index in range(200)]
    limits = choose_limits([*still, scored("pan", 1.0)])
    assert limits == dict.fromkeys(SCORES, 0.197)
    assert choose_limits(still[:50]) == dict.fromkeys(SCORES, 0.049)


def test_counting() -> None:
    brackets = [scored("a", 0.1), scored("pan", 0.3), scored("a", 0.3), scored("a", 0.2)]
    rows = {row.kind: row for row in count(brackets, {"guard": 0.2})}
    assert (rows["a"].brackets, rows["a"].moved) == (3, {"guard": 1})
    assert (rows["pan"].brackets, rows["pan"].group) == (1, "moved")


def test_main_counts_rendered_and_real_brackets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    still = random_bracket(1, height=90, width=120, frames=3).exposures
    cut = still[0], random_bracket(3, height=90, width=120).exposures[1]
    data = write_manifest(tmp_path, {"still": still, "cut": cut})
    assert main(["--data", str(data), *TINY, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["rows"]) == KINDS
    assert list(found["alarms"]) == ["cut"]
    assert found["real"] == 2
    assert set(found["limits"]) == set(SCORES)
    assert [cost["exposures"] for cost in found["costs"]] == [2, 3]
    assert all(cost["check"] > 0 < cost["fusion"] for cost in found["costs"])


def test_the_table_counts_misses_where_something_moved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = count([scored("a", 1.0), scored("pan", 1.0)], dict.fromkeys(SCORES, LIMIT))
    limits = dict.fromkeys(SCORES, 0.25)
    costs = [motion.Cost(2, 5.0, 50.0)]
    measured = motion.Measured(limits, rows, costs, 9, {"waves": 0.5}, {3: 2})
    monkeypatch.setattr(motion, "measure_motion", lambda *_, **__: measured)
    assert main([]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert ["a", "1", "1", "1", "1"] in lines
    assert ["pan", "1", "0", "0", "0"] in lines
    assert ["waves", "0.5000"] in lines
    assert any(line[-1:] == ["0.100"] for line in lines)
    assert "of the other 8, shifted by 3 px of 1280: 2 missed" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["--size", "0x9"], "0x9"), (["--data", "nowhere"], "nowhere"), (["--scenes", "0"], "'0'")],
)
def test_refused(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main([*TINY, *arguments])
    except SystemExit as leaving:
        code = int(str(leaving.code))
    assert code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert named in error
    assert error.count("\n") == 1


def test_the_sheet_shows_exposures_and_what_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    assert motion_sheet.main([str(path), "--seed", "2", "--size", "144x256"]) == 0
    sheet = read_picture(path).pixels
    assert sheet.shape[1] > 4 * 300
    red = (sheet.astype(int) - (255, 40, 40)).__abs__().max(axis=2) < 20
    assert red.sum() > 50


@pytest.mark.parametrize(
    ("arguments", "named"), [(["a.jpg"], "--seed"), (["a.xyz", "--seed", "1"], "a.xyz")]
)
def test_a_sheet_is_refused(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert motion_sheet.main(arguments) == 2
    assert named in capsys.readouterr().err
