"""The memory estimate against what the runtime really takes."""

import subprocess
import sys

import onnx
import pytest

from edge_mef.bundle import Bundle
from edge_mef.export.memory import bytes_per_pixel
from edge_mef.memory import estimate_bytes

PEAK = r"""
import re, sys
from pathlib import Path
import numpy as np
from edge_mef.fuser import Fuser
height, width = 700, 900
frame = np.zeros((height, width, 3), np.uint8)
frame[:] = np.arange(width, dtype=np.uint16)[:, None] % 200
def peak():
    # Not getrusage: its peak begins with that of the process that started this one.
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
with Fuser.open(sys.argv[1], threads=2) as fuser:
    fuser.fuse(frame[:32, :32], frame[:32, :32])
    before = peak()
    for _ in range(3):
        fuser.fuse(frame, frame)
    print((peak() - before) * 1024)
"""


def _measured(bundle: Bundle) -> int:
    program = [sys.executable, "-c", PEAK, str(bundle.folder)]
    return int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from Linux's /proc")
def test_the_estimate_covers_the_measured_peak(fp32_bundle: Bundle, fp16_bundle: Bundle) -> None:
    for bundle in (fp32_bundle, fp16_bundle):
        estimate = estimate_bytes(bundle.manifest, 700, 900)
        assert 0.5 * estimate <= _measured(bundle) <= estimate


def test_live_tensors_are_counted_by_hand() -> None:
    """Bytes a pixel: uint8 3, float 12, relu 12, uint8 out 3; the peak is 3 + 12 + 12."""
    shape: list[str | int | None] = [1, "height", "width", 3]
    nodes = [
        onnx.helper.make_node("Cast", ["exposure_0"], ["a"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Relu", ["a"], ["b"]),
        onnx.helper.make_node("Cast", ["b"], ["fused"], to=onnx.TensorProto.UINT8),
    ]
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, shape)
        for name in ("exposure_0", "fused")
    ]
    graph = onnx.helper.make_graph(nodes, "g", values[:1], values[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    assert bytes_per_pixel(model) == 1.6 * 27
