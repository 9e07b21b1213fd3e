"""The motion guard: what stands still in any light, what moved, and what is shown then."""

from collections.abc import Callable, Sequence
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.errors import InputError
from edge_mef.render.brackets import demo_bracket, random_bracket
from edge_mef.render.camera import CameraResponse, expose, metered_ev
from edge_mef.stream import motion
from edge_mef.stream.motion import HOLD, LIMIT, MotionGuard, MotionReport, best_exposure

Frame = NDArray[np.uint8]
Radiance = NDArray[np.float32]
Change = Callable[[Frame], Frame]

HEIGHT, WIDTH = 360, 640  # half of 1280x720: one pixel here is two there
MARGIN = 60
SEEDS = (1, 4, 9)  # two rooms and the open


@cache
def wide_scene(seed: int) -> Radiance:
    height, width = HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN
    radiance = random_bracket(seed, height=height // 3, width=width // 3).radiance
    assert radiance is not None
    large = cv2.resize(radiance, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.maximum(large, radiance.min()), np.float32)


def scene(seed: int, right: int = 0, down: int = 0) -> Radiance:
    top, left = MARGIN + down, MARGIN + right
    return wide_scene(seed)[top : top + HEIGHT, left : left + WIDTH]


def with_disc(seed: int, centre: tuple[int, int], radius: int, level: float = 1.0) -> Radiance:
    """Return the scene with a striped disc of a level relative to the scene's median."""
    radiance = scene(seed).copy()
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
    stripes = np.where((x - centre[0]) // 4 % 2, 0.6, 1.4)[..., None] * np.median(radiance) * level
    return np.where(inside[..., None], stripes, radiance).astype(np.float32)


def take(
    scenes: Sequence[Radiance], stops: float, seed: int = 0, full_well: float = 15000.0
) -> list[Frame]:
    rng = np.random.default_rng([seed, 5])
    response = CameraResponse(full_well=full_well)
    middle = metered_ev(scenes[0])
    return [
        expose(radiance, float(middle + step), response, rng)
        for radiance, step in zip(
            scenes, np.linspace(-stops / 2, stops / 2, len(scenes)), strict=True
        )
    ]


def check(exposures: Sequence[Frame]) -> MotionReport:
    return MotionGuard().check(exposures)


def jpeg(frame: Frame) -> Frame:
    _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def other_curve(frame: Frame) -> Frame:
    """Return a picture with a tone curve of its own: nothing says what camera it is."""
    return np.asarray(np.rint(255 * (frame / 255.0) ** 0.6), np.uint8)


def half_light(frame: Frame) -> Frame:
    return np.asarray(frame // 2, np.uint8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("stops", [2.0, 4.0, 6.0])
def test_what_stands_still_is_fused(seed: int, count: int, stops: float) -> None:
    report = check(take([scene(seed)] * count, stops))
    assert report.score <= LIMIT
    assert not report.moved
    assert report.show is None
    assert report.where.mean() == report.score


@pytest.mark.parametrize("change", [jpeg, other_curve, half_light])
def test_what_a_camera_does_to_one_exposure_is_no_motion(change: Change) -> None:
    dark, bright = take([scene(4)] * 2, 3.0)
    assert not check([dark, change(bright)]).moved
    assert not check([change(dark), bright]).moved


def test_noise_is_no_motion() -> None:
    assert not check(take([scene(1)] * 2, 4.0, full_well=1500.0)).moved


def test_vignetting_is_no_motion() -> None:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    corners = (1 - 0.3 * (x**2 + y**2)).astype(np.float32)[..., None]
    assert not check(take([scene(4) * corners] * 2, 4.0)).moved


@pytest.mark.parametrize("level", [0.0, 30.0, 1e9])
def test_where_there_is_nothing_to_see_nothing_moves(level: float) -> None:
    flat = np.full((HEIGHT, WIDTH, 3), level, np.float32)
    rng = np.random.default_rng(3)
    frames = [expose(flat, ev, CameraResponse(), rng) for ev in (-8.0, -6.0)]
    assert check(frames).score == 0


def test_the_same_picture_twice_stands_still() -> None:
    (frame,) = take([scene(9)], 0.0)
    assert check([frame, frame]).score == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("stops", [2.0, 4.0])
def test_a_hand_held_shift_is_motion(seed: int, stops: float) -> None:
    frames = take([scene(seed), scene(seed, right=2, down=-1)], stops)
    assert check(frames).moved


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("level", [0.4, 1.0])
def test_an_object_that_moves_by_its_own_width_is_found_where_it_was(
    seed: int, level: float
) -> None:
    radius = round((0.01 * HEIGHT * WIDTH / np.pi) ** 0.5)  # 1 % of the picture
    before, after = (300, 200), (300 + 2 * radius, 200)
    frames = take([with_disc(seed, place, radius, level) for place in (before, after)], 3.0)
    report = check(frames)
    assert report.moved
    rows, columns = report.where.shape
    near = np.zeros((HEIGHT, WIDTH), np.uint8)
    for place in (before, after):
        cv2.circle(near, place, radius + 2 * HEIGHT // rows, 1, -1)
    blocks = cv2.resize(near.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA) > 0
    assert report.where[blocks].sum() >= 3
    assert report.where[~blocks].mean() <= LIMIT


def test_motion_before_the_last_of_three_exposures_is_seen() -> None:
    places = [(200, 100), (200, 100), (300, 100)]
    assert check(take([with_disc(4, place, 25) for place in places], 4.0)).moved


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pan_and_a_cut_move_most_of_the_scene(seed: int) -> None:
    other = scene(SEEDS[SEEDS.index(seed) - 1])
    other = other * np.float32(2 ** (metered_ev(other) - metered_ev(scene(seed))))
    assert check(take([scene(seed), scene(seed, right=50)], 3.0)).score > 10 * LIMIT
    assert check(take([scene(seed), other], 3.0)).score > 0.2


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (9, 7), (301, 257)])
def test_any_size_goes(size: tuple[int, int]) -> None:
    frames = [np.full((*size, 3), level, np.uint8) for level in (20, 200)]
    assert check(frames).score == 0


def test_views_of_larger_arrays_go_and_nothing_is_written_to() -> None:
    frames = take([scene(4), scene(4, right=9)], 3.0)
    views = [frame[::2, ::2][:, ::-1] for frame in frames]
    for view in views:
        view.flags.writeable = False
    copies = [np.ascontiguousarray(view) for view in views]
    assert check(views).score == check(copies).score > LIMIT


def test_a_large_frame_is_judged_as_a_small_one() -> None:
    large = [
        [np.repeat(np.repeat(frame, 5, axis=0), 5, axis=1) for frame in frames]
        for frames in (take([scene(4)] * 2, 3.0), take([scene(4), scene(4, right=9)], 3.0))
    ]
    assert [check(frames).moved for frames in large] == [False, True]


def blocks_that_move(share: float) -> NDArray[np.bool_]:
    return np.arange(1000).reshape(20, 50) < round(share * 1000)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> Callable[[MotionGuard, Sequence[float]], list[bool]]:
    """Return what gives a guard brackets of such scores and returns which of them moved."""
    frames = [np.full((4, 4, 3), level, np.uint8) for level in (60, 120)]

    def run(guard: MotionGuard, scores: Sequence[float]) -> list[bool]:
        found = []
        for score in scores:
            monkeypatch.setattr(motion, "_moved_blocks", lambda _, s=score: blocks_that_move(s))
            found.append(guard.check(frames).moved)
        return found

    return run


Run = Callable[[MotionGuard, Sequence[float]], list[bool]]


def test_motion_is_shown_at_once_and_held(scored: Run) -> None:
    guard = MotionGuard(limit=0.1, hold=3)
    moved = scored(guard, [0, 0.2, 0, 0, 0, 0])
    assert moved == [False, True, True, True, False, False]


def test_a_border_case_does_not_flicker(scored: Run) -> None:
    guard = MotionGuard(limit=0.1, hold=3)
    assert scored(guard, [0.09, 0.1]) == [False, False]
    assert scored(guard, [0.11, 0.09, 0.06] * 5) == [True] * 15
    assert scored(guard, [0.05, 0.05, 0.05]) == [True, True, False]
    assert scored(guard, [0.09] * 3) == [False] * 3


def test_reset_forgets(scored: Run) -> None:
    guard = MotionGuard(limit=0.1)
    assert scored(guard, [0.2, 0]) == [True, True]
    guard.reset()
    assert scored(guard, [0]) == [False]


def test_the_default_holds_as_long_as_it_says(scored: Run) -> None:
    assert scored(MotionGuard(), [1.0] + [0.0] * (HOLD + 1)) == [True] * HOLD + [False] * 2


def grey(level: int) -> Frame:
    return np.full((40, 60, 3), level, np.uint8)


def test_the_exposure_that_is_shown_changes_only_for_a_better_one() -> None:
    alike, apart = [grey(116), grey(127)], [grey(80), grey(127)]
    assert best_exposure(alike) == 1
    assert best_exposure(alike, shown=0) == 0
    assert best_exposure(apart, shown=0) == 1
    assert best_exposure(alike, shown=2) == 1  # the bracket before had more exposures


def test_a_guard_keeps_what_it_shows(scored: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion, "_moved_blocks", lambda _: blocks_that_move(1.0))
    guard = MotionGuard()
    assert guard.check([grey(60), grey(116)]).show == 1
    assert guard.check([grey(127), grey(116)]).show == 1
    guard.reset()
    assert guard.check([grey(127), grey(116)]).show == 0


def test_the_best_exposure_is_the_one_between() -> None:
    assert best_exposure(demo_bracket(90, 120, evs=(-6.0, 0.5, 5.0)).exposures) == 1
    for seed in SEEDS:
        assert best_exposure(take([scene(seed)] * 3, 8.0)) == 1


def test_clipped_pixels_count_against_an_exposure() -> None:
    half = grey(150)
    half[:, :30] = 255
    assert best_exposure([grey(85), half]) == 0
    assert best_exposure([grey(30), half]) == 1
    red = grey(128)
    red[..., 0] = 255
    assert best_exposure([grey(20), red]) == 0


def test_a_sky_that_is_lost_counts_more_than_a_dark_ground() -> None:
    dark, bright = grey(45), grey(128)
    dark[:20], bright[:20] = 110, 255
    assert best_exposure([dark, bright]) == 0


@pytest.mark.parametrize("limit", [-0.1, 1.1, float("nan")])
def test_a_limit_is_a_share(limit: float) -> None:
    with pytest.raises(InputError, match="from 0 to 1, found"):
        MotionGuard(limit=limit)


def test_motion_is_held_for_a_bracket_at_least() -> None:
    with pytest.raises(InputError, match="1 bracket or more, found 0"):
        MotionGuard(hold=0)


@pytest.mark.parametrize(
    "exposures", [[grey(9)], [grey(9), grey(9)[:5]], [grey(9), grey(9).astype(np.uint16)], []]
)
def test_other_than_exposures_is_refused(exposures: list[Frame]) -> None:
    with pytest.raises(InputError):
        check(exposures)
    with pytest.raises(InputError):
        best_exposure(exposures)
