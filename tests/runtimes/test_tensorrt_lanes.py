"""TensorRT on several threads, and beside other libraries on the same GPU."""

import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef.errors import BundleError, FrameTooLargeError
from edge_mef.exposures import Frame
from edge_mef.fuser import Fuser

pytest.importorskip("onnx", reason="models for the stand-in are made with onnx")

from edge_mef.bundle import Bundle
from edge_mef.runtimes.tensorrt import TensorRTRuntime
from tests.runtimes.standin_cuda import FOREIGN
from tests.runtimes.tensorrt_names import VERSIONS
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


def side_by_side(count: int, work: Callable[[int], None]) -> None:
    """Run on so many threads at once, and raise what they raise."""
    failures: list[BaseException] = []

    def guarded(index: int) -> None:
        try:
            work(index)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def contexts(device: Device) -> int:
    return device.trt.contexts


def meet(started: threading.Event, go: threading.Event) -> Callable[[], None]:
    def work() -> None:
        started.set()
        assert go.wait(20)

    return work


def hold(device: Device, parties: int) -> None:
    """Have every execution wait until so many are under way, which proves that they are."""
    device.trt.meeting = threading.Barrier(parties, timeout=20)


@pytest.mark.parametrize("version", VERSIONS)
def test_two_threads_run_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: Bundle, version: str
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", version)
    with TensorRTRuntime(bundle) as runtime:
        assert (runtime.lanes, contexts(device)) == (2, 1)
        hold(device, 2)

        def work(index: int) -> None:
            for seed in range(3):
                taken = frames(20 + index, 30, seed=10 * index + seed)
                assert np.array_equal(runtime.run(taken), expected(bundle, taken))

        side_by_side(2, work)
        assert contexts(device) == 2
        assert runtime.describe()["lanes"] == "2 of 2"
    assert not device.blocks.left
    assert list(device.gpu.streams) == [1]


def test_more_threads_share_two_lanes(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle) as runtime:

        def work(index: int) -> None:
            taken = frames(16 + index % 3, 20, seed=index)
            out = runtime.host_buffer(taken[0].shape)
            assert runtime.run(taken, out) is out
            assert np.array_equal(out, expected(bundle, taken))

        side_by_side(8, work)
        assert contexts(device) <= 2
    assert not device.blocks.left


def test_one_thread_needs_one_lane(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle) as runtime:
        for seed in range(3):
            runtime.run(frames(16, 16, seed=seed))
        other = threading.Thread(target=runtime.run, args=(frames(16, 16),))
        other.start()
        other.join()
        assert contexts(device) == 1
        assert runtime.describe()["lanes"] == "1 of 2"


def test_a_second_lane_that_does_not_fit(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle) as runtime:
        device.trt.faults["context"] = 1
        started, go = threading.Event(), threading.Event()
        device.trt.before = meet(started, go)
        first = threading.Thread(target=runtime.run, args=(frames(16, 16),))
        first.start()
        assert started.wait(20)
        device.trt.before = lambda: None
        fused: list[Frame] = []
        second = threading.Thread(target=lambda: fused.append(runtime.run(frames(20, 20))))
        second.start()
        while device.trt.faults["context"]:
            assert second.is_alive()
            time.sleep(0.01)
        go.set()
        first.join()
        second.join()
        assert np.array_equal(fused[0], expected(bundle, frames(20, 20)))
        told = "1 of 2 (the memory of the GPU is not enough: use smaller frames)"
        assert runtime.describe()["lanes"] == told


def test_closing_waits_for_what_runs(device: Device, bundle: Bundle) -> None:
    runtime = TensorRTRuntime(bundle)
    started, go = threading.Event(), threading.Event()
    device.trt.before = meet(started, go)
    fused: list[Frame] = []
    thread = threading.Thread(target=lambda: fused.append(runtime.run(frames(16, 16))))
    thread.start()
    assert started.wait(20)
    closing = threading.Thread(target=runtime.close)
    closing.start()
    while not runtime._lanes._closed:
        assert closing.is_alive()
        time.sleep(0.01)
    with pytest.raises(BundleError, match="was closed"):
        runtime.run(frames(16, 16))
    go.set()
    thread.join()
    closing.join()
    assert np.array_equal(fused[0], expected(bundle, frames(16, 16)))
    assert not device.blocks.left


