"""evaluate and compare: what they return, and what they refuse."""

import math
from typing import Any

import numpy as np
import pytest

from edge_mef.errors import InputError
from edge_mef.exposures import Frame
from edge_mef.metrics import (
    IVF_METRICS,
    MEFB_METRICS,
    METRICS,
    REFERENCE_METRICS,
    compare,
    evaluate,
)
from edge_mef.metrics.planes import grey_plane
from edge_mef.metrics.vif import vif_fusion
from edge_mef.render.brackets import random_bracket

ALL = (*MEFB_METRICS, *IVF_METRICS)


@pytest.fixture(scope="module")
def exposures() -> tuple[Frame, ...]:
    """Five of a scene, darkest first."""
    return random_bracket(4, height=64, width=80, frames=5).exposures


def _mean(frames: tuple[Frame, ...]) -> Frame:
    mean: Frame = np.mean(frames, axis=0).astype(np.uint8)
    return mean


def _flat(level: int, side: int = 48) -> Frame:
    return np.full((side, side, 3), level, np.uint8)


def test_the_14_of_the_papers_table_are_the_default(exposures: tuple[Frame, ...]) -> None:
    found = evaluate(exposures[::4], _mean(exposures))
    assert tuple(found) == MEFB_METRICS
    assert all(type(value) is float and math.isfinite(value) for value in found.values())


def test_names_choose_and_order(exposures: tuple[Frame, ...]) -> None:
    found = evaluate(exposures[::4], _mean(exposures), ("SF", "EN"))
    assert list(found) == ["SF", "EN"]
    assert found["EN"] == evaluate(exposures[::4], _mean(exposures))["EN"]


def test_channels_are_averaged_and_sf_lays_them_side_by_side() -> None:
    under, over, fused = _flat(10), _flat(200), _flat(0)
    fused[:24, :, 1] = 80
    found = evaluate([under, over], fused, ["EN", "SD", "SF"])
    assert found["EN"] == pytest.approx(1 / 3)
    assert found["SD"] == pytest.approx(40 / 3)
    # In green 48 steps between the rows, and 24 at each side of the plane.
    assert found["SF"] == pytest.approx(80 * math.sqrt((48 + 2 * 24) / (3 * 48 * 48)))


def test_pairs_are_the_darkest_and_the_brightest(exposures: tuple[Frame, ...]) -> None:
    fused = _mean(exposures)
    mixed = [exposures[index] for index in (2, 4, 1, 0, 3)]
    some, two = evaluate(mixed, fused, ALL), evaluate(exposures[::4], fused, ALL)
    for name in ALL:
        agree = some[name] == pytest.approx(two[name], rel=1e-6)
        assert agree == (METRICS[name].uses != "all"), name


def test_all_exposures_count_alike(exposures: tuple[Frame, ...]) -> None:
    fused = _mean(exposures)
    names = [name for name in ALL if METRICS[name].uses == "all"]
    found = evaluate(exposures, fused, names)
    assert found == pytest.approx(evaluate(exposures[::-1], fused, names))
    same = evaluate([exposures[0]] * 3, fused, names)
    assert same == pytest.approx(evaluate([exposures[0]] * 2, fused, names), abs=1e-4)
    each = [evaluate([frame, frame], fused, ["CE", "RMSE"]) for frame in exposures]
    for name in ("CE", "RMSE"):
        assert found[name] == pytest.approx(np.mean([one[name] for one in each]))


def test_the_order_of_the_exposures_means_nothing() -> None:
    """Of VIF it would, where the fused picture is saturated and explains neither exposure."""
    under, over = random_bracket(9, height=96, width=128).exposures
    dark, bright = grey_plane(under), grey_plane(over)
    straight, turned = vif_fusion(dark, bright, bright), vif_fusion(bright, dark, bright)
    assert straight != pytest.approx(turned, rel=1e-3)
    found = evaluate([under, over], over, ALL)
    assert found == pytest.approx(evaluate([over, under], over, ALL), rel=1e-6)


@pytest.mark.parametrize("levels", [(0, 0, 0), (255, 255, 255), (90, 90, 90), (5, 250, 128)])
def test_one_coloured_pictures_give_numbers(levels: tuple[int, int, int]) -> None:
    under, over, fused = (_flat(level, 176) for level in levels)
    found = evaluate([under, over], fused, ALL)
    assert not [name for name, value in found.items() if math.isnan(value)]
    infinite = {name for name, value in found.items() if math.isinf(value)}
    assert infinite == ({"PSNR"} if len(set(levels)) == 1 else set())
    assert (found["EN"], found["AG"], found["CE"], found["NMI"]) == (0, 0, 0, 0)
    assert not any(math.isnan(value) for value in compare(under, over).values())


