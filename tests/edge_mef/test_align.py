"""Aligning: known moves are found, and nothing gets worse."""

import csv
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.align import align_exposures
from edge_mef.errors import InputError
from edge_mef.exposures import read_exposures

SHARED = Path(__file__).parents[3] / "shared" / "data"


def radiance(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """A scene (H, W, 3) with detail of all sizes and a wide range of light."""
    rng = np.random.default_rng(seed)
    scene = np.zeros((height, width, 3), np.float32)
    for size in (2, 5, 15, 40):
        layer = cv2.GaussianBlur(
            rng.standard_normal((height, width, 3)).astype(np.float32), (0, 0), size
        )
        scene += np.float32(math.sqrt(size)) * layer / layer.std()
    scene -= scene.min()
    return np.asarray(2 * (scene / scene.max()) ** 2, np.float32)


def moved(
    scene: NDArray[np.float32], dx: float, dy: float, degrees: float = 0
) -> NDArray[np.float32]:
    """Move the scene right and down, and turn it clockwise about its centre."""
    height, width, _ = scene.shape
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, -degrees, 1.0)
    matrix[:, 2] += np.array([dx, dy])
    size = (width, height)
    found = cv2.warpAffine(
        scene, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(found, np.float32)


def exposed(scene: NDArray[np.float32], time: float, seed: int = 0) -> NDArray[np.uint8]:
    """A camera with an S-shaped tone curve, clipping and a little noise."""
    light = np.maximum(scene * np.float32(time), 0)
    curve = np.minimum(light / (1 + 0.3 * light), 1) ** (1 / 2.2)
    noise = np.random.default_rng(seed).standard_normal(curve.shape)
    return np.asarray(np.clip(np.rint(255 * curve + 1.5 * noise), 0, 255), np.uint8)


@pytest.mark.parametrize(
    ("dx", "dy", "degrees"),
    [(3.0, -2.0, 0.0), (-7.4, 5.3, 0.0), (0.5, 0.4, 0.0), (11.6, 8.2, 0.5), (0.0, 0.0, -0.7)],
)
def test_known_moves_are_recovered(dx: float, dy: float, degrees: float) -> None:
    scene = radiance(240, 320)
    frames = [
        exposed(moved(scene, -dx, -dy, -degrees), 0.5, 1),
        exposed(scene, 1.5, 2),
        exposed(moved(scene, dx, dy), 4.0, 3),
    ]
    alignment = align_exposures(frames, reference=1)
    assert alignment.shifts[0] == pytest.approx((dx, dy, degrees), abs=0.3)
    assert abs(alignment.shifts[0][2] - degrees) < 0.1
    assert alignment.shifts[1] == (0, 0, 0)
    assert alignment.shifts[2] == pytest.approx((-dx, -dy, 0), abs=0.3)
    assert alignment.frames[1] is frames[1]
    assert alignment.reference == 1
    inner = np.s_[20:-20, 20:-20]
    still = exposed(scene, 0.5, 1)[inner].astype(float)
    assert np.abs(alignment.frames[0][inner] - still).mean() < 4
    assert all(b <= a for b, a in zip(alignment.before, alignment.after, strict=True))


def test_large_frames_are_aligned_at_their_own_size() -> None:
    scene = radiance(1100, 1400)
    frames = [exposed(scene, 1.0, 1), exposed(moved(scene, 14.2, -9.6, 0.2), 3.0, 2)]
    alignment = align_exposures(frames, reference=0)
    assert alignment.shifts[1] == pytest.approx((-14.2, 9.6, -0.2), abs=0.3)
    assert alignment.methods == ("reference", "ecc")


@pytest.mark.parametrize("size", [(240, 320), (60, 40), (1000, 1200)])
def test_aligned_frames_are_not_touched(size: tuple[int, int]) -> None:
    scene = radiance(*size)
    frames = [exposed(scene, time, seed) for seed, time in enumerate((0.3, 1.0, 3.0, 9.0))]
    alignment = align_exposures(frames)
    assert all(new is old for new, old in zip(alignment.frames, frames, strict=True))
    assert sorted(alignment.methods) == ["none", "none", "none", "reference"]
    assert alignment.before == alignment.after


@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (5000, 3), (2, 2), (16, 16), (17, 300)])
def test_small_and_narrow_frames(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for _ in range(3)]
    alignment = align_exposures(frames)
    assert [frame.shape for frame in alignment.frames] == [(*shape, 3)] * 3


@pytest.mark.parametrize("levels", [(0, 255), (90, 90), (60, 180), (0, 128)])
def test_constant_frames(levels: tuple[int, int]) -> None:
    frames = [np.full((64, 64, 3), level, np.uint8) for level in levels]
    alignment = align_exposures(frames)
    assert all(new is old for new, old in zip(alignment.frames, frames, strict=True))


def test_unrelated_frames_are_not_turned_around() -> None:
    frames = [exposed(radiance(120, 160, seed), 1.0) for seed in (1, 2)]
    for dx, dy, degrees in align_exposures(frames).shifts:
        assert max(abs(dx), abs(dy)) < 0.15 * 160
        assert abs(degrees) <= 8


def test_refining_that_fails_keeps_the_whole_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise cv2.error("no convergence")

    monkeypatch.setattr(cv2, "findTransformECC", fail)
    scene = radiance(240, 320)
    frames = [exposed(scene, 1.0), exposed(moved(scene, 6, -4), 3.0)]
    alignment = align_exposures(frames, reference=0)
    assert alignment.methods == ("reference", "mtb")
    assert alignment.shifts[1] == pytest.approx((-6, 4, 0), abs=1.01)
    assert "whole pixels only" in alignment.describe()[1]


def test_it_says_what_it_found() -> None:
    scene = radiance(240, 320)
    frames = [
        exposed(scene, 1.0, 1),
        exposed(moved(scene, 6, -4), 2.0, 2),
        exposed(moved(scene, 6, -4), 4.0, 3),
        np.full((240, 320, 3), 255, np.uint8),
    ]
    lines = align_exposures(frames, reference=0).describe()
    assert lines[0].startswith("stays: the others")
    assert lines[1].startswith("moved by -6.0, +4.0 pixels and turned by")
    assert lines[2].startswith("moved by ")
    assert "too few well exposed pixels" in lines[3]
    same = align_exposures([frames[0], exposed(scene, 1.2, 4)]).describe()
    assert "stays: no shift makes it fit better" in same


def test_wrong_reference_and_too_long_frames() -> None:
    small = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InputError, match="from 0 to 1, found 2"):
        align_exposures([small, small], reference=2)
    long = np.zeros((1, 32767, 3), np.uint8)
    with pytest.raises(InputError, match="32767x1"):
        align_exposures([long, long])


@pytest.mark.shared
def test_hand_held_brackets_fit_better_than_before() -> None:
    if not (SHARED / "manifest.csv").is_file():
        pytest.skip(f"needs the research data in {SHARED}")
    with (SHARED / "manifest.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["task"] == "mef"]
    for scene in ("DF_Seq_25", "DF_Seq_41"):
        files = [SHARED / row["file"] for row in rows if row["scene"] == scene and row["role"]]
        alignment = read_exposures(files, align=True).alignment
        assert alignment is not None
        for method, before, after in zip(
            alignment.methods, alignment.before, alignment.after, strict=True
        ):
            assert method == "reference" or after > before + 0.02
