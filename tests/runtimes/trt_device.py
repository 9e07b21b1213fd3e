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
from edge_mef.runtimes.cuda_memory import CudaMemory
from edge_mef.runtimes.trt_plan import MODEL_FILE, PLAN_FILE, EnginePlan, Profile, encode_plan
from tests.runtimes.standin_cuda import Driver, PyCuda, cuda_python
from tests.runtimes.standin_stream import Blocks, Stream
from tests.runtimes.standin_tensorrt import StandIn
from tests.runtimes.tiny_models import portable_model

PROFILE = Profile(smallest=(16, 16), usual=(48, 64), largest=(200, 300))


@dataclass
class Device:
    """What the stand-ins saw, and where engines are kept."""

    trt: StandIn
    driver: Driver
    blocks: Blocks
    stream: Stream
    cuda: Any
    cache: Path

    def engines(self) -> list[Path]:
        return sorted((self.cache / "engines").glob("*/*.engine"))


def make_device(
    monkeypatch: pytest.MonkeyPatch, cache: Path, version: str, memory: str = "cuda-python"
) -> Device:
    """Put the stand-ins where programs look for the real ones."""
    blocks, driver = Blocks(), Driver()
    stream = Stream(blocks)
    trt = StandIn(version, stream)
    other = cuda_python(stream) if memory == "cuda-python" else PyCuda(stream)
    for name in ("cuda", "cuda.bindings", "cuda.bindings.runtime", "pycuda", "pycuda.driver"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "tensorrt", trt)
    monkeypatch.setitem(sys.modules, other.__name__, other)
    load = ctypes.CDLL
    monkeypatch.setattr(
        ctypes, "CDLL", lambda name, *a, **k: driver if "cuda" in str(name) else load(name, *a, **k)
    )
    monkeypatch.setenv("EDGE_MEF_CACHE", str(cache))
    return Device(trt, driver, blocks, stream, other, cache)


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


def leaves_nothing(memory: CudaMemory | None, device: Device) -> bool:
    """Say whether all device memory was freed."""
    return memory is None and not device.blocks.left
