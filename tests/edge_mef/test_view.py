"""The view: which pixels it picks, in what order they are averaged, and at what cost."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from edge_mef.view import SAMPLES, VIEW_SIDE, SceneView, pick_pixels, view_of_planes
from tests.conftest import noise_stack

PICKED = VIEW_SIDE * SAMPLES
SIZES = [(1, 1), (1, 700), (700, 1), (5, 3), (97, 131), (191, 193), (384, 768), (1080, 61)]


def places(length: int) -> NDArray[np.int64]:
    """The pixels under the centres of PICKED equal parts of a side, in whole numbers."""
    return (2 * np.arange(PICKED, dtype=np.int64) + 1) * length // (2 * PICKED)


def frame(size: tuple[int, int]) -> NDArray[np.uint8]:
    return noise_stack(2, size)[1]


@pytest.mark.parametrize("size", SIZES)
def test_it_is_the_mean_of_the_pixels_that_it_says(size: tuple[int, int]) -> None:
    pixels = frame(size)
    picked = pixels[places(size[0])][:, places(size[1])].astype(np.float64)
    blocks = picked.reshape(VIEW_SIDE, SAMPLES, VIEW_SIDE, SAMPLES, 3)
    expected = blocks.mean(axis=(1, 3)).transpose(2, 0, 1) / 255.0
    found = SceneView()(torch.from_numpy(pixels)[None])
    assert found.shape == (1, 3, VIEW_SIDE, VIEW_SIDE)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-6)


def picked_of(length: int) -> Tensor:
    """Which pixels of a column are picked: a column of their numbers shows it."""
    numbers = torch.arange(length).reshape(1, length, 1, 1)
    return pick_pixels(numbers, rows=1, columns=2)[0, :, 0, 0]


def test_places_of_all_kinds_of_sides() -> None:
    for length in [*range(1, 500), 1080, 1920, 4000, 8191, 16384]:
        np.testing.assert_array_equal(picked_of(length).numpy(), places(length), str(length))


@pytest.mark.parametrize("length", [22273, 30001, 32767, 32768])
def test_places_of_the_longest_sides(length: int) -> None:
    """Single precision ends here: one pixel beside the exact one, but never outside."""
    found = picked_of(length).numpy()
    assert np.abs(found - places(length)).max() <= 1
    assert found.min() >= 0
    assert found.max() < length
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize("size", SIZES)
def test_planes_have_the_same_view(size: tuple[int, int]) -> None:
    pixels = torch.from_numpy(frame(size))[None]
    planes = pixels.permute(0, 3, 1, 2).to(torch.float32)
    assert torch.allclose(view_of_planes(planes) / 255.0, SceneView()(pixels), atol=1e-6)


def test_nothing_as_large_as_the_frame_is_computed() -> None:
    """Of a frame of any height as many rows are taken, and of these as many pixels."""
    made: list[int] = []

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call,unused-ignore]
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            result = func(*args, **(kwargs or {}))
            if isinstance(result, Tensor):
                made.append(result.numel())
            return result

    largest = []
    for size in ((400, 500), (3000, 500), (3000, 4000)):
        exposure = torch.zeros(1, *size, 3, dtype=torch.uint8)
        made.clear()
        with Watch():  # type: ignore[no-untyped-call,unused-ignore]
            SceneView()(exposure)
        assert len(made) > 5
        largest.append(max(made))
    assert largest == [PICKED * 500 * 3, PICKED * 500 * 3, PICKED * 4000 * 3]
