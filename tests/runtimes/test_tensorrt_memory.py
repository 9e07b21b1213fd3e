"""Frames in memory that the runtime lends, pinned or mapped on a Jetson, and too little memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef.errors import BundleError, FrameTooLargeError

pytest.importorskip("onnx", reason="models for the stand-in are made with onnx")

from edge_mef.bundle import Bundle
from edge_mef.runtimes.tensorrt import TensorRTRuntime
from tests.runtimes.trt_device import (
    KINDS,
    Device,
    expected,
    frames,
    lend,
    make_bundle,
    make_device,
)


@pytest.fixture(params=KINDS, ids=str)
def cuda_kind(request: Any) -> Any:
    return request.param


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "bundle")


def test_lent_frames_are_not_staged(device: Device, bundle: Bundle) -> None:
    """Neither side of the lane's own memory is taken: on a card its device side, else nothing."""
    integrated = device.gpu.integrated
    with TensorRTRuntime(bundle) as runtime:
        assert runtime.describe()["host memory"] == ("mapped" if integrated else "pinned")
        taken = lend(runtime, frames(48, 64))
        out = runtime.host_buffer((48, 64, 3))
        pinned = dict(device.blocks.host)
        for seed in range(3):
            for frame, new in zip(taken, frames(48, 64, seed=seed), strict=True):
                frame[:] = new
            assert runtime.run(taken, out) is out
            assert np.array_equal(out, expected(bundle, frames(48, 64, seed=seed)))
        assert device.blocks.host == pinned
        assert runtime._device.allocated == (0 if integrated else 3 * out.nbytes)
        assert np.array_equal(runtime.run(taken), out)  # a new array goes by one staging buffer
        assert len(device.blocks.host) == len(pinned) + 1


@pytest.mark.parametrize("lent", ["exposures", "out", "none", "one"])
def test_any_mixture_of_memory(device: Device, bundle: Bundle, lent: str) -> None:
    with TensorRTRuntime(bundle) as runtime:
        plain = frames(31, 97)
        taken = lend(runtime, plain) if lent == "exposures" else plain
        if lent == "one":
            taken = [plain[0], *lend(runtime, plain[1:])]
        out = runtime.host_buffer((31, 97, 3)) if lent == "out" else np.empty((31, 97, 3), np.uint8)
        for _ in range(2):
            assert runtime.run(taken, out) is out
            assert np.array_equal(out, expected(bundle, plain))
            assert np.array_equal(runtime.run_phases(taken)[0], out)
            assert np.array_equal(runtime.run(taken), out)
    assert np.array_equal(out, expected(bundle, plain)), "it outlives the runtime"


def test_frames_inside_of_lent_memory(device: Device, bundle: Bundle) -> None:
    """Rows of a larger buffer begin anywhere, which an engine does not take: they are copied."""
    with TensorRTRuntime(bundle) as runtime:
        whole = runtime.host_buffer((64, 41, 3))
        first, second, out = whole[:20], whole[20:40], whole[44:64]
        plain = frames(20, 41)
        first[:], second[:] = plain
        runtime.run([first, second], out)
        assert np.array_equal(out, expected(bundle, plain))


def test_frames_that_are_not_contiguous(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle) as runtime:
        plain = frames(40, 60)
        views = [frame[::2, 10:50][:, ::-1] for frame in lend(runtime, plain)]
        assert np.array_equal(runtime.run(views), expected(bundle, [v.copy() for v in views]))


def test_the_fused_frame_on_an_exposure(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle) as runtime:
        plain = frames(20, 30)
        taken = lend(runtime, plain)
        assert runtime.run(taken, taken[0]) is taken[0]
        assert np.array_equal(taken[0], expected(bundle, plain))
        assert np.array_equal(taken[1], plain[1])


def test_buffers_after_closing(device: Device, bundle: Bundle) -> None:
    runtime = TensorRTRuntime(bundle)
    kept = runtime.host_buffer((5, 6, 3))
    runtime.close()
    kept[:] = 1
    with pytest.raises(BundleError, match="was closed"):
        runtime.host_buffer((5, 6, 3))
    del kept
    assert not device.blocks.left


def test_too_little_pinned_memory(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle) as runtime:
        device.blocks.pinned_limit = 2000
        with pytest.raises(FrameTooLargeError, match="the memory of this machine for copies"):
            runtime.host_buffer((48, 64, 3))
        with pytest.raises(FrameTooLargeError, match="the memory of this machine for copies"):
            runtime.run(frames(48, 64))
        taken = frames(16, 16)
        assert np.array_equal(runtime.run(taken), expected(bundle, taken))
    assert not device.blocks.left


def test_memory_that_runs_out_in_the_engine(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle) as runtime:
        device.trt.faults["execute"] = 1
        with pytest.raises(FrameTooLargeError, match="the memory of the GPU is not enough: use"):
            runtime.run(frames(48, 64))
        assert device.blocks.left == {}
        taken = frames(48, 64)
        assert np.array_equal(runtime.run(taken), expected(bundle, taken))


def test_an_interrupted_run_leaves_no_copies_under_way(device: Device, bundle: Bundle) -> None:
    """They would write to memory that is used for something else by then."""
    with TensorRTRuntime(bundle) as runtime:

        def interrupt() -> None:
            device.trt.before = lambda: None
            raise KeyboardInterrupt

        device.trt.before = interrupt
        out = runtime.host_buffer((20, 30, 3))
        with pytest.raises(KeyboardInterrupt):
            runtime.run(frames(20, 30), out)
        assert not any(stream.pending for stream in device.gpu.streams.values())
        runtime.run(frames(20, 30), out)
        assert np.array_equal(out, expected(bundle, frames(20, 30)))


def test_another_size_takes_the_memory_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: Bundle
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache")
    with TensorRTRuntime(bundle) as runtime:
        runtime.run(frames(48, 64))
        device.blocks.total_limit = 4 * 48 * 64 * 3
        for size in ((60, 60), (48, 64)):
            taken = frames(*size)
            assert np.array_equal(runtime.run(taken), expected(bundle, taken))
            assert len(device.blocks.device) == 3
