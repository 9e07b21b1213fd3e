"""What tests share: data, a bundle and bracket to damage, and the program run in this process."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef.bundle import (
    BUNDLES_FOLDER,
    Bundle,
    describe_files,
    load_bundle,
    write_bundle,
)
from edge_mef.cli import main
from edge_mef.exposures import Frame
from edge_mef.manifest import Precision
from edge_mef.render.brackets import random_bracket
from edge_mef.saving import write_picture

ROOT = Path(__file__).resolve().parents[1]
MAIN = "from edge_mef.cli import main; main()"
LONGEST_RUN = 120  # seconds; far more than any of these programs takes

NEEDS_TORCH = [
    "edge_mef/models/*",
    "edge_mef/losses/*",
    "edge_mef/data/test_pairs*.py",
    "edge_mef/data/test_stacks*.py",
    "edge_mef/metrics/test_*_torch.py",
    "edge_mef/test_application*.py",
    "edge_mef/test_checkpoints*.py",
    "edge_mef/test_demo*.py",
    "edge_mef/test_edge_pipeline*.py",
    "edge_mef/test_fuser_edge*.py",
    "edge_mef/test_methods_torch*.py",
    "edge_mef/test_objectives*.py",
    "edge_mef/test_pipeline*.py",
    "edge_mef/test_training*.py",
    "edge_mef/test_validation*.py",
    "edge_mef/test_view*.py",
    "edge_mef/cli/test_demo*.py",
    "edge_mef/cli/test_export*.py",
    "edge_mef/cli/test_train*.py",
    "benchmarks/test_matrix*.py",
    "benchmarks/test_precision*.py",
    "benchmarks/peers/test_learn*.py",
    "benchmarks/peers/test_published*.py",
    "benchmarks/peers/test_quality*.py",
    "calibration/test_quant*.py",
    "export",
    "runtimes/test_openvino*.py",
    "runtimes/test_same_pixels*.py",
    "runtimes/test_coreml*.py",
    "runtimes/test_mil*.py",
    "runtimes/test_tiles*.py",
]
NEEDS_OPENVINO = [
    "export/test_openvino*.py",
    "runtimes/test_openvino*.py",
    "runtimes/test_same_pixels*.py",
]
_HAS_TORCH = importlib.util.find_spec("torch") is not None
_HAS_OPENVINO = importlib.util.find_spec("openvino") is not None
collect_ignore_glob = [
    *([] if _HAS_TORCH else NEEDS_TORCH),
    *([] if _HAS_OPENVINO else NEEDS_OPENVINO),
]


def pytest_report_header() -> str:
    """Say which tests are left out where torch is not installed."""
    if _HAS_TORCH:
        return "torch: installed, all tests are collected"
    return f"torch: not installed, not collected: {', '.join(NEEDS_TORCH)}"


@dataclass(frozen=True)
class Result:
    """What a run of the program left behind."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The error, which must be all there is on stderr: one line, and no traceback."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        assert "Traceback" not in self.err
        assert self.out == ""
        return lines[0]


RunCli = Callable[..., Result]


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Run `edge-mef ARGUMENTS` in this process, through the real entry point."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["edge-mef", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capsys.readouterr()
        code = leaving.value.code
        assert code is None or isinstance(code, int)
        return Result(code or 0, out, err)

    return run


def python_environment() -> dict[str, str]:
    """The environment for a Python program that imports this working tree."""
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def run_python(code: str, *arguments: object, longest: float = LONGEST_RUN) -> Result:
    """Run a Python program in a process of its own, for so many seconds at most."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env=python_environment(),
        timeout=longest,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too, to see that nothing was added or lost."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of research data beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"the research data folder {folder} is not there")
    return folder


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of our ffmef bundle: two exposures, fp32, any size."""
    folder = tmp_path / "bundle"
    shutil.copytree(BUNDLES_FOLDER / "ffmef", folder)
    return folder


