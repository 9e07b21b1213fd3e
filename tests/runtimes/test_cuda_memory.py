"""The layer over CUDA: the same for cuda-python and pycuda, on a GPU of its own and integrated."""

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef.errors import BundleError, FrameTooLargeError, MissingError

pytest.importorskip("onnx", reason="the stand-ins are made with onnx")

from edge_mef.runtimes.cuda_memory import LEGACY_STREAM, CudaDevice, Pinned, open_cuda
from edge_mef.runtimes.lent_memory import LentMemory
from tests.runtimes.standin_cuda import FOREIGN, PRIMARY
from tests.runtimes.trt_device import CUDA_MODULES, KINDS, Device, make_device


@pytest.fixture(params=KINDS, ids=str)
def cuda_kind(request: Any) -> Any:
    return request.param


@pytest.fixture
def cuda_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Device:
    return make_device(monkeypatch, tmp_path)


def some(size: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)


def test_copies_in_on_and_out(device: Device) -> None:
    cuda = open_cuda()
    assert cuda.integrated is device.gpu.integrated
    with cuda.active():
        stream, there, beside = cuda.open_stream(), cuda.allocate(1000), cuda.allocate(1000)
        source, target = cuda.pin(1000), cuda.pin(1000)
        source.array[:], target.array[:] = some(1000), 0
        assert (source.device is not None) is device.gpu.integrated
        assert source.device != source.address
        stream.copy_in(there, source.array)
        stream.copy(beside, there, 1000)
        stream.copy_out(target.array, beside)
        assert not target.array.any(), "nothing runs before it is waited for"
        stream.synchronize()
        assert np.array_equal(target.array, some(1000))
        assert cuda.allocated == 2000
        assert cuda.free_bytes() == device.blocks.total - 2000
        stream.close()
        for address in (there, beside):
            cuda.free(address)
        for pinned in (source, target):
            cuda.unpin(pinned)
        assert cuda.allocated == 0
    cuda.close()
    cuda.close()
    assert not device.blocks.left


def test_a_stream_waits_for_that_of_somebody_else(device: Device) -> None:
    theirs, done = device.gpu.open_stream(), list[str]()
    theirs.begin(lambda: done.append("theirs"))
    cuda = open_cuda()
    with cuda.active():
        stream = cuda.open_stream()
        stream.wait_for(theirs.handle)
        theirs.begin(lambda: done.append("later"))
        stream.synchronize()
        assert done[:1] == ["theirs"]
        device.gpu.streams[LEGACY_STREAM].begin(lambda: done.append("default"))
        stream.wait_for(LEGACY_STREAM)
        stream.synchronize()
        assert "default" in done
        stream.close()
    cuda.close()
    assert not device.gpu.events


@pytest.mark.parametrize("call", ["allocate", "pin"])
def test_too_little_memory(device: Device, call: str) -> None:
    cuda = open_cuda()
    device.blocks.limit = device.blocks.pinned_limit = 100
    told = {"allocate": "the memory of the GPU is not", "pin": "this machine for copies to the GPU"}
    with cuda.active(), pytest.raises(FrameTooLargeError, match=told[call]):
        getattr(cuda, call)(101)
    cuda.close()


def test_what_was_current_is_current_again(cuda_python: Device) -> None:
    fake = cuda_python.cuda
    cuda = open_cuda()
    for before, index in ((PRIMARY + 1, 1), (FOREIGN, 1), (PRIMARY, 0)):
        fake.driver.cuCtxSetCurrent(before)
        with cuda.active(), cuda.active():
            assert fake.context.handle == PRIMARY
            cuda.free(cuda.allocate(8))
        assert (fake.context.handle, fake.context.device) == (before, index)


def test_a_thread_without_a_context_keeps_its_device(cuda_python: Device) -> None:
    fake, found = cuda_python.cuda, list[int]()
    cuda = open_cuda()

    def work() -> None:
        fake.context.device, fake.context.handle = 1, 0
        with cuda.active():
            cuda.free(cuda.allocate(8))
        found.append(fake.context.device)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [1]


def test_the_device_comes_back_after_an_error(cuda_python: Device) -> None:
    cuda = open_cuda()
    cuda_python.cuda.driver.cuCtxSetCurrent(FOREIGN)
    with (
        pytest.raises(BundleError, match="CUDA failed in cudaFree: invalid: restart"),
        cuda.active(),
    ):
        cuda.free(12345)
    assert cuda_python.cuda.context.handle == FOREIGN


def test_pycuda_leaves_the_stack_as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = make_device(monkeypatch, tmp_path, memory="pycuda")
    device.cuda.stack.append("foreign")
    cuda = open_cuda()
    with cuda.active():
        cuda.free(cuda.allocate(8))
    assert device.cuda.stack == ["foreign"]
    with pytest.raises(BundleError, match="CUDA failed: the context is not current"):
        cuda.allocate(8)
    cuda.close()


