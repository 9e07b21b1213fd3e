import itertools

import numpy as np
import pytest

from edge_mef.errors import InputError
from edge_mef.render.camera import CameraResponse, expose, metered_ev, random_response

QUIET = CameraResponse(full_well=0)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("seed", range(8))
def test_the_curve_rises_from_0_to_1(seed: int) -> None:
    response = random_response(generator(seed))
    display = response.curve(np.linspace(0, 1, 1001, dtype=np.float32))
    assert display[0] == 0
    assert display[-1] == pytest.approx(1, abs=1e-6)
    assert (np.diff(display) >= 0).all()


def test_a_picture_gets_brighter_with_the_exposure() -> None:
    radiance = generator().random((20, 30, 3), dtype=np.float32) * 50
    frames = [expose(radiance, ev, QUIET, generator()).astype(int) for ev in (-9, -7, -5, -3, 0)]
    assert all((b >= a).all() for a, b in itertools.pairwise(frames))
    assert frames[0].mean() < frames[-1].mean()
    assert frames[-1].max() == 255


def test_values_stay_in_range_for_any_light() -> None:
    radiance = np.zeros((16, 16, 3), np.float32)
    radiance[8:] = 1e9
    picture = expose(radiance, 0.0, CameraResponse(), generator())
    assert picture.dtype == np.uint8
    assert (picture[9:] > 240).all()
    assert (picture[:7] < 40).all()


def test_clipped_light_is_white_and_not_tinted() -> None:
    radiance = np.full((4, 4, 3), 100.0, np.float32)
    response = CameraResponse(full_well=0, gains=(2.1, 1.0, 1.7), tint=(0.9, 1.0, 1.1))
    assert (expose(radiance, 0.0, response, generator()) == 255).all()


def test_noise_grows_with_the_signal_as_shot_noise_does() -> None:
    response = CameraResponse(
        gamma=1.0, contrast=0.0, full_well=1000.0, read_noise=5.0, gains=(1.0, 1.0, 1.0)
    )
    levels = np.array([0.1, 0.2, 0.4, 0.8])
    measured = []
    for level in levels:
        radiance = np.full((200, 200, 3), level, np.float32)
        measured.append(float(expose(radiance, 0.0, response, generator()).var()) / 255**2)
    expected = levels / 1000 + (5 / 1000) ** 2 + (1 / 255) ** 2 / 12
    assert np.allclose(measured, expected, rtol=0.05)


def test_metering_puts_a_grey_card_at_18_percent() -> None:
    radiance = np.full((32, 32, 3), 40.0, np.float32)
    assert 40.0 * 2 ** metered_ev(radiance) == pytest.approx(0.18, rel=1e-4)
    assert metered_ev(radiance * 4) == pytest.approx(metered_ev(radiance) - 2, abs=1e-4)


def test_metering_survives_a_black_picture() -> None:
    assert np.isfinite(metered_ev(np.zeros((16, 16, 3), np.float32)))


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(H, W, 3\) was expected, found \(16, 16\)"):
        expose(np.zeros((16, 16), np.float32), 0.0, QUIET, generator())


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match=r"gamma within 1\.\.3, found 9"):
        CameraResponse(gamma=9.0)
    with pytest.raises(InputError, match="smallest gain"):
        CameraResponse(gains=(0.5, 1.0, 1.0))