@pytest.fixture(scope="session")
def edge_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights for ffmef-edge whose coefficients differ from place to place."""
    import torch

    from edge_mef.models import create_model
    from edge_mef.models.weights import write_weights

    torch.manual_seed(3)
    network = create_model("ffmef-edge")
    with torch.no_grad():
        # It starts near the plain mean, where wrong cells would hardly show.
        network.get_parameter("head.weight").mul_(20.0)
    path = tmp_path_factory.mktemp("edge") / "random.safetensors"
    write_weights(path, {k: v.numpy() for k, v in network.state_dict().items()}, {})
    return path


@pytest.fixture(scope="session")
def edge_bundle(edge_weights: Path) -> Bundle:
    """ffmef-edge with random weights, any size, two to nine exposures, fp32; not to be changed."""
    return _export_edge(edge_weights, "fp32")


@pytest.fixture(scope="session")
def edge_half_bundle(edge_weights: Path) -> Bundle:
    """The same in fp16; not to be changed."""
    return _export_edge(edge_weights, "fp16")


def _export_edge(weights: Path, precision: Precision) -> Bundle:
    from edge_mef.export.build import ExportSettings, export_bundle

    settings = ExportSettings(model="ffmef-edge", weights=weights, precision=precision)
    return export_bundle(weights.parent / precision, settings)


@pytest.fixture
def edge_copy(edge_bundle: Bundle, tmp_path: Path) -> Path:
    """A copy of the ffmef-edge bundle in fp32, to be changed."""
    return Path(shutil.copytree(edge_bundle.folder, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def coreml_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Our ffmef-edge with Core ML packages of 64x96 and 96x64, in fp32; not to be changed."""
    from edge_mef.export.coreml import convert
    from tests.coreml import conversion

    ours = load_bundle("ffmef-edge")
    made = convert(conversion("ffmef-edge", sizes=((64, 96), (96, 64))))
    files = {name: (ours.folder / name).read_bytes() for name in ours.manifest.files}
    files |= {name: data for artefact in made for name, data in artefact.files.items()}
    entries = (*ours.manifest.artefacts, *(artefact.entry for artefact in made))
    changes = {"artefacts": entries, "files": describe_files(files), "verification": None}
    manifest = ours.manifest.model_copy(update=changes)
    return write_bundle(tmp_path_factory.mktemp("coreml") / "bundle", manifest, files)


@pytest.fixture
def coreml_copy(coreml_bundle: Bundle, tmp_path: Path) -> Bundle:
    """A copy of the bundle with Core ML packages, to be changed."""
    folder = Path(shutil.copytree(coreml_bundle.folder, tmp_path / "bundle"))
    return Bundle(folder, coreml_bundle.manifest)


def noise_stack(count: int, size: tuple[int, int], seed: int = 0) -> list[Frame]:
    """Return so many exposures of noise, (*size, 3) uint8, darkest first: no two pixels agree."""
    scene = np.random.default_rng(seed).integers(0, 256, (*size, 3))
    gains = np.linspace(0.3, 1.5, count)
    return [np.clip(scene * gain, 0, 255).astype(np.uint8) for gain in gains]


def seal(bundle: Bundle) -> None:
    """Write the manifest anew, as somebody would who changed a file on purpose."""
    names = bundle.manifest.files
    files = {name: (bundle.folder / name).read_bytes() for name in names}
    manifest = bundle.manifest.model_copy(update={"files": describe_files(files)})
    write_bundle(bundle.folder, manifest, files)


@pytest.fixture(scope="session")
def pair() -> tuple[Frame, Frame]:
    """A small rendered bracket, (48, 64, 3) uint8 RGB, darker first."""
    under, over = random_bracket(3, height=48, width=64).exposures
    return under, over


@pytest.fixture
def bracket_files(tmp_path: Path, pair: tuple[Frame, Frame]) -> tuple[Path, Path]:
    """The pair as PNG files in a folder of their own, darker first."""
    folder = tmp_path / "bracket"
    folder.mkdir()
    return write_pair(folder, pair)


def sign_manifest(document: dict[str, Any]) -> bytes:
    """Return a manifest of any content with the digest that makes it look untouched."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return json.dumps(document | {"manifest_sha256": digest}).encode()


def write_pair(folder: Path, pair: tuple[Frame, Frame], suffix: str = ".png") -> tuple[Path, Path]:
    """Write two frames as under and over into a folder, which is made where it is missing."""
    folder.mkdir(exist_ok=True)
    paths = folder / f"under{suffix}", folder / f"over{suffix}"
    for path, frame in zip(paths, pair, strict=True):
        write_picture(path, frame)
    return paths


def write_manifest(folder: Path, scenes: Mapping[str, Sequence[Frame]]) -> Path:
    """Write scenes as PNG files, named after scene and order, and a manifest: all to validate."""
    lines = ["file,task,scene,role,order,split"]
    for scene, frames in scenes.items():
        for order, frame in enumerate(frames):
            write_picture(folder / f"{scene}{order}.png", frame)
            lines.append(f"{scene}{order}.png,mef,{scene},exposure,{order},val")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder
