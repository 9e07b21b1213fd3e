"""Learning lookup tables: the arithmetic of the peer, gradients, and a short run."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_mef.benchmarks.peers.learn_meflut import (
    LearnSettings,
    choose_frames,
    initial_table,
    learn_file,
    learn_table,
    learn_tables,
    make_sample,
    score,
    smoothing,
    upsample,
)
from edge_mef.benchmarks.peers.meflut import MeflutFusion, fit_lines, mix_rows, reduce_luma
from edge_mef.benchmarks.peers.meflut_tables import MeflutTables, read_tables, write_tables
from edge_mef.errors import InputError
from edge_mef.exposures import Frame
from edge_mef.render.brackets import random_bracket
from edge_mef.saving import write_picture
from edge_mef.validation import score as picture_score
from tests.conftest import python_environment

FAST = LearnSettings(steps=4, batch=2, longest_side=160, fewest_scenes=2)


@pytest.fixture(scope="module")
def scene() -> tuple[Frame, ...]:
    return random_bracket(3, height=150, width=180, frames=3).exposures


def test_weights_are_brought_up_as_the_peer_does(scene: tuple[Frame, ...]) -> None:
    sample = make_sample(scene)
    weights = np.random.default_rng(0).random(sample.reduced.shape, dtype=np.float32)
    ours = upsample(sample, torch.from_numpy(weights), 0.02).numpy()
    for k, frame in enumerate(scene):
        lines = fit_lines(reduce_luma(frame), weights[k], 0.02)
        mixing, rows = mix_rows(lines[0].shape[0], 150, 0, 150)
        sideways, columns = mix_rows(lines[0].shape[1], 180, 0, 180)
        slope, intercept = (mixing @ p[rows][:, columns] @ sideways.T for p in lines)
        expected = slope * sample.full[k].numpy() / 255 + intercept
        np.testing.assert_allclose(ours[k], expected, atol=1e-4)


def test_the_score_is_that_of_the_finished_picture(
    scene: tuple[Frame, ...], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    table = torch.from_numpy(np.sort(rng.random((2, 256), dtype=np.float32)))
    write_tables(tmp_path / "t.json", MeflutTables({2: table.numpy()}, 1.0))
    under, over = scene[0], scene[-1]
    finished = picture_score(under, over, MeflutFusion(tmp_path / "t.json")(under, over))
    learned = score(make_sample([under, over]), table, 1.0).item()
    assert learned == pytest.approx(finished, abs=5e-3)  # the picture is rounded to 8 bits


def test_gradients_reach_the_entries_that_are_looked_up(scene: tuple[Frame, ...]) -> None:
    sample = make_sample(scene)
    table = initial_table(3).requires_grad_()
    score(sample, table, 1.0).backward()  # type: ignore[no-untyped-call]
    assert table.grad is not None
    for k in range(3):
        used = torch.zeros(256, dtype=torch.bool)
        used[sample.reduced[k].flatten()] = True
        assert (table.grad[k][~used] == 0).all()
        assert (table.grad[k][used] != 0).float().mean() > 0.9


def test_learning_raises_the_score_and_repeats(scene: tuple[Frame, ...]) -> None:
    sample = make_sample(scene)
    before = score(sample, initial_table(3), FAST.eps).item()
    table = learn_table([scene], 3, FAST)
    assert score(sample, table, FAST.eps).item() > before + 1e-3
    assert table.min() >= 0
    assert table.max() <= 1
    assert torch.equal(learn_table([scene], 3, FAST), table)


def test_tables_are_smooth(scene: tuple[Frame, ...]) -> None:
    """Levels that no pixel has must still follow those that some have."""
    blur = smoothing(12.0)
    assert torch.allclose(torch.full((2, 256), 0.7) @ blur, torch.full((2, 256), 0.7))
    step = (torch.arange(256) >= 128).float()[None] @ blur
    assert 0 < step.diff().max() < 0.05
    assert learn_table([scene], 3, FAST).diff().abs().max() < 0.01


def test_the_extremes_are_always_chosen(scene: tuple[Frame, ...]) -> None:
    rng = np.random.default_rng(0)
    frames = [np.full((1, 1, 3), level, np.uint8) for level in range(7)]
    chosen = {tuple(int(f[0, 0, 0]) for f in choose_frames(frames, 4, rng)) for _ in range(200)}
    assert len(chosen) == 10
    assert all((c[0], c[-1]) == (0, 6) and list(c) == sorted(c) for c in chosen)
    assert len(choose_frames(scene[:2], 2, rng)) == 2


def write_scenes(folder: Path, frames: Sequence[Frame], names: str) -> None:
    for name in names:
        (folder / name).mkdir()
        for index, frame in enumerate(frames):
            write_picture(folder / name / f"{index}.png", frame)


def test_a_file_is_learned(tmp_path: Path, scene: tuple[Frame, ...]) -> None:
    write_scenes(tmp_path, scene, "abc")
    tables = learn_file(str(tmp_path), tmp_path / "t.json", FAST, "how")
    read = read_tables(tmp_path / "t.json")
    assert sorted(read.weights) == [2, 3, 4]
    assert read.about == tables.about
    assert read.about["command"] == "how"
    two = {"given": 2, "rendered": 0}
    assert read.about["scenes"] == {"2": two, "3": two, "4": {"given": 0, "rendered": 2}}
    assert read.about["settings"]["steps"] == FAST.steps
    assert sorted(read.about["validation_mef_ssim"]) == ["2", "3"]
    assert all(0.8 < value < 1 for value in read.about["validation_mef_ssim"].values())


def test_scenes_that_are_too_small(tmp_path: Path, pair: tuple[Frame, Frame]) -> None:
    write_scenes(tmp_path, [frame[:40] for frame in pair], "ab")
    with pytest.raises(InputError, match="sides of 44 pixels or more, found 40x64 in a"):
        learn_tables(tmp_path, FAST)


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_mef.benchmarks.peers.learn_meflut"]
    command += ["--data", str(tmp_path / "absent"), "-o", str(tmp_path / "t.json")]
    done = subprocess.run(
        command, env=python_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no folder")
    assert not (tmp_path / "t.json").exists()
