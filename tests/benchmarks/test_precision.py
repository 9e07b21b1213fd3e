"""The advisor on real bundles, tiny frames; exports are stood in for."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import edge_mef.benchmarks.precision as advisor
import edge_mef.benchmarks.precision_exports as exports
import edge_mef.export.build as build
from edge_mef.benchmarks.precision import Advice, advise_precision
from edge_mef.benchmarks.precision_quality import judge, weight_bytes
from edge_mef.bundle import Bundle
from edge_mef.errors import GateError, InputError, MissingError
from edge_mef.export.build import ExportSettings
from edge_mef.export.quantization import QuantSettings
from edge_mef.exposures import Frame
from edge_mef.manifest import Precision
from edge_mef.runtimes.table import RUNTIMES, RuntimeRow
from tests.conftest import write_manifest

Advise = Callable[..., Advice]
TINY: dict[str, Any] = {"size": "32x48", "threads": 1, "repeats": 3}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory, pair: tuple[Frame, Frame]) -> str:
    """One small scene to compare on."""
    return str(write_manifest(tmp_path_factory.mktemp("scenes"), {"room": pair}))


@pytest.fixture(scope="module")
def int8_bundle(edge_weights: Path) -> Bundle:
    """The same in int8; the gate is open, these weights are random."""
    quantization = QuantSettings("rendered:5", count=4, longest_side=64, gate=0.0, most_drop=1.0)
    settings = ExportSettings(weights=edge_weights, precision="int8", quantization=quantization)
    return build.export_bundle(edge_weights.parent / "int8", settings)


@pytest.fixture(scope="module")
def advice(
    edge_bundle: Bundle, edge_half_bundle: Bundle, int8_bundle: Bundle, scenes: str
) -> Advice:
    folders = [b.folder for b in (int8_bundle, edge_bundle, edge_half_bundle)]
    return advise_precision(bundles=folders, data=scenes, **TINY)


def test_every_bundle_is_measured(advice: Advice) -> None:
    assert [c.precision for c in advice.candidates] == ["int8", "fp32", "fp16"]
    assert {(c.bundle, c.runtime, c.artefact) for c in advice.candidates} == {
        (None, "onnxruntime", "stages")
    }
    assert all(len(c.timing.samples) == 3 for c in advice.candidates)
    assert (advice.size, advice.exposures, advice.scenes) == ((32, 48), 2, 1)


def test_quality_is_against_the_float_pipeline(advice: Advice) -> None:
    by_precision = {c.precision: c.quality for c in advice.candidates}
    assert by_precision["fp32"].difference <= 1
    assert by_precision["fp32"].holds
    assert by_precision["int8"].psnr < by_precision["fp16"].psnr < by_precision["fp32"].psnr
    assert abs(by_precision["fp32"].mef_ssim) < abs(by_precision["int8"].mef_ssim)


def test_weights_shrink_with_the_precision(advice: Advice) -> None:
    sizes = {c.precision: c.weight_bytes or 0 for c in advice.candidates}
    assert sizes["fp32"] == pytest.approx(4 * 18516, rel=0.05)
    assert sizes["fp16"] == pytest.approx(2 * 18516, rel=0.05)
    assert 18516 * 0.9 < sizes["int8"] < sizes["fp16"] * 0.7


def test_the_winner_is_among_them(advice: Advice) -> None:
    assert advice.winner in advice.candidates
    assert advice.text.startswith(f"Take {advice.winner.name}: ")


@pytest.mark.parametrize(
    ("precision", "difference", "psnr", "change", "holds"),
    [
        ("fp32", 1, 48.2, 0.0, True),
        ("fp32", 2, 80.0, 0.0, False),
        ("fp16", 9, 50.1, 0.01, True),
        ("fp16", 1, 49.9, 0.0, False),
        ("int8", 9, 45.1, -0.0029, True),
        ("int8", 9, 44.9, 0.0, False),
        ("int8", 9, 60.0, -0.0031, False),
        ("int8", 9, 60.0, 0.0031, True),
    ],
)
def test_the_gates(
    precision: Precision, difference: int, psnr: float, change: float, holds: bool
) -> None:
    found = judge("ffmef-edge", precision, difference=difference, psnr=psnr, mef_ssim=change)
    assert found.holds is holds
    assert (found.psnr, found.difference, found.mef_ssim) == (psnr, difference, change)


def test_the_gate_of_int8_is_that_of_the_network() -> None:
    found = judge("ffmef", "int8", difference=9, psnr=40.1, mef_ssim=0.0)
    assert (found.holds, found.gate) == (True, "at least 40 dB, MEF-SSIM -0.003")


@pytest.fixture
def advise(
    monkeypatch: pytest.MonkeyPatch,
    edge_bundle: Bundle,
    edge_half_bundle: Bundle,
    exported: list[tuple[str, ExportSettings]],
    scenes: str,
) -> Advise:
    """The advisor, with exports that are there already; int8 misses its gate."""

    def export(output: Path, settings: ExportSettings, *, target: str) -> Bundle:
        exported.append((target, settings))
        if settings.precision == "int8":
            raise GateError("expected int8 within 45 dB, found 31.0 dB")
        return edge_bundle if settings.precision == "fp32" else edge_half_bundle

    monkeypatch.setattr(build, "export_bundle", export)
    return partial(advise_precision, data=scenes, **TINY)


@pytest.fixture
def exported() -> list[tuple[str, ExportSettings]]:
    """What was exported: target and settings."""
    return []


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let no other runtime run here."""

    def why_not(row: RuntimeRow) -> str | None:
        return None if row.name in names else f"there is no {row.name} here"

    monkeypatch.setattr(advisor, "why_not", why_not)
    monkeypatch.setattr(exports, "why_not", why_not)


