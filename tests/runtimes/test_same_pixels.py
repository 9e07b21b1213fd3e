"""Every runtime here gives the pipeline's picture: of scenes, of patches, and in a stream."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.bundle import Bundle
from edge_mef.data.scenes import choose, load_scenes
from edge_mef.export.parity import fitted_frames, torch_pipeline
from edge_mef.fuser import Fuser
from edge_mef.runtimes.table import RUNTIMES, open_runtime, why_not
from tests.openvino_bundle import add_openvino

Frame = NDArray[np.uint8]
SCENES, SIDE = 10, 400
MOST_LEVELS = 1  # the gate of fp32
# (runtime, in one piece)
WAYS = [("onnxruntime", False), ("onnxruntime", True), ("openvino", False), ("openvino", True)]
PATCHES = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return add_openvino("ffmef-edge", tmp_path_factory.mktemp("both") / "bundle")


def patches(size: tuple[int, int] = (96, 160)) -> tuple[Frame, Frame]:
    """Columns of colours, and a grey ramp below them, a stop darker and a stop brighter."""
    height, width = size
    scene = np.zeros((height, width, 3))
    for index, colour in enumerate(PATCHES):
        scene[: height // 2, index * width // 5 : (index + 1) * width // 5] = colour
    scene[height // 2 :] = np.linspace(20, 235, width)[:, None]
    return tuple(np.clip(scene * gain, 0, 255).astype(np.uint8) for gain in (0.55, 1.4))  # type: ignore[return-value]


def most_levels(one: Frame, other: Frame) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(np.int16) - other).max())


@contextmanager
def opened(bundle: Bundle, way: tuple[str, bool]) -> Iterator[Fuser]:
    with Fuser(bundle, open_runtime(bundle, way[0], 1, whole=way[1])) as fuser:
        yield fuser


def streamed(fuser: Fuser, brackets: Sequence[Sequence[Frame]]) -> list[Frame]:
    with fuser.stream() as stream:
        return [fused.pixels.copy() for fused in stream.fuse_all(brackets)]


def test_all_runtimes_that_run_here_are_looked_at() -> None:
    """A runtime that is new must be added above, or to the tests of its own."""
    here = {name for name, row in RUNTIMES.items() if why_not(row) is None}
    assert here <= {"onnxruntime", "openvino", "mil", "tensorrt", "coreml"}
    assert {name for name, _ in WAYS} <= here


def test_ten_validation_scenes(bundle: Bundle, shared: Path) -> None:
    scenes = choose(load_scenes(str(shared / "data")), "val")[:SCENES]
    assert len(scenes) == SCENES
    brackets = [fitted_frames(bundle.manifest.contract, scene, SIDE) for scene in scenes]
    reference = torch_pipeline(bundle)
    expected = [reference(*bracket) for bracket in brackets]
    for way in WAYS:
        with opened(bundle, way) as fuser:
            found = streamed(fuser, brackets)
        worst = max(most_levels(*pair) for pair in zip(found, expected, strict=True))
        print(f"{way}: at most {worst} grey levels")
        assert worst <= MOST_LEVELS, way


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way[0]}-{'whole' if way[1] else 'tiles'}")
def test_planted_colours_come_out_as_they_are(bundle: Bundle, way: tuple[str, bool]) -> None:
    bracket = patches()
    expected = torch_pipeline(bundle)(*bracket)
    with opened(bundle, way) as fuser:
        fused, (again,) = fuser.fuse(*bracket, sort=False), streamed(fuser, [bracket])
    assert most_levels(fused, expected) <= MOST_LEVELS
    np.testing.assert_array_equal(again, fused)
    check_colours(fused)


def test_planted_colours_in_a_core_ml_package(coreml_bundle: Bundle) -> None:
    contract = coreml_bundle.manifest.contract
    with open_runtime(coreml_bundle, "mil", 1) as runtime:
        assert runtime.sizes is not None
        size = next((s for s in runtime.sizes if s[1] >= 64), runtime.sizes[0])
        bracket = patches(size)
        assert len(bracket) == contract.exposures
        out = np.zeros((*size, 3), np.uint8)
        assert runtime.run(bracket, out) is out
    assert most_levels(out, torch_pipeline(coreml_bundle)(*bracket)) <= MOST_LEVELS
    check_colours(out)


def check_colours(fused: Frame) -> None:
    """Channels are in their order, and greys stay grey."""
    height, width = fused.shape[:2]
    for index, colour in enumerate(PATCHES):
        middle = fused[height // 8 : height // 3, (2 * index + 1) * width // 10]
        found = np.median(middle, axis=0)
        strong, weak = (found[np.equal(colour, value)] for value in (200, 30))
        assert strong.min() > weak.max() + 60, (colour, found)
    ramp = fused[-height // 6 :].astype(int)
    assert np.abs(ramp - ramp.mean(axis=2, keepdims=True)).max() <= 6