def test_a_thread_that_goes_on_does_not_keep_the_engine(device: Device, bundle: Bundle) -> None:
    runtime = TensorRTRuntime(bundle)
    assert runtime._engine is not None
    engine = weakref.ref(runtime._engine.engine)
    ran, end = threading.Event(), threading.Event()

    def work() -> None:
        runtime.run(frames(16, 16))
        ran.set()
        end.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    assert ran.wait(20)
    runtime.close()
    assert engine() is None
    end.set()
    thread.join()


def test_graphs_on_several_threads_and_sizes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: Bundle
) -> None:
    for integrated in (False, True):
        device = make_device(monkeypatch, tmp_path / "cache", integrated=integrated)
        with TensorRTRuntime(bundle, cuda_graph=True) as runtime:

            def work(index: int, runtime: TensorRTRuntime = runtime) -> None:
                out = runtime.host_buffer((20 + index % 2, 30, 3))
                for seed in range(4):
                    plain = frames(20 + index % 2, 30, seed=seed)
                    taken = lend(runtime, plain) if seed % 2 else plain
                    runtime.run(taken, out)
                    assert np.array_equal(out, expected(bundle, plain))

            side_by_side(4, work)
            assert device.gpu.captures <= 4, "a lane captures each of two sizes once"
            assert device.gpu.captures + device.gpu.launches == 16
        assert device.gpu.nothing_left()
        assert not device.blocks.left


def test_two_sizes_have_a_context_each_for_their_graphs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: Bundle
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache")
    with TensorRTRuntime(bundle, cuda_graph=True) as runtime:
        for size in ((20, 30), (30, 20), (20, 30), (40, 20), (30, 20)):
            taken = frames(*size)
            assert np.array_equal(runtime.run(taken), expected(bundle, taken))
        assert contexts(device) == 2


def test_another_librarys_device_stays_current(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: Bundle
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache")
    device.cuda.driver.cuCtxSetCurrent(FOREIGN)
    runtime = TensorRTRuntime(bundle)
    buffers = [runtime.host_buffer((16, 16, 3))]

    def refused() -> None:
        device.trt.faults["execute"] = 1
        with pytest.raises(FrameTooLargeError):
            runtime.run(frames(16, 16))

    calls: list[Callable[[], object]] = [
        lambda: runtime.run(frames(16, 16), buffers[0]),
        runtime.device_bytes,
        refused,
        runtime.close,
    ]
    for call in calls:
        call()
        assert (device.cuda.context.handle, device.cuda.context.device) == (FOREIGN, 1)
    buffers.clear()
    assert device.cuda.context.handle == FOREIGN
    assert not device.blocks.left


def test_in_old_versions_lanes_share_the_sizes_by_a_flag(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: Bundle
) -> None:
    for version in VERSIONS:
        device = make_device(monkeypatch, tmp_path / version, version)
        TensorRTRuntime(bundle).close()
        old = version.startswith("8.")
        assert device.trt.builds[0]["config"].previews == (
            {"PROFILE_SHARING_0806"} if old else set()
        )


def test_a_stream_of_brackets(device: Device, bundle: Bundle) -> None:
    with Fuser(bundle, TensorRTRuntime(bundle)) as fuser:
        assert fuser.lanes == 2
        brackets = [frames(32, 40, seed=seed) for seed in range(12)]
        with fuser.stream() as stream:
            for fused, bracket in zip(stream.fuse_all(brackets), brackets, strict=True):
                assert np.array_equal(fused.pixels, expected(bundle, bracket))
        assert contexts(device) <= 2
        del fused, stream
    assert not device.blocks.left
