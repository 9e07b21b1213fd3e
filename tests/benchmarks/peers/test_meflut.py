"""The lookup-table fusion against its plain formulation, on all kinds of frames."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.benchmarks.peers import meflut
from edge_mef.benchmarks.peers.meflut import MeflutFusion, fit_lines, mix_rows, reduce_luma
from edge_mef.benchmarks.peers.meflut_tables import MeflutTables, write_tables
from edge_mef.errors import InputError
from edge_mef.exposures import Frame
from edge_mef.render.brackets import random_bracket

Plane = NDArray[np.float64]
LUMA = np.array([0.299, 0.587, 0.114])
EPS = 1e-3
SIZES = [(1, 1), (1, 7), (4, 1), (2, 1), (5, 5), (37, 211), (131, 129), (300, 257)]


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(request.param)
    yield request.param
    cv2.setNumThreads(before)


@pytest.fixture(scope="module")
def steep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables that change a lot, with an eps that keeps edges: the hardest to agree on."""
    rng = np.random.default_rng(5)
    levels = np.arange(256) / 255
    weights = {
        n: np.stack([np.abs(np.sin(levels * rng.uniform(3, 9))) for _ in range(n)]) for n in (2, 3)
    }
    path = tmp_path_factory.mktemp("tables") / "steep.json"
    write_tables(path, MeflutTables({n: w.astype(np.float32) for n, w in weights.items()}, EPS))
    return path


def random_frames(count: int, height: int, width: int, seed: int = 0) -> list[Frame]:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (max(1, height // 8), max(1, width // 8), 3))
    scene = cv2.resize(coarse, (width, height)) + rng.normal(0, 8, (height, width, 3))
    gains = np.linspace(0.3, 1.6, count)
    return [np.clip(scene * gain, 0, 255).astype(np.uint8) for gain in gains]


def window_mean(plane: Plane) -> Plane:
    """Mean of the 5x5 window around every pixel, of those that there are."""
    padded = np.pad(plane, 2, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    return np.asarray(np.nanmean(windows, axis=(-2, -1)))


def enlarge(plane: Plane, height: int, width: int) -> Plane:
    for axis, size in ((0, height), (1, width)):
        given = plane.shape[axis]
        places = np.clip((np.arange(size) + 0.5) * given / size - 0.5, 0, given - 1)
        below = np.floor(places).astype(int)
        part = np.expand_dims(places - below, 1 - axis)
        above = np.minimum(below + 1, given - 1)
        plane = plane.take(below, axis) * (1 - part) + plane.take(above, axis) * part
    return plane


def plain_weights(frame: Frame, table: Plane, eps: float) -> Plane:
    luma = reduce_luma(frame)
    guide, weights = luma / 255, table[luma]
    mean, mean_weight = window_mean(guide), window_mean(weights)
    slope = (window_mean(guide * weights) - mean * mean_weight) / (
        window_mean(guide * guide) - mean**2 + eps
    )
    height, width, _ = frame.shape
    full = (frame @ LUMA) / 255
    intercept = enlarge(mean_weight - slope * mean, height, width)
    return np.asarray(np.abs(enlarge(slope, height, width) * full + intercept) + 1e-8)


def plain_fusion(frames: Sequence[Frame], tables: Plane, eps: float) -> Plane:
    """The whole in float64, step by step as described, without any rounding."""
    lumas = [frame @ LUMA for frame in frames]
    weights = [plain_weights(f, t, eps) for f, t in zip(frames, tables, strict=True)]
    luma = sum(w * y for w, y in zip(weights, lumas, strict=True)) / sum(weights)
    planes = []
    for channel, factor in ((0, 0.713), (2, 0.564)):
        chroma = [(f[..., channel] - y) * factor for f, y in zip(frames, lumas, strict=True)]
        strengths = [np.abs(c) + 1e-8 for c in chroma]
        planes.append(sum(c * s for c, s in zip(chroma, strengths, strict=True)) / sum(strengths))
    cr, cb = planes
    rgb = np.stack([luma + 1.403 * cr, luma - 0.714 * cr - 0.344 * cb, luma + 1.773 * cb], axis=-1)
    return np.asarray(rgb.clip(0, 255))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_equals_the_plain_formulation(
    steep: Path, size: tuple[int, int], count: int, threads: int
) -> None:
    """Colours are rounded to 8 bits three times on the way, and blue is 1.8 times its chroma."""
    frames = random_frames(count, *size)
    fusion = MeflutFusion(steep)
    fused = fusion(*frames)
    expected = plain_fusion(frames, fusion.tables.weights[count].astype(float), EPS)
    difference = fused - expected
    assert fused.shape == frames[0].shape
    assert fused.dtype == np.uint8
    assert np.abs(difference @ LUMA).max() <= 2.0
    assert np.percentile(np.abs(difference), 99) <= 2.2
    assert np.abs(difference).max() <= 4


@pytest.mark.parametrize("count", [2, 3, 4])
def test_strips_and_threads_change_nothing(
    count: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = random_frames(count, 143, 190, seed=count)
    monkeypatch.setattr(meflut, "STRIP_PIXELS", 143 * 190)
    whole = MeflutFusion()(*frames)
    for pixels in (1, 190 * 7, 190 * 50):
        monkeypatch.setattr(meflut, "STRIP_PIXELS", pixels)
        cut = MeflutFusion()(*frames)
        assert np.abs(cut.astype(int) - whole).max() <= 1  # float sums in another order
        assert (cut != whole).mean() < 1e-3


@pytest.mark.parametrize("count", [2, 3, 4])
def test_equal_frames_come_back(count: int) -> None:
    frame = random_frames(2, 60, 80)[1]
    fused = MeflutFusion()(*[frame] * count)
    assert np.abs(fused.astype(int) - frame).max() <= 2  # what 8-bit YCrCb and back costs


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_flat_frames_stay(count: int, level: int) -> None:
    frame = np.full((9, 200, 3), level, np.uint8)
    assert (MeflutFusion()(*[frame] * count) == level).all()


def test_black_beside_white_is_grey_without_colour() -> None:
    black, white = (np.full((40, 30, 3), level, np.uint8) for level in (0, 255))
    fused = MeflutFusion()(black, white)
    assert np.ptp(fused) == 0


def test_weights_of_zero_give_the_mean(tmp_path: Path) -> None:
    path = tmp_path / "zero.json"
    write_tables(path, MeflutTables({2: np.zeros((2, 256), np.float32)}, 1.0))
    black, grey = (np.full((8, 8, 3), level, np.uint8) for level in (0, 100))
    assert (MeflutFusion(path)(black, grey) == 50).all()


@pytest.mark.parametrize("count", [2, 3, 4])
def test_it_lies_between_the_frames(count: int) -> None:
    """Luma is a weighted mean: it stays within what the frames show, but for rounding."""
    frames = random_bracket(3, height=96, width=128, frames=count).exposures
    lumas = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY).astype(int) for f in frames]
    fused = MeflutFusion()(*frames)
    assert lumas[0].mean() + 5 < fused.mean() < lumas[-1].mean() - 5
    inside = (fused > 5).all(axis=-1) & (fused < 250).all(axis=-1)  # else clipping moves the luma
    luma = cv2.cvtColor(fused, cv2.COLOR_RGB2GRAY).astype(int)
    assert (luma >= np.min(lumas, axis=0) - 2)[inside].all()
    assert (luma <= np.max(lumas, axis=0) + 2)[inside].all()


def test_frames_need_not_be_contiguous() -> None:
    frames = random_frames(2, 50, 60)
    flipped = [frame[::-1, ::-1] for frame in frames]
    copies = [np.ascontiguousarray(frame) for frame in flipped]
    fusion = MeflutFusion()
    np.testing.assert_array_equal(fusion(*flipped), fusion(*copies))


def test_what_does_not_fit_is_refused() -> None:
    frames = random_frames(2, 20, 20)
    fusion = MeflutFusion()
    with pytest.raises(InputError, match="tables for 2, 3, 4 exposures, found 5"):
        fusion(*frames, *frames, frames[0])
    with pytest.raises(InputError, match="19x20"):
        fusion(frames[0], frames[1][:, :-1])
    with pytest.raises(InputError, match="float32"):
        fusion(frames[0], frames[1].astype(np.float32))


@pytest.mark.parametrize(
    ("size", "reduced"),
    [((1080, 1920), (128, 228)), ((1920, 1081), (227, 128)), ((200, 130), (197, 128))],
)
def test_luma_is_reduced_to_128(size: tuple[int, int], reduced: tuple[int, int]) -> None:
    frame = random_frames(2, *size)[1]
    luma = reduce_luma(frame)
    assert luma.shape == reduced
    whole = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    direct = cv2.resize(whole, reduced[::-1], interpolation=cv2.INTER_AREA)
    difference = np.abs(luma.astype(int) - direct)
    assert difference.max() <= 5  # halved and rounded on the way
    assert difference.mean() <= 0.8


def test_small_frames_are_not_enlarged() -> None:
    assert reduce_luma(random_frames(2, 128, 300)[0]).shape == (128, 300)
    assert reduce_luma(random_frames(2, 3, 300)[0]).shape == (3, 300)


def test_lines_reproduce_weights_that_follow_the_luma() -> None:
    luma = reduce_luma(random_frames(2, 60, 70)[1])
    weights = (0.9 - 0.5 * luma / 255).astype(np.float32)
    slope, intercept = fit_lines(luma, weights, 1e-6)
    np.testing.assert_allclose(slope * luma / 255 + intercept, weights, atol=1e-3)
    flat, mean = fit_lines(luma, weights, 1e6)
    np.testing.assert_allclose(flat, 0, atol=1e-6)
    np.testing.assert_allclose(mean, window_mean(weights.astype(float)), atol=1e-5)


@pytest.mark.parametrize("given", [1, 2, 16, 40])
def test_rows_are_mixed_as_opencv_resizes(given: int) -> None:
    planes = np.random.default_rng(given).random((given, 5), dtype=np.float32)
    expected = cv2.resize(planes, (5, 40))
    for start, stop in ((0, 40), (3, 4), (17, 31)):
        mixing, rows = mix_rows(given, 40, start, stop)
        np.testing.assert_allclose(mixing @ planes[rows], expected[start:stop], atol=1e-5)