def test_an_int8_that_misses_its_gate_is_a_note(
    advise: Advise, exported: list[tuple[str, ExportSettings]], monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "onnxruntime")
    found = advise(calibration="somewhere", weights=Path("some.safetensors"))
    assert [c.name for c in found.candidates] == ["fp32 on onnxruntime", "fp16 on onnxruntime"]
    assert "left out: int8: expected int8 within 45 dB, found 31.0 dB" in found.notes
    assert "not measured: there is no openvino here" in found.notes
    assert {(target, settings.model) for target, settings in exported} == {("onnx", "ffmef-edge")}
    assert {s.quantization.scenes for _, s in exported} == {"somewhere"}
    assert {s.weights for _, s in exported} == {Path("some.safetensors")}


def test_targets_follow_the_runtimes(
    advise: Advise, exported: list[tuple[str, ExportSettings]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX models, which are in every bundle, are measured once."""
    only(monkeypatch, "onnxruntime", "openvino", "tensorrt")
    monkeypatch.setattr(exports, "missing_package", lambda row: None)
    found = advise(model="ffmef-edge")
    assert [(target, s.precision) for target, s in exported] == [
        *(("trt", "int8"), ("trt", "fp16"), ("openvino", "fp16")),
        *(("trt", "fp32"), ("openvino", "fp32")),
    ]
    assert [c.name for c in found.candidates] == ["fp32 on onnxruntime", "fp16 on onnxruntime"]


def test_interpreters_are_not_timed(
    monkeypatch: pytest.MonkeyPatch, edge_bundle: Bundle, scenes: str
) -> None:
    row = RUNTIMES["onnxruntime"]
    slow = RuntimeRow("mil", row.module, row.class_name, "numpy", "", "onnx", automatic=False)
    monkeypatch.setitem(RUNTIMES, "mil", slow)
    found = advise_precision(bundles=[edge_bundle.folder], data=scenes, **TINY)
    assert [c.runtime for c in found.candidates] == ["onnxruntime"]


def test_nothing_can_run(monkeypatch: pytest.MonkeyPatch, edge_bundle: Bundle, scenes: str) -> None:
    only(monkeypatch)
    with pytest.raises(MissingError, match="there is no onnxruntime here"):
        advise_precision(bundles=[edge_bundle.folder], data=scenes, **TINY)


def test_bundles_of_one_precision_keep_their_names(
    edge_bundle: Bundle, tmp_path: Path, scenes: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(edge_bundle.folder, copy)
    found = advise_precision(bundles=[edge_bundle.folder, copy], data=scenes, **TINY)
    assert [c.bundle for c in found.candidates] == [str(edge_bundle.folder), str(copy)]


def test_bundles_of_two_networks(edge_bundle: Bundle) -> None:
    with pytest.raises(InputError, match="expected bundles of one network"):
        advise_precision(bundles=["ffmef-edge", edge_bundle.folder])


def test_a_bundle_twice(edge_bundle: Bundle) -> None:
    with pytest.raises(InputError, match="found one of them twice"):
        advise_precision(bundles=[edge_bundle.folder, edge_bundle.folder])


def test_weights_of_a_pipeline_in_one_piece(edge_bundle: Bundle) -> None:
    """Its constants are those of the network, and few besides."""
    whole = weight_bytes(edge_bundle, "onnx", "model.onnx")
    alone = weight_bytes(edge_bundle, "onnx", "stages")
    assert whole is not None
    assert alone is not None
    assert alone <= whole < alone + 4096
