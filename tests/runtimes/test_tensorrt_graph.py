"""TensorRT's CUDA graph, phases, layers' times and memory, against stand-ins."""

import json
from pathlib import Path

import numpy as np
import pytest

from edge_mef.errors import BundleError, FrameTooLargeError, InputError, MissingError
from edge_mef.fuser import Fuser

pytest.importorskip("onnx", reason="models for the stand-in are made with onnx")

from edge_mef.bundle import Bundle
from edge_mef.runtimes.tensorrt import TensorRTRuntime
from tests.runtimes.tensorrt_names import VERSIONS
from tests.runtimes.trt_device import (
    MEMORIES,
    Device,
    expected,
    frames,
    make_bundle,
    make_device,
)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "bundle")


def is_right(runtime: TensorRTRuntime, bundle: Bundle, size: tuple[int, int], seed: int) -> bool:
    taken = frames(*size, seed=seed)
    return np.array_equal(runtime.run(taken), expected(bundle, taken))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_graph_is_captured_once_per_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", version)
    bundle = make_bundle(tmp_path / "bundle")
    seen = []
    sizes = ((48, 64),) * 3 + ((31, 97),) * 2 + ((48, 64),) * 2 + ((16, 16),) + ((31, 97),)
    with TensorRTRuntime(bundle, cuda_graph=True) as runtime:
        assert runtime.describe()["cuda graph"] == "on"
        for seed, size in enumerate(sizes):
            assert is_right(runtime, bundle, size, seed)
            gpu = device.gpu
            seen.append((gpu.captures, gpu.launches, len(gpu.executables)))
    # Two sizes keep their graphs; the third takes the place of the one that was used least lately.
    assert seen[:5] == [(1, 0, 1), (1, 1, 1), (1, 2, 1), (2, 2, 2), (2, 3, 2)]
    assert seen[5:] == [(2, 4, 2), (2, 5, 2), (3, 5, 2), (4, 5, 2)]
    assert device.gpu.nothing_left()
    assert not device.blocks.left


def test_without_it_nothing_is_captured(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle) as runtime:
        assert runtime.describe()["cuda graph"] == "off"
        assert runtime.describe()["provider"] == "TensorRT"
        assert all(is_right(runtime, bundle, (48, 64), seed) for seed in range(3))
    assert (device.gpu.captures, device.gpu.launches) == (0, 0)


def test_an_engine_that_cannot_be_captured(device: Device, bundle: Bundle) -> None:
    told = (
        r"^the engine cannot be captured as a CUDA graph \(TensorRT could not run the engine: "
        r"Error Code 1: operation not permitted\): open it without one$"
    )
    with TensorRTRuntime(bundle, cuda_graph=True) as runtime:
        device.trt.faults["capture"] = 1
        with pytest.raises(BundleError, match=told):
            runtime.run(frames(16, 16))
        assert device.gpu.nothing_left()
        assert is_right(runtime, bundle, (16, 16), 1)
    assert device.gpu.nothing_left()