@pytest.mark.parametrize("name", ["EN", "Q_CB", "VIF", "Q_P", "Q_W", "Q_ABF", "FMI", "MI"])
def test_one_flat_frame_among_others_gives_a_number(
    exposures: tuple[Frame, ...], name: str
) -> None:
    flat = np.full_like(exposures[0], 255)
    for case in ([flat, exposures[4], exposures[4]], [exposures[0], exposures[4], flat]):
        assert math.isfinite(evaluate(case[:2], case[2], [name])[name])


def test_inputs_stay_as_they_are_and_may_be_views(exposures: tuple[Frame, ...]) -> None:
    under, over = (frame.copy() for frame in exposures[::4])
    for frame in (under, over):
        frame.setflags(write=False)
    straight = evaluate([under, over], _mean(exposures))
    views = [np.asfortranarray(under), np.repeat(over, 2, axis=1)[:, ::2]]
    assert evaluate(views, _mean(exposures)) == pytest.approx(straight, rel=1e-6)


def test_comparing_with_a_reference() -> None:
    reference = random_bracket(6, height=180, width=176).exposures[1]
    equal = compare(reference, reference)
    assert tuple(equal) == REFERENCE_METRICS
    assert equal["PSNR"] == math.inf
    assert [equal[name] for name in REFERENCE_METRICS[1:]] == pytest.approx([1.0, 1.0, 1.0])
    noise = np.random.default_rng(1).normal(0, 12, reference.shape)
    near, far = (
        compare(reference, np.clip(reference + noise * k, 0, 255).astype(np.uint8)) for k in (1, 2)
    )
    assert all(far[name] < near[name] < equal[name] for name in REFERENCE_METRICS)


def test_ordinary_psnr_is_over_all_channels() -> None:
    picture = _flat(50)
    picture[..., 2] = 80
    found = compare(_flat(50), picture, ["PSNR"])["PSNR"]
    assert found == pytest.approx(10 * math.log10(255**2 / (30**2 / 3)))


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([_flat(1)], "two or more exposures, found 1"),
        ([], "found 0"),
        ([_flat(1), _flat(2, 47)], "exposure 1 is 48x48 and exposure 2 is 47x47"),
        ([_flat(1), _flat(2) / 255], "exposure 2 to be .* uint8 RGB, found float64"),
        ([_flat(1), _flat(2)[..., 0]], r"found shape \(48, 48\)"),
        ([_flat(1), _flat(2)[..., :2]], r"found shape \(48, 48, 2\)"),
        ([_flat(1), "over.png"], "exposure 2 .* found a str"),
        ([_flat(1, 49), _flat(2, 49)], "exposure 1 is 49x49 and the fused picture is 48x48"),
    ],
)
def test_bad_exposures_are_refused(frames: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        evaluate(frames, _flat(3), ["EN"])


def test_bad_names_and_references_are_refused() -> None:
    pair = [_flat(1), _flat(2)]
    with pytest.raises(InputError, match=r"found 'SSIM'; known are: EN, .*VIF, MI,"):
        evaluate(pair, _flat(3), ["SSIM"])
    with pytest.raises(InputError, match="found 'EN'; known are: PSNR, SSIM, MS_SSIM, VIF_REF"):
        compare(_flat(1), _flat(2), ["EN"])
    with pytest.raises(InputError, match="the reference is 48x48 and the picture is 50x50"):
        compare(_flat(1), _flat(2, 50), ["PSNR"])
    with pytest.raises(InputError, match="176 pixels or more for MS_SSIM, found 48x48"):
        compare(_flat(1), _flat(2))


@pytest.mark.parametrize("name", sorted({*METRICS} - {"PSNR"}))
def test_the_smallest_sides_are_true(name: str) -> None:
    """At its smallest side a metric has a value; below, it is refused."""
    row = METRICS[name]
    rng = np.random.default_rng(3)

    def measure(height: int, width: int) -> float:
        size = (height, width, 3)
        one, two, three = (rng.integers(0, 256, size, dtype=np.uint8) for _ in range(3))
        if row.kind == "reference":
            return compare(one, three, [name])[name]
        return evaluate([one, two], three, [name])[name]

    side = row.min_side
    assert math.isfinite(measure(side, side))
    assert math.isfinite(measure(side + 1, side + 6))
    with pytest.raises(InputError, match=f"sides of {side} pixels or more for {name}"):
        measure(side - 1, side + 5)
