"""The MIL interpreter as a runtime: what it takes, and what it refuses in one sentence."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import BundleError, InputError
from edge_mef.fuser import Fuser
from edge_mef.render.brackets import random_bracket
from edge_mef.runtimes.mil import MilRuntime
from edge_mef.runtimes.table import RUNTIMES, open_runtime
from edge_mef.validation import torch_fuse
from tests.conftest import noise_stack
from tests.coreml import change_spec, operations, own_pipeline

MODEL = "model.mlpackage"


@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_it_fuses_as_torch_does(coreml_bundle: Bundle, size: tuple[int, int]) -> None:
    frames = random_bracket(7, height=size[0], width=size[1]).exposures
    expected = torch_fuse(own_pipeline("ffmef-edge"))(*frames)
    with Fuser.open(coreml_bundle.folder, runtime="mil", threads=1) as fuser:
        fused = fuser.fuse(*frames)
        height, width = size
        name = MODEL if size == (64, 96) else f"model-{height}x{width}.mlpackage"
        assert fuser.runtime.artefact == name
    assert fused.dtype == np.uint8
    assert int(np.abs(fused.astype(int) - expected.astype(int)).max()) <= 1
    assert fused.std() > 10, "not a flat picture"


def test_it_is_not_chosen_by_itself(coreml_bundle: Bundle) -> None:
    assert not RUNTIMES["mil"].automatic
    with open_runtime(coreml_bundle, threads=1) as runtime:
        assert runtime.name == "onnxruntime"
        assert runtime.sizes is None


def test_it_says_what_runs(coreml_bundle: Bundle) -> None:
    with MilRuntime(coreml_bundle, threads=1) as runtime:
        assert runtime.sizes == ((64, 96), (96, 64))
        described = runtime.describe()
    assert described["runtime"].startswith("coremltools ")
    assert described["provider"].startswith("torch ")
    assert described["sizes"] == "64x96, 96x64"


def test_its_phases(coreml_bundle: Bundle) -> None:
    stack = noise_stack(2, (64, 96))
    with MilRuntime(coreml_bundle, threads=1) as runtime:
        started = time.perf_counter_ns()
        fused, times = runtime.run_phases(stack)
        passed = (time.perf_counter_ns() - started) / 1e6
        np.testing.assert_array_equal(runtime.run(stack), fused)
        assert "interprets the program" in runtime.phases_note
        with pytest.raises(InputError, match="'mil' was opened without a profile"):
            runtime.layer_times()
    parts = (times.copy_in, times.compute, times.copy_out)
    assert min(parts) > 0
    assert passed / 2 < sum(parts) <= passed
    assert times.compute > times.copy_in + times.copy_out


def test_other_sizes_are_refused(coreml_bundle: Bundle) -> None:
    with MilRuntime(coreml_bundle) as runtime:
        with pytest.raises(InputError, match=r"takes frames of 64x96, 96x64 .* found 64x98"):
            Fuser(coreml_bundle, runtime).fuse(*noise_stack(2, (64, 98)))
        with pytest.raises(InputError, match="no Core ML package here takes frames of 64x98"):
            runtime.run(noise_stack(2, (64, 98)))


def test_other_counts_are_refused(coreml_bundle: Bundle) -> None:
    with MilRuntime(coreml_bundle) as runtime, pytest.raises(InputError, match="--exposures 3"):
        runtime.run(noise_stack(3, (64, 96)))


def test_a_closed_one_is_refused(coreml_bundle: Bundle) -> None:
    runtime = MilRuntime(coreml_bundle)
    runtime.close()
    runtime.close()
    with pytest.raises(BundleError, match="was closed"):
        runtime.run(noise_stack(2, (64, 96)))


def test_a_bundle_without_a_package() -> None:
    with pytest.raises(BundleError, match="holds no Core ML package"):
        MilRuntime(load_bundle())


def _rename(feature: Any, name: str) -> None:
    feature.name = name


def _plant(spec: Any, operator: str) -> None:
    next(op for op in operations(spec) if op.type == "relu").type = operator


def _as_array(spec: Any) -> None:
    spec.description.input[0].type.multiArrayType.shape.extend([1, 3, 64, 96])


def _enlarge(spec: Any) -> None:
    spec.description.input[0].type.imageType.width = 98


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda spec: _plant(spec, "gelu"), "MIL operator 'gelu', which the interpreter"),
        (lambda spec: _plant(spec, "frobnicate"), "MIL operator 'frobnicate', which the inter"),
        (lambda spec: _rename(spec.description.output[0], "sum"), "the one output 'fused'"),
        (_as_array, "'exposure_0' should be an image"),
        (_enlarge, "colour images of one size"),
    ],
)
def test_a_package_of_something_else_is_named(
    coreml_copy: Bundle, change: Any, message: str
) -> None:
    change_spec(coreml_copy.folder / MODEL, change)
    with pytest.raises(BundleError, match=message):
        MilRuntime(coreml_copy)


def test_fractions_of_grey_levels_are_refused(coreml_copy: Bundle) -> None:
    """What Core ML would make of them is documented nowhere."""

    def forget_rounding(spec: Any) -> None:
        next(op for op in operations(spec) if op.type == "floor").type = "relu"

    change_spec(coreml_copy.folder / MODEL, forget_rounding)
    with MilRuntime(coreml_copy) as runtime, pytest.raises(BundleError, match="whole grey levels"):
        runtime.run(list(random_bracket(7, height=64, width=96).exposures))


def test_images_in_another_order_of_channels(coreml_copy: Bundle) -> None:
    """The same graph with its images declared BGR sees and gives red and blue exchanged."""

    def declare_bgr(spec: Any) -> None:
        for feature in (*spec.description.input, *spec.description.output):
            feature.type.imageType.colorSpace = 30

    frames = noise_stack(2, (64, 96))
    with MilRuntime(coreml_copy) as runtime:
        exchanged = runtime.run([frame[..., ::-1] for frame in frames])[..., ::-1]
    change_spec(coreml_copy.folder / MODEL, declare_bgr)
    with MilRuntime(coreml_copy) as runtime:
        assert np.array_equal(runtime.run(frames), exchanged)


def test_a_program_that_cannot_be_read(coreml_copy: Bundle) -> None:
    path: Path = coreml_copy.folder / MODEL / "Data/com.apple.CoreML/model.mlmodel"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BundleError, match="cannot be read as a Core ML package"):
        MilRuntime(coreml_copy)
