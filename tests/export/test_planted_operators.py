"""A network with an operator that a converter lacks: it is named, in one sentence.

TensorRT's own list is in test_trt_graph, OpenVINO's converter in test_openvino, and what the
interpreter of Core ML packages does not know in runtimes/test_mil.
"""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edge_mef.contract import FusionContract
from edge_mef.edge_pipeline import EdgePipeline
from edge_mef.errors import GateError
from edge_mef.export import build
from edge_mef.export.coreml import convert
from edge_mef.export.onnx import convert_to_onnx, trace_program
from edge_mef.export.stages import convert_stages
from edge_mef.models import create_model
from edge_mef.pipeline import FusionPipeline
from tests.conftest import RunCli, contents
from tests.coreml import conversion, own_pipeline


class Planted(nn.Module):
    """A network behind an operator that no target knows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> object:
        return self.network(torch.special.bessel_j0(x))


def planted(name: str) -> FusionPipeline | EdgePipeline:
    pipeline = own_pipeline(name)
    pipeline.network = Planted(pipeline.network)
    return pipeline.eval()


def test_core_ml_names_it() -> None:
    pipeline = planted("ffmef-edge")
    with pytest.raises(GateError, match=r"could not convert the pipeline: .*bessel_j0") as caught:
        convert(conversion("ffmef-edge", pipeline=pipeline, sizes=((32, 48),)))
    assert "\n" not in str(caught.value)


def test_onnx_names_it() -> None:
    contract = FusionContract(2, 32, 48)
    with pytest.raises(GateError, match=r"convert the pipeline to ONNX: .*bessel_j0") as caught:
        convert_to_onnx(trace_program(planted("ffmef"), contract), contract)
    assert "\n" not in str(caught.value)


def test_a_stage_names_it() -> None:
    with pytest.raises(GateError, match=r"to ONNX: .*bessel_j0"):
        convert_stages(planted("ffmef-edge").network, (2, 3))


def test_the_command_leaves_the_older_bundle(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, bundle: Path
) -> None:
    monkeypatch.setattr(build, "open_network", lambda _: Planted(create_model("ffmef").eval()))
    before = contents(bundle.parent)
    options = ("--model", "ffmef", "--size", "32x48")
    result = run_cli("export", "-o", bundle, *options)
    assert result.code == 1
    assert "bessel_j0" in result.sentence
    assert contents(bundle.parent) == before
