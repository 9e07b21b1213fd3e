"""A disk that is full in the middle of an export: one sentence, and the older bundle as it was."""

import errno
import gc
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import pytest

from edge_mef import bundle as bundle_module
from edge_mef.bundle import load_bundle
from edge_mef.errors import GateError, OutputError
from edge_mef.export import build, coreml
from edge_mef.export.artefacts import Artefact
from edge_mef.export.onnx import OnnxArtefact, describe_model
from edge_mef.export.temporary import conversion_folder
from edge_mef.saving import write_atomically
from tests.conftest import Result, RunCli, contents
from tests.coreml import WEIGHTS, conversion

SIZE = (32, 48)
OWN_FILES = {
    "onnx": "application-9.onnx",
    "openvino": "analysis.bin",
    "trt": "trt.onnx",
    "coreml": WEIGHTS,
}
Export = Callable[[str], Result]


def fill_the_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def files_of(most: int) -> Iterator[None]:
    """No file may be longer: what a library written in C++ meets on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def full_at(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The disk is full while the bundle's file of this name is written."""

    def write_or_fail(path: Path, data: bytes) -> None:
        with monkeypatch.context() as full:
            if path.as_posix().endswith(f"/{name}"):
                full.setattr(os, "fsync", fill_the_disk)
            write_atomically(path, data)

    monkeypatch.setattr(bundle_module, "write_atomically", write_or_fail)


def left_in(folder: Path) -> list[str]:
    """Names of what is left, without torch's own cache."""
    gc.collect()  # what an error held
    names = (path.name for path in folder.iterdir())
    return [name for name in names if not name.startswith("torchinductor")]


@pytest.fixture(scope="module")
def portable() -> dict[str, OnnxArtefact]:
    """The ONNX models that every bundle holds; converting them from torch is not what is tested."""
    ours = load_bundle("ffmef-edge")
    entries = (a for a in ours.manifest.artefacts if a.format == "onnx")
    return {a.file: describe_model(onnx.load(ours.path_of(a))) for a in entries}


@pytest.fixture(scope="module")
def package() -> list[Artefact]:
    return coreml.convert(conversion("ffmef-edge", sizes=(SIZE,)))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def export(
    run_cli: RunCli,
    monkeypatch: pytest.MonkeyPatch,
    portable: dict[str, OnnxArtefact],
    bundle: Path,
    temporary: Path,
) -> Export:
    """Export over an older bundle, and see that it failed and changed nothing."""
    monkeypatch.setattr(build, "_models", lambda *_: portable)
    before, beside = contents(bundle), sorted(bundle.parent.iterdir())

    def run(target: str) -> Result:
        options = ("--sizes", "32x48") if target == "coreml" else ()
        result = run_cli("export", "--target", target, "-o", bundle, "--no-verify", *options)
        *notes, last = result.err.splitlines()
        assert all(note.startswith("note: ") for note in notes)
        assert last.startswith("error: ")
        assert (result.code, result.out) == (2, "")
        assert contents(bundle) == before
        assert sorted(bundle.parent.iterdir()) == beside
        assert left_in(temporary) == []
        return Result(result.code, "", last)

    return run


@pytest.mark.parametrize("moment", ["own file", "manifest"])
@pytest.mark.parametrize("target", OWN_FILES)
def test_while_the_bundle_is_written(
    export: Export,
    monkeypatch: pytest.MonkeyPatch,
    package: list[Artefact],
    target: str,
    moment: str,
) -> None:
    monkeypatch.setattr(coreml, "convert", lambda _: package)
    name = OWN_FILES[target] if moment == "own file" else "manifest.json"
    full_at(monkeypatch, name)
    sentence = export(target).sentence
    assert "the disk is full" in sentence
    assert name in sentence


@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")  # coremltools
@pytest.mark.parametrize(
    ("target", "most"),
    [
        pytest.param("openvino", 20_000, id="our file for OpenVINO"),
        pytest.param("openvino", 90_000, id="OpenVINO's own file"),
        pytest.param("coreml", 5_000, id="the weights that coremltools puts aside"),
    ],
)
def test_while_a_library_converts(export: Export, temporary: Path, target: str, most: int) -> None:
    with files_of(most):
        result = export(target)
    assert f"the disk of the temporary folder '{temporary}' is full: make room" in result.sentence


def test_while_coremltools_saves(
    export: Export, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    def save_a_part(_: Any, path: str) -> None:
        Path(path).mkdir()
        fill_the_disk()

    monkeypatch.setattr("coremltools.models.MLModel.save", save_a_part)
    assert f"the disk of the temporary folder '{temporary}' is full" in export("coreml").sentence


def test_what_a_library_says_without_a_number(temporary: Path) -> None:
    """The disk is asked, and other failures stay what they are."""
    with files_of(1000), pytest.raises(OutputError, match="is full"), conversion_folder():
        raise GateError("something went wrong")
    with pytest.raises(GateError, match="something went wrong"), conversion_folder():
        raise GateError("something went wrong")
    assert left_in(temporary) == []


def test_a_temporary_folder_that_cannot_be_made(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "mkdtemp", fill_the_disk)
    with pytest.raises(OutputError, match=f"'{temporary}' is full"), conversion_folder():
        pytest.fail("there is no folder")


@pytest.mark.parametrize("packed", [False, True])
def test_a_conversion_leaves_nothing_behind(temporary: Path, packed: bool) -> None:
    options: dict[str, Any] = {"ios": 18, "weights_only": True} if packed else {}
    coreml.convert(conversion("ffmef-edge", "fp16", sizes=(SIZE,), **options))
    assert left_in(temporary) == []
