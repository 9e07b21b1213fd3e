"""One quantized program for every target: the same scales, and nearly the same pictures."""

import json

import numpy as np
import pytest

from edge_mef.bundle import Bundle
from edge_mef.export.build import ExportSettings, export_bundle
from edge_mef.export.quantization import QuantSettings
from edge_mef.fuser import Fuser
from edge_mef.metrics.pixels import psnr
from edge_mef.render.brackets import random_bracket
from edge_mef.runtimes.mil_package import read_package
from edge_mef.runtimes.table import open_runtime

SIZE = (96, 128)
LEAST = 45.0  # dB


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped ffmef-edge in int8 as ONNX and as a Core ML package."""
    settings = ExportSettings(
        precision="int8",
        size=SIZE,
        quantization=QuantSettings(scenes="rendered:6", count=6, longest_side=160),
    )
    return export_bundle(tmp_path_factory.mktemp("both") / "bundle", settings, target="coreml")


def test_they_agree(both: Bundle) -> None:
    runtimes = [open_runtime(both, "onnxruntime", whole=True), open_runtime(both, "mil")]
    for seed in range(4):
        frames = random_bracket(seed, height=SIZE[0], width=SIZE[1]).exposures
        ours, theirs = (Fuser(both, runtime).fuse(*frames) for runtime in runtimes)
        assert psnr(ours, theirs) >= LEAST


def test_the_scales_are_identical(both: Bundle) -> None:
    document = json.loads((both.folder / "scales.json").read_bytes())
    package = read_package(both.folder / "model.mlpackage")
    operations = package.program.functions["main"].operations
    found = [float(op.scale.val) for op in operations if op.op_type == "quantize"]
    stated = [one["activation"] for one in document["layers"].values()]
    assert sorted(found) == sorted(stated)
    weights = [
        sorted(np.ravel(op.scale.val).tolist())
        for op in operations
        if op.op_type == "constexpr_affine_dequantize"
    ]
    expected = [sorted(one["weights"]) for one in document["layers"].values()]
    assert sorted(weights) == sorted(expected)
