from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.errors import InputError
from edge_mef.render.brackets import Bracket, demo_bracket, random_bracket
from edge_mef.render.demo_room import window_lit_room
from edge_mef.render.outdoor import render_outdoor
from edge_mef.render.room import render_room


@pytest.fixture(scope="module")
def demo() -> Bracket:
    return demo_bracket(120, 160)


def luminance(bracket: Bracket) -> NDArray[np.float32]:
    assert bracket.radiance is not None
    return bracket.radiance @ np.array([0.2126, 0.7152, 0.0722], np.float32)


def test_the_demo_needs_fusion(demo: Bracket) -> None:
    low, high = np.percentile(luminance(demo), (0.5, 99.5))
    assert high / low >= 2**8


def test_the_dark_frame_keeps_the_window(demo: Bracket) -> None:
    dark = demo.exposures[0]
    assert (dark == 255).any(axis=2).mean() < 0.01
    assert np.median(dark) < 50


def test_the_bright_frame_shows_the_room_and_loses_the_window(demo: Bracket) -> None:
    bright, dark = demo.exposures[-1], demo.exposures[0]
    assert 90 < np.median(bright) < 200
    assert 0.03 < (bright == 255).all(axis=2).mean() < 0.25
    outdoors = (slice(40, 60), slice(35, 75))
    assert np.median(bright[outdoors]) == 255
    assert 80 < np.median(dark[outdoors]) < 220


def test_demo_frames_are_sorted(demo: Bracket) -> None:
    swapped = demo_bracket(120, 160, evs=(demo.evs[1], demo.evs[0]))
    assert swapped.evs == demo.evs
    for a, b in zip(swapped.exposures, demo.exposures, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_seed_always_gives_the_same_bytes(seed: int) -> None:
    first = random_bracket(seed, height=32, width=48)
    again = random_bracket(seed, height=32, width=48)
    assert first.name == again.name
    assert first.evs == again.evs
    for a, b in zip(first.exposures, again.exposures, strict=True):
        assert a.tobytes() == b.tobytes()


def test_seeds_differ() -> None:
    pictures = {random_bracket(s, height=24, width=32).exposures[1].tobytes() for s in range(6)}
    assert len(pictures) == 6


@pytest.mark.parametrize(("seed", "frames"), [(1, 2), (4, 3), (12, 5)])
def test_random_frames_come_darkest_first(seed: int, frames: int) -> None:
    bracket = random_bracket(seed, height=33, width=47, frames=frames)
    assert len(bracket.exposures) == len(bracket.evs) == frames
    assert list(bracket.evs) == sorted(bracket.evs)
    assert 3.0 - 1e-6 <= bracket.evs[-1] - bracket.evs[0] <= 8.0 + 1e-6
    means = [frame.mean() for frame in bracket.exposures]
    assert means == sorted(means)
    assert all(f.shape == (33, 47, 3) and f.dtype == np.uint8 for f in bracket.exposures)


def test_both_kinds_of_scene_occur() -> None:
    names = {random_bracket(s, height=16, width=16).name.split("-")[0] for s in range(8)}
    assert names == {"room", "outdoor"}


@pytest.mark.parametrize("render", [render_room, render_outdoor])
@pytest.mark.parametrize("seed", range(4))
def test_radiance_is_physical(
    render: Callable[[int, int, int], NDArray[np.float32]], seed: int
) -> None:
    radiance = render(seed, 30, 41)
    assert radiance.shape == (30, 41, 3)
    assert radiance.dtype == np.float32
    assert np.isfinite(radiance).all()
    assert radiance.min() >= 0
    assert radiance.max() > 0


def test_odd_sizes_work() -> None:
    assert window_lit_room(97, 131).shape == (97, 131, 3)


@pytest.mark.parametrize(("height", "width"), [(15, 64), (64, 8)])
def test_tiny_pictures_are_refused(height: int, width: int) -> None:
    with pytest.raises(InputError, match=f"at least 16x16 pixels, found {height}x{width}"):
        random_bracket(0, height=height, width=width)
    with pytest.raises(InputError, match="ask for a larger one"):
        demo_bracket(height, width)


def test_a_bracket_has_two_frames_or_more() -> None:
    with pytest.raises(InputError, match="at least 2 exposures, found 1"):
        random_bracket(0, height=32, width=32, frames=1)
    with pytest.raises(InputError, match="at least 2 exposures, found 1"):
        demo_bracket(32, 32, evs=(0.0,))


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="seed of 0 or more was expected, found -1"):
        random_bracket(-1, height=32, width=32)
