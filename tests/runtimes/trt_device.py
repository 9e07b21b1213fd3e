"""A device made of stand-ins, and bundles to run on it."""

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from edge_mef.bundle import BUNDLES_FOLDER, Bundle, describe_files, load_bundle, write_bundle
from edge_mef.export.proof import count_precisions
from edge_mef.export.trt_graph import tensorrt_model
from edge_mef.exposures import Frame
from edge_mef.manifest import ArtefactEntry, Precision
from edge_mef.runtimes.base import Runtime
from edge_mef.runtimes.trt_plan import MODEL_FILE, PLAN_FILE, EnginePlan, Profile, encode_plan
from tests.runtimes.standin_cuda import CudaPython, Driver
from tests.runtimes.standin_pycuda import PyCuda
from tests.runtimes.standin_stream import Blocks, Gpu
from tests.runtimes.standin_tensorrt import StandIn
from tests.runtimes.tiny_models import portable_model

MEMORIES = ("cuda-python", "pycuda")
KINDS = [(memory, integrated) for memory in MEMORIES for integrated in (False, True)]
CUDA_MODULES = ("cuda", "cuda.bindings", "cuda.bindings.runtime", "cuda.bindings.driver")
PROFILE = Profile(smallest=(16, 16), usual=(48, 64), largest=(200, 300))


@dataclass
class Device:
    """What the stand-ins saw, and where engines are kept."""

    trt: StandIn
    driver: Driver
    blocks: Blocks
    gpu: Gpu
    cuda: Any  # CudaPython or PyCuda
    cache: Path

    def engines(self) -> list[Path]:
        return sorted((self.cache / "engines").glob("*/*.engine"))


def make_device(
    monkeypatch: pytest.MonkeyPatch,
    cache: Path,
    version: str = "10.3.0",
    memory: str = "cuda-python",
    *,
    integrated: bool = False,
) -> Device:
    """Put the stand-ins where programs look for the real ones."""
    blocks = Blocks()
    gpu, driver = Gpu(blocks, integrated=integrated), Driver(blocks)
    trt = StandIn(version, gpu)
    cuda = CudaPython(gpu) if memory == "cuda-python" else PyCuda(gpu)
    for name in (*CUDA_MODULES, "pycuda", "pycuda.driver"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "tensorrt", trt)
    for module in cuda.modules():
        monkeypatch.setitem(sys.modules, module.__name__, module)
    load = ctypes.CDLL
    monkeypatch.setattr(
        ctypes, "CDLL", lambda name, *a, **k: driver if "cuda" in str(name) else load(name, *a, **k)
    )
    monkeypatch.setenv("EDGE_MEF_CACHE", str(cache))
    return Device(trt, driver, blocks, gpu, cuda, cache)


def make_bundle(folder: Path, precision: Precision = "fp32", **options: Any) -> Bundle:
    """Write a bundle with a tiny model for TensorRT; `options` go into the plan."""
    plain = load_bundle(BUNDLES_FOLDER / "ffmef")
    model = tensorrt_model(portable_model(precision))
    chosen: dict[str, Any] = {"profile": PROFILE, **options}
    plan = EnginePlan(
        precision=precision, inputs=("exposure_0", "exposure_1"), output="fused", **chosen
    )
    entry = ArtefactEntry(
        format="tensorrt",
        file=MODEL_FILE,
        precision=precision,
        version=17,
        operators={},
        proof=count_precisions(model),
    )
    files = {name: (plain.folder / name).read_bytes() for name in plain.manifest.files}
    files |= {MODEL_FILE: model.SerializeToString(), PLAN_FILE: encode_plan(plan)}
    artefacts = (*plain.manifest.artefacts, entry)
    manifest = plain.manifest.model_copy(
        update={"artefacts": artefacts, "files": describe_files(files)}
    )
    return write_bundle(folder, manifest, files)


def expected(bundle: Bundle, frames: list[Frame]) -> Frame:
    """Fuse with onnxruntime."""
    path = str(bundle.folder / MODEL_FILE)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds = {f"exposure_{i}": frame[None] for i, frame in enumerate(frames)}
    fused: Frame = session.run(None, feeds)[0][0]
    return fused


def frames(height: int, width: int, seed: int = 0) -> list[Frame]:
    """Return two frames of noise."""
    noise = np.random.default_rng(seed)
    return [noise.integers(0, 256, (height, width, 3)).astype(np.uint8) for _ in range(2)]


def lend(runtime: Runtime, taken: list[Frame]) -> list[Frame]:
    """Return copies of frames in memory of the runtime."""
    copies = [runtime.host_buffer(frame.shape) for frame in taken]
    for copy, frame in zip(copies, taken, strict=True):
        copy[:] = frame
    return copies
