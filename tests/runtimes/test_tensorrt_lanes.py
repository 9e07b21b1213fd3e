"""TensorRT on several threads, and on memory that it lends: pinned, or mapped on a Jetson."""

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
    MEMORIES,
    Device,
    expected,
    frames,
    make_bundle,
    make_device,
)

KINDS = [(memory, integrated) for memory in MEMORIES for integrated in (False, True)]


@pytest.fixture(params=KINDS, ids=[f"{m}-{'integrated' if i else 'card'}" for m, i in KINDS])
def device(request: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Device:
    memory, integrated = request.param
    return make_device(monkeypatch, tmp_path / "cache", memory=memory, integrated=integrated)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "bundle")


def lend(runtime: TensorRTRuntime, taken: list[Frame]) -> list[Frame]:
    """Return copies of frames in memory of the runtime."""
    copies = [runtime.host_buffer(frame.shape) for frame in taken]
    for copy, frame in zip(copies, taken, strict=True):
        copy[:] = frame
    return copies


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
