"""ONNX Runtime: it gives the golden frames, and says plainly what it cannot load."""

from pathlib import Path

import numpy as np
import pytest

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import BundleError
from edge_mef.exposures import Frame
from edge_mef.runtimes.onnxruntime import OnnxRuntime


@pytest.mark.parametrize("threads", [None, 1, 2])
def test_the_golden_frames_of_the_shipped_bundle(threads: int | None) -> None:
    loaded = load_bundle()
    with np.load(loaded.folder / "golden.npz", allow_pickle=False) as golden:
        frames = [golden[name] for name in loaded.manifest.contract.inputs]
        expected = golden["fused"].astype(int)
    with OnnxRuntime(loaded, threads=threads) as runtime:
        difference = np.abs(runtime.run(frames) - expected).max()
    assert difference <= 1, f"{difference} grey levels"


def test_it_describes_itself() -> None:
    with OnnxRuntime(load_bundle(), threads=2) as runtime:
        described = runtime.describe()
    assert described["runtime"].startswith("onnxruntime 1.")
    assert described["provider"] == "CPUExecutionProvider"
    assert described["threads"] == "2"


def test_once_closed_it_does_not_run(pair: tuple[Frame, Frame]) -> None:
    runtime = OnnxRuntime(load_bundle())
    runtime.close()
    runtime.close()
    with pytest.raises(BundleError, match="closed"):
        runtime.run(pair)


def test_a_model_that_is_none(bundle: Path) -> None:
    loaded = load_bundle(bundle)
    (bundle / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(BundleError, match=r"model\.onnx cannot be loaded by ONNX Runtime"):
        OnnxRuntime(loaded)


def test_a_bundle_for_other_runtimes() -> None:
    loaded = load_bundle()
    other = Bundle(loaded.folder, loaded.manifest.model_copy(update={"artefacts": ()}))
    with pytest.raises(BundleError, match="holds no ONNX artefact"):
        OnnxRuntime(other)


def test_frames_that_the_model_does_not_take(pair: tuple[Frame, Frame]) -> None:
    wrong = [frame[..., :2] for frame in pair]
    with (
        OnnxRuntime(load_bundle()) as runtime,
        pytest.raises(BundleError, match="could not run the bundle"),
    ):
        runtime.run(wrong)