def test_graphs(device: Device) -> None:
    cuda = open_cuda()
    with cuda.active():
        stream, there, pinned = cuda.open_stream(), cuda.allocate(8), cuda.pin(8)
        if cuda.graphs:
            pinned.array[:] = 7
            graph = stream.capture(lambda: stream.copy_in(there, pinned.array))
            stream.launch(graph)
            stream.synchronize()
            stream.destroy(graph)
            with pytest.raises(BundleError, match="cudaGraphLaunch: invalid"):
                stream.launch(graph)
        else:
            for call in (lambda: stream.capture(lambda: None), lambda: stream.launch(0)):
                with pytest.raises(MissingError, match="which has none: pip install"):
                    call()
        assert device.gpu.nothing_left()


def test_waiting_in_a_capture_is_refused(cuda_python: Device) -> None:
    cuda = open_cuda()
    with cuda.active():
        stream = cuda.open_stream()
        with pytest.raises(BundleError, match="cudaStreamSynchronize: unsupported"):
            stream.capture(stream.synchronize)
        stream.close()


def test_others_may_go_on_while_this_thread_captures(cuda_python: Device) -> None:
    cuda = open_cuda()

    def elsewhere() -> None:
        with cuda.active():
            cuda.free(cuda.allocate(8))

    def work() -> None:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    with cuda.active():
        stream = cuda.open_stream()
        stream.destroy(stream.capture(work))
        with pytest.raises(BundleError, match="cudaMalloc: unsupported"):
            stream.capture(lambda: cuda.free(cuda.allocate(8)))
        stream.close()
    assert not cuda_python.blocks.left


def test_the_older_names_of_cuda_python(
    cuda_python: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = cuda_python.cuda
    for name in CUDA_MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name, module in (("cuda.cudart", fake.runtime), ("cuda.cuda", fake.driver)):
        monkeypatch.setitem(sys.modules, name, module)
    assert open_cuda().name == "cuda-python"


def test_neither_is_installed(cuda_python: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CUDA_MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(MissingError, match="'cuda-python' or 'pycuda', and neither is"):
        open_cuda()


def lent(device: Device) -> tuple[CudaDevice, LentMemory]:
    cuda = open_cuda()
    return cuda, LentMemory(cuda)


def test_lent_arrays_are_known_by_where_they_lie(device: Device) -> None:
    _, memory = lent(device)
    array = memory.host_array((4, 5, 3))
    array[:] = 3
    assert array.flags.writeable
    for part, offset in ((array, 0), (array[1:3], 15), (array.reshape(-1)[7:9], 7)):
        place = memory.find(part)
        assert place is not None
        base = next(iter(device.blocks.host))
        mapped = device.gpu.integrated
        assert place.device == (base + (1 << 60) + offset if mapped else None)
    for other in (array[:, :2], array[::-1], array.copy(), np.zeros((4, 5, 3), np.uint8)):
        assert memory.find(other) is None
    assert memory.host_array((0, 0, 3)).shape == (0, 0, 3)


def test_lent_memory_is_freed_once_when_the_last_look_at_it_is_gone(device: Device) -> None:
    cuda, memory = lent(device)
    first = memory.host_array((10, 10, 3))
    part = first[2:4]
    del first
    with cuda.active():
        memory.collect()
    assert len(device.blocks.host) == 1
    part[:] = 9
    del part
    assert len(device.blocks.host) == 1, "freed only where nothing is captured"
    with cuda.active():
        memory.collect()
        memory.collect()
    assert not device.blocks.left
    memory.close()


def test_lent_memory_outlives_the_device(device: Device) -> None:
    _, memory = lent(device)
    kept, dropped, block = memory.host_array((8,)), memory.host_array((9,)), memory.block(64)
    del dropped
    memory.close()
    assert len(device.blocks.left) == 2
    kept[:] = 5
    assert kept.sum() == 40
    with pytest.raises(BundleError, match="closed"):
        memory.host_array((8,))
    held = [block]
    del block
    elsewhere = threading.Thread(target=held.clear)
    elsewhere.start()
    elsewhere.join()
    assert len(device.blocks.left) == 1
    assert not getattr(device.cuda, "detached", False)
    del kept
    assert not device.blocks.left
    assert getattr(device.cuda, "detached", True)


def test_closing_waits_for_what_is_being_freed(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda, memory = lent(device)
    entered, go, unpin = threading.Event(), threading.Event(), cuda.unpin

    def slow(pinned: Pinned) -> None:
        entered.set()
        assert go.wait(20)
        unpin(pinned)

    def collect() -> None:
        with cuda.active():
            memory.collect()

    monkeypatch.setattr(cuda, "unpin", slow)
    memory.host_array((8,))
    threads = [threading.Thread(target=work) for work in (collect, memory.close)]
    threads[0].start()
    assert entered.wait(20)
    threads[1].start()
    threads[1].join(0.1)
    assert threads[1].is_alive(), "else the context would be gone before its memory"
    go.set()
    for thread in threads:
        thread.join()
    assert not device.blocks.left


def test_memory_dropped_in_a_capture_does_not_break_it(cuda_python: Device) -> None:
    cuda, memory = lent(cuda_python)
    arrays = [memory.host_array((8,)), memory.host_array((8,))]
    with cuda.active():
        stream = cuda.open_stream()
        stream.destroy(stream.capture(arrays.clear))
        memory.collect()
        stream.close()
    assert not cuda_python.blocks.left
    memory.close()
