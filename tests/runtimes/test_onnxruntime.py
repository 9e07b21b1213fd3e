"""ONNX Runtime: it gives the golden frames, and says plainly what it cannot load."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import BundleError, MissingError
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


def test_a_provider_by_its_name(pair: tuple[Frame, Frame]) -> None:
    with OnnxRuntime(load_bundle(), provider="CPUExecutionProvider", threads=1) as runtime:
        assert runtime.describe()["device"] == "CPU"
        named = runtime.run(pair)
        assert runtime.device_bytes() is None
    with OnnxRuntime(load_bundle(), threads=1) as runtime:
        np.testing.assert_array_equal(runtime.run(pair), named)


@pytest.mark.parametrize("provider", ["AbacusExecutionProvider", ""])
def test_a_provider_that_this_build_lacks(provider: str) -> None:
    told = f"no execution provider '{provider}' here, only: .*CPUExecutionProvider: name one of"
    with pytest.raises(MissingError, match=told):
        OnnxRuntime(load_bundle(), provider=provider)


class Session:
    """A session whose first provider cannot be started, or can."""

    starts = True

    def __init__(self, path: str, options: Any, providers: list[str]) -> None:
        self.providers = providers if self.starts else providers[1:]
        self.fallback = True

    def get_providers(self) -> list[str]:
        return self.providers

    def disable_fallback(self) -> None:
        self.fallback = False

    def run(self, names: Any, feeds: Any) -> Any:
        assert not self.fallback, "a run that fails would go on with another provider"
        return [feeds["exposure_0"]]


@pytest.fixture
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: known)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)


@pytest.mark.usefixtures("with_cuda")
def test_a_provider_that_starts(pair: tuple[Frame, Frame]) -> None:
    with OnnxRuntime(load_bundle("ffmef"), provider="CUDAExecutionProvider") as runtime:
        described = runtime.describe()
        np.testing.assert_array_equal(runtime.run(pair), pair[0])
    assert (described["device"], described["provider"]) == ("CUDA", "CUDAExecutionProvider")


@pytest.mark.usefixtures("with_cuda")
@pytest.mark.parametrize("name", ["ffmef", "ffmef-edge"])
def test_a_provider_that_is_dropped(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(Session, "starts", False)
    told = "could not start 'CUDAExecutionProvider' here and would run on CPUExecutionProvider: ins"
    with pytest.raises(MissingError, match=told):
        OnnxRuntime(load_bundle(name), provider="CUDAExecutionProvider")