@pytest.mark.parametrize("call", ["cudaStreamEndCapture", "cudaGraphInstantiate"])
def test_a_capture_that_cuda_refuses(
    device: Device, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    real = getattr(device.cuda.runtime, call)

    def refused(*arguments: object) -> object:
        if call == "cudaStreamEndCapture":
            next(s for s in device.gpu.streams.values() if s.recording).broken = True
            return real(*arguments)
        return real(-1, 0)

    monkeypatch.setattr(device.cuda.runtime, call, refused)
    with TensorRTRuntime(bundle, cuda_graph=True) as runtime:
        with pytest.raises(BundleError, match=rf"as a CUDA graph \(CUDA failed in {call}: "):
            runtime.run(frames(16, 16))
        assert device.gpu.nothing_left()


def test_too_little_memory_for_another_size(device: Device, bundle: Bundle) -> None:
    """The graph of the size before goes with its memory, and is not launched again."""
    with TensorRTRuntime(bundle, cuda_graph=True) as runtime:
        assert is_right(runtime, bundle, (16, 16), 0)
        device.blocks.limit = 1000
        with pytest.raises(FrameTooLargeError, match="memory of the GPU"):
            runtime.run(frames(48, 64))
        assert device.gpu.nothing_left()
        assert is_right(runtime, bundle, (16, 16), 1)
    assert not device.blocks.left


def test_pycuda_has_no_graphs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_device(monkeypatch, tmp_path / "cache", memory="pycuda")
    bundle = make_bundle(tmp_path / "bundle")
    told = "need the Python package 'cuda-python', and only 'pycuda' is installed, which has none"
    with pytest.raises(MissingError, match=told):
        TensorRTRuntime(bundle, cuda_graph=True)


@pytest.mark.parametrize("memory", MEMORIES)
def test_phases_wait_for_the_device(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, memory: str
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", "10.3.0", memory)
    bundle, taken = make_bundle(tmp_path / "bundle"), frames(48, 64)
    with TensorRTRuntime(bundle) as runtime:
        fused, times = runtime.run_phases(taken)
        assert np.array_equal(fused, expected(bundle, taken))
        assert min(times.copy_in, times.compute, times.copy_out) > 0
        for call, waits in ((runtime.run, 1), (runtime.run_phases, 3)):
            before = device.gpu.waits
            call(taken)
            assert device.gpu.waits - before == waits
        assert "waits for the device" in runtime.phases_note


def test_phases_of_a_graph(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle, cuda_graph=True) as runtime:
        for seed in range(3):
            taken = frames(48, 64, seed=seed)
            assert np.array_equal(runtime.run_phases(taken)[0], expected(bundle, taken))
    assert (device.gpu.captures, device.gpu.launches) == (1, 2)


@pytest.mark.parametrize("version", VERSIONS)
def test_times_of_layers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str) -> None:
    make_device(monkeypatch, tmp_path / "cache", version)
    bundle = make_bundle(tmp_path / "bundle")
    with TensorRTRuntime(bundle, profile=True) as runtime:
        assert runtime.layer_times() == ()
        assert is_right(runtime, bundle, (48, 64), 0)
        assert is_right(runtime, bundle, (16, 16), 1)
        runtime.run_phases(frames(16, 16))
        found = [(t.name, t.type, t.milliseconds, t.calls) for t in runtime.layer_times()]
    assert found == [
        ("late", "not told", 2.25, 3),
        ("conv", "CaskConvolution", 1.5, 3),
        ("reformat", "not told", 0.375, 3),
    ]


def test_times_that_tensorrt_does_not_report(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle, profile=True) as runtime:
        device.trt.faults["report"] = 1
        with pytest.raises(BundleError, match="reported no times of layers: Error Code 3"):
            runtime.run(frames(16, 16))


def test_a_failure_is_not_told_by_the_words_of_an_earlier_one(
    device: Device, bundle: Bundle
) -> None:
    with TensorRTRuntime(bundle, profile=True) as runtime:
        device.trt.faults |= {"execute": 1, "report": 1}
        with pytest.raises(FrameTooLargeError, match="memory of the GPU"):
            runtime.run(frames(16, 16))
        with pytest.raises(BundleError, match="no times of layers: Error Code 3: nothing was"):
            runtime.run(frames(16, 16))


def test_no_times_without_a_profile(device: Device, bundle: Bundle) -> None:
    with (
        TensorRTRuntime(bundle) as runtime,
        pytest.raises(InputError, match="'tensorrt' was opened without a profile: open it with"),
    ):
        runtime.layer_times()


def test_a_profile_of_a_graph_is_refused(device: Device, bundle: Bundle) -> None:
    with pytest.raises(InputError, match="for the profile or for the CUDA graph, not for both"):
        Fuser.open(bundle.folder, runtime="tensorrt", cuda_graph=True, profile=True)
    assert device.trt.touched == 0


@pytest.mark.parametrize("memory", MEMORIES)
def test_memory_on_the_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, memory: str) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", "10.3.0", memory)
    with TensorRTRuntime(make_bundle(tmp_path / "bundle")) as runtime:
        assert runtime.device_bytes() == 0
        runtime.run(frames(48, 64))
        buffers = 3 * 48 * 64 * 3
        assert runtime.device_bytes() == buffers
        device.blocks.elsewhere = 5000  # what the engine allocates by itself
        assert runtime.device_bytes() == buffers + 5000
        device.blocks.elsewhere = -5000  # another program has ended
        assert runtime.device_bytes() == buffers
        runtime.run(frames(16, 16))
        assert runtime.device_bytes() == buffers + 3 * 16 * 16 * 3
        runtime.run(frames(20, 20))  # the third size; two are kept
        assert runtime.device_bytes() == 3 * 16 * 16 * 3 + 3 * 20 * 20 * 3
    assert runtime.device_bytes() == 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.shared
def test_every_name_used_exists_in_the_real_version(
    shared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    real = json.loads((shared / "tensorrt_api" / f"{version}.json").read_text(encoding="utf-8"))
    device = make_device(monkeypatch, tmp_path / "cache", version)
    with TensorRTRuntime(make_bundle(tmp_path / "bundle"), profile=True) as runtime:
        runtime.run(frames(16, 16))
    used = device.trt.used
    assert {("IProfiler", "__init__"), ("IExecutionContext", "enqueue_emits_profile")} <= used
    assert [(c, m) for c, m in used if m not in real["api"][c]] == []
