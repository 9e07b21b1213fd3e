"""Tiles: the same picture however it is cut, whichever threads work, and as torch computes it."""

from pathlib import Path

import numpy as np
import pytest

from edge_mef.bundle import Bundle, load_bundle, rewrite_manifest
from edge_mef.errors import BundleError
from edge_mef.exposures import Frame
from edge_mef.manifest import Role
from edge_mef.models import create_model, find_network
from edge_mef.pipeline import make_pipeline
from edge_mef.runtimes.onnxruntime import OnnxRuntime
from edge_mef.validation import torch_fuse
from tests.conftest import noise_stack

WHOLE = (4096, 4096)  # larger than any frame here: one single tile
SIZES = ((301, 523), (97, 131))
# 75 and 58 leave a last row and a last column of one pixel, which runtimes compute otherwise.
TILES = (
    (256, 256), (512, 1024), (2048, 2048), (64, 512), (37, 53), (1, 300), (300, 1), (75, 58), (1, 1)
)  # fmt: skip


def fuse(bundle: Bundle, stack: list[Frame], tile: tuple[int, int], threads: int = 1) -> Frame:
    with OnnxRuntime(bundle, threads=threads, tile=tile) as runtime:
        return runtime.run(stack)


def difference(one: Frame, other: Frame) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(np.int16) - other).max())


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("size", SIZES)
def test_tiles_equal_one_single_tile(
    edge_bundle: Bundle, count: int, size: tuple[int, int]
) -> None:
    stack = noise_stack(count, size)
    single = fuse(edge_bundle, stack, WHOLE)
    assert single.std() > 20, "the picture must have something in it"
    tiles = TILES if size == (97, 131) else TILES[:-1]
    differences = {tile: difference(fuse(edge_bundle, stack, tile), single) for tile in tiles}
    assert differences == dict.fromkeys(tiles, 0)


@pytest.mark.parametrize("size", [(1, 700), (700, 1), (2, 301), (301, 3)])
def test_thin_frames_in_tiles(edge_bundle: Bundle, size: tuple[int, int]) -> None:
    stack = noise_stack(2, size)
    single = fuse(edge_bundle, stack, WHOLE)
    for tile in ((37, 53), (1, 300), (300, 1)):
        assert difference(fuse(edge_bundle, stack, tile), single) == 0, tile


def test_pixels_of_one_place_do_not_depend_on_the_others_in_their_tile(edge_bundle: Bundle) -> None:
    """Outside of the view's samples, a pixel that changes changes nothing else."""
    stack = noise_stack(2, (1500, 40))
    changed = [frame.copy() for frame in stack]
    picked = {(2 * k + 1) * 1500 // 768 for k in range(384)}
    row = next(row for row in range(700, 1500) if row not in picked)
    for frame in changed:
        frame[row] = 255 - frame[row]
    before, after = (fuse(edge_bundle, frames, (128, 512)) for frames in (stack, changed))
    rows = np.flatnonzero((before != after).any(axis=(1, 2)))
    assert rows.tolist() == [row]


@pytest.mark.parametrize("count", [2, 5])
def test_threads_do_not_change_the_picture(edge_bundle: Bundle, count: int) -> None:
    stack = noise_stack(count, (301, 523))
    one = fuse(edge_bundle, stack, (37, 53), threads=1)
    for threads in (2, 3):
        for _ in range(2):
            again = fuse(edge_bundle, stack, (37, 53), threads=threads)
            np.testing.assert_array_equal(again, one)


@pytest.mark.parametrize("size", [*SIZES, (1, 1), (5, 3)])
def test_stages_and_pipeline_in_one_piece_agree(edge_bundle: Bundle, size: tuple[int, int]) -> None:
    stack = noise_stack(2, size)
    with OnnxRuntime(edge_bundle, threads=1, whole=True) as runtime:
        assert runtime.artefact == "model.onnx"
        assert runtime.describe()["tile"] == "whole frame"
        whole = runtime.run(stack)
    assert difference(fuse(edge_bundle, stack, (128, 512)), whole) <= 1


@pytest.mark.parametrize("count", range(2, 10))
def test_stages_and_torch_agree(edge_bundle: Bundle, edge_weights: Path, count: int) -> None:
    network = create_model("ffmef-edge", weights=edge_weights)
    reference = torch_fuse(make_pipeline(find_network("ffmef-edge"), network))
    for size in ((97, 131), (211, 47)):
        stack = noise_stack(count, size, seed=count)
        assert difference(fuse(edge_bundle, stack, (64, 50)), reference(*stack)) <= 1


def test_frames_of_other_sizes_after_one_another(edge_bundle: Bundle) -> None:
    """What depends on the size is kept, and made anew for another size."""
    sizes = [(60, 90), (60, 90), (90, 60), (61, 90), (60, 91), (60, 90)]
    with OnnxRuntime(edge_bundle, threads=2, tile=(32, 40)) as runtime:
        for seed, size in enumerate(sizes):
            stack = noise_stack(2 + seed % 3, size, seed)
            np.testing.assert_array_equal(runtime.run(stack), fuse(edge_bundle, stack, WHOLE))


def test_it_describes_its_tiles(edge_bundle: Bundle) -> None:
    with OnnxRuntime(edge_bundle, threads=2, tile=(64, 512)) as runtime:
        described = runtime.describe()
        assert runtime.artefact == "stages"
    assert (described["tile"], described["threads"]) == ("64x512", "2")


def test_once_closed_it_does_not_run(edge_bundle: Bundle) -> None:
    runtime = OnnxRuntime(edge_bundle, threads=1)
    runtime.close()
    runtime.close()
    with pytest.raises(BundleError, match="closed"):
        runtime.run(noise_stack(2, (8, 8)))


def test_an_error_in_a_tile_is_raised(edge_bundle: Bundle) -> None:
    """A frame of another size than the first one is found by a thread, not by the caller."""
    stack = [*noise_stack(1, (40, 40)), *noise_stack(1, (20, 40))]
    with (
        OnnxRuntime(edge_bundle, threads=2) as runtime,
        pytest.raises(BundleError, match="could not run the bundle"),
    ):
        runtime.run(stack)


@pytest.mark.parametrize("role", ["view", "analysis", "weights", "application"])
def test_a_bundle_that_lacks_a_stage(edge_copy: Path, role: Role) -> None:
    loaded = load_bundle(edge_copy)
    kept = tuple(a for a in loaded.manifest.artefacts if a.role != role)
    rewrite_manifest(loaded, loaded.manifest.model_copy(update={"artefacts": kept}))
    with pytest.raises(BundleError, match=r"lacks a stage: export it again$"):
        OnnxRuntime(load_bundle(edge_copy))


def test_a_bundle_that_lacks_the_application_for_some_number(edge_copy: Path) -> None:
    loaded = load_bundle(edge_copy)
    kept = tuple(a for a in loaded.manifest.artefacts if a.file != "application-6.onnx")
    assert len(kept) == len(loaded.manifest.artefacts) - 1
    rewrite_manifest(loaded, loaded.manifest.model_copy(update={"artefacts": kept}))
    with pytest.raises(BundleError, match=r"lacks a stage: export it again$"):
        OnnxRuntime(load_bundle(edge_copy))


@pytest.mark.parametrize("name", ["view.onnx", "analysis.onnx", "application-9.onnx"])
def test_a_damaged_stage_is_named(edge_copy: Path, name: str) -> None:
    data = bytearray((edge_copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (edge_copy / name).write_bytes(data)
    with pytest.raises(BundleError, match=rf"{name} is damaged .* export the bundle again$"):
        load_bundle(edge_copy)
