"""The runtimes' table: chosen by name or by what is there, imported only then."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import BundleError, InputError, MissingError
from edge_mef.fuser import Fuser
from edge_mef.runtimes import table
from edge_mef.runtimes.table import RUNTIMES, is_installed, open_runtime


@pytest.fixture
def without_artefacts() -> Bundle:
    loaded = load_bundle()
    return Bundle(loaded.folder, loaded.manifest.model_copy(update={"artefacts": ()}))


def test_every_row_names_itself() -> None:
    for name, row in RUNTIMES.items():
        assert row.name == name
        assert row.install.startswith("pip install ")
        assert row.module.startswith("edge_mef.runtimes.")


@pytest.mark.parametrize("name", [None, "onnxruntime"])
def test_a_runtime_is_opened(name: str | None) -> None:
    with open_runtime(load_bundle(), name, threads=1) as runtime:
        assert runtime.name == "onnxruntime"


def test_an_unknown_runtime() -> None:
    with pytest.raises(InputError, match=r"no runtime called 'abacus'; known are: .*onnxruntime"):
        open_runtime(load_bundle(), "abacus")


@pytest.mark.parametrize("name", [None, "onnxruntime"])
def test_nothing_that_it_could_run(without_artefacts: Bundle, name: str | None) -> None:
    with pytest.raises(BundleError, match=r"no runtime of this version|holds no onnx artefact"):
        open_runtime(without_artefacts, name)


def test_a_missing_package_gives_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "is_installed", lambda _: False)
    with pytest.raises(MissingError, match=r"not installed: pip install edge-mef$"):
        open_runtime(load_bundle())


def test_a_package_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise ImportError("DLL load failed")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(MissingError, match=r"cannot be loaded here \(DLL load failed\): install"):
        open_runtime(load_bundle())


@pytest.mark.parametrize("threads", [0, -4, 10**9])
def test_impossible_threads(threads: int) -> None:
    with pytest.raises(InputError, match=f"threads, found {threads}"):
        open_runtime(load_bundle(), threads=threads)


def test_whether_a_package_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_installed(RUNTIMES["onnxruntime"])
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.setattr("sys.modules", {})
    assert not is_installed(RUNTIMES["onnxruntime"])


@pytest.mark.parametrize("name", ["onnxruntime", "tensorrt", "coreml", "mil"])
def test_a_row_names_the_options_of_its_class(name: str) -> None:
    row = RUNTIMES[name]
    opened = getattr(importlib.import_module(row.module), row.class_name)
    known = {"provider", "cuda_graph", "profile"}
    assert set(row.options) == known & set(inspect.signature(opened).parameters)


@pytest.mark.parametrize("name", [None, "onnxruntime"])
def test_options_that_are_taken(name: str | None) -> None:
    asked: dict[str, Any] = {"provider": "CPUExecutionProvider", "profile": True}
    with open_runtime(load_bundle(), name, threads=1, cuda_graph=False, **asked) as runtime:
        assert runtime.layer_times() == ()
        assert runtime.describe()["provider"] == "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("name", "asked", "told"),
    [
        (None, {"cuda_graph": True}, "'onnxruntime' does not take the option cuda_graph: leave it "
         "out, or choose tensorrt$"),
        ("tensorrt", {"provider": "TensorRT"}, "'tensorrt' does not take the option provider: .* "
         "onnxruntime or openvino or coreml$"),
        ("mil", {"profile": True}, "'mil' does not take the option profile: leave it out, or "
         "choose tensorrt or onnxruntime or openvino$"),
    ],
)  # fmt: skip
def test_options_that_are_not_taken(
    name: str | None, asked: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = load_bundle()
    row = RUNTIMES[name or "onnxruntime"]
    monkeypatch.setattr(table, "_choose", lambda *_: row)
    with pytest.raises(InputError, match=told):
        open_runtime(bundle, name, **asked)


def test_options_reach_the_runtime_from_the_fuser() -> None:
    with Fuser.open(threads=1, provider="CPUExecutionProvider", profile=True) as fuser:
        assert fuser.runtime.layer_times() == ()
    with pytest.raises(MissingError, match="no execution provider 'Abacus'"):
        Fuser.open(provider="Abacus")
    with pytest.raises(InputError, match="option cuda_graph"):
        Fuser.open(runtime="onnxruntime", cuda_graph=True)
