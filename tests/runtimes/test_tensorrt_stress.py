"""Everything at once: threads, kinds of memory, sizes, and closing in the middle."""

import gc
import random
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edge_mef.errors import BundleError

pytest.importorskip("onnx", reason="models for the stand-in are made with onnx")

from edge_mef.exposures import Frame
from edge_mef.runtimes.tensorrt import TensorRTRuntime
from tests.runtimes.standin_array import DlpackArray, read
from tests.runtimes.trt_device import Device, expected, frames, lend, make_bundle, make_device

SIZES = ((16, 20), (20, 16), (18, 18))
SEEDS, RUNS = range(3), 40


class Work:
    """One thread that fuses in every way until the runtime is closed."""

    def __init__(self, runtime: TensorRTRuntime, device: Device, seed: int) -> None:
        self.runtime, self.device, self.random = runtime, device, random.Random(seed)
        self.stream = device.gpu.open_stream()
        self.runs, self.failure = 0, ""

    def __call__(self, right: dict[tuple[tuple[int, int], int], Frame]) -> None:
        try:
            while True:
                key = self.random.choice(list(right))
                way = self.random.choice((self.plain, self.lent, self.on_device))
                if not np.array_equal(way(frames(*key[0], seed=key[1])), right[key]):
                    self.failure = f"{way.__name__} of {key} is wrong"
                self.runs += 1
                if self.random.random() < 0.02:
                    gc.collect()
        except BundleError as error:
            if "closed" not in str(error):
                self.failure = str(error)
        except BaseException as error:
            self.failure = repr(error)

    def plain(self, taken: list[Frame]) -> Frame:
        return self.runtime.run(taken)

    def lent(self, taken: list[Frame]) -> Frame:
        return self.runtime.run(lend(self.runtime, taken), self.runtime.host_buffer(taken[0].shape))

    def on_device(self, taken: list[Frame]) -> Frame:
        arrays = [DlpackArray(self.device.gpu, frame, self.stream) for frame in taken]
        try:
            fused = self.runtime.run_device(arrays)
            told = fused.__cuda_array_interface__  # type: ignore[union-attr]
            return read(self.device.gpu, told["data"][0], told["shape"])
        finally:
            self.stream.synchronize()
            for array in arrays:
                array.free()


@pytest.mark.parametrize(
    ("memory", "integrated", "graph"),
    [("cuda-python", False, True), ("cuda-python", True, False), ("pycuda", True, False)],
)
def test_everything_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, memory: str, integrated: bool, graph: bool
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", memory=memory, integrated=integrated)
    bundle = make_bundle(tmp_path / "bundle")
    keys = [(size, seed) for size in SIZES for seed in SEEDS]
    right = {key: expected(bundle, frames(*key[0], seed=key[1])) for key in keys}
    runtime = TensorRTRuntime(bundle, cuda_graph=graph)
    works = [Work(runtime, device, seed) for seed in range(5)]
    threads = [threading.Thread(target=work, args=(right,)) for work in works]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 20
    while min(work.runs for work in works) < RUNS and time.monotonic() < until:
        time.sleep(0.02)
    runtime.close()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert [work.failure for work in works if work.failure] == []
    assert min(work.runs for work in works) >= RUNS
    gc.collect()
    assert device.gpu.nothing_left()
    assert not device.blocks.left
