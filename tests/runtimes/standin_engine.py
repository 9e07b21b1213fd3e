"""The stand-in for TensorRT's runtime: an engine is an ONNX model behind a header."""

import ctypes
import json
import types
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

MAGIC = b"ENGINE"


class Runtime:
    engine_host_code_allowed = False
    DLA_core = -1

    def __init__(self, trt: Any, logger: Any) -> None:
        self.trt = trt
        trt.logger = logger

    def deserialize_cuda_engine(self, data: bytes) -> Any:
        header, _, model = data.removeprefix(MAGIC).partition(b"\n")
        if self.trt.fails("load") or not data.startswith(MAGIC):
            self.trt.log("[runtime.cpp::parsePlan::314] Error Code 1: Serialization assertion.")
            return None
        return self.trt.wrap("ICudaEngine", _Engine(self.trt, json.loads(header), model))


class _Engine:
    def __init__(self, trt: Any, header: dict[str, Any], model: bytes) -> None:
        self.trt, self.ranges = trt, header["profile"]
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.inputs = [value.name for value in self.session.get_inputs()]
        self.names: list[str] = [
            *self.inputs,
            *(value.name for value in self.session.get_outputs()),
        ]
        self.num_io_tensors = len(self.names)

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def get_tensor_dtype(self, name: str) -> Any:
        assert name in self.names
        return self.trt.DataType.UINT8

    def create_execution_context(self) -> Any:
        return self.trt.wrap("IExecutionContext", _Context(self))

    def create_engine_inspector(self) -> Any:
        told = {"LayerType": "CaskConvolution", "Inputs": [{"Format/Datatype": "Int8 linear"}]}
        text = json.dumps({"Layers": [told, {"LayerType": "Reformat"}, "a name alone"]})
        made = types.SimpleNamespace(get_engine_information=lambda _: text)
        return self.trt.wrap("EngineInspector", made)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self.engine, self.shapes, self.addresses = engine, dict[str, Any](), dict[str, int]()
        self.running = False

    def set_input_shape(self, name: str, shape: Any) -> bool:
        if self.engine.ranges is not None:
            low, _, high = self.engine.ranges[name]
            if not all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True)):
                return False
        self.shapes[name] = tuple(shape)
        return True

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self.addresses[name] = memory
        return name in self.engine.names

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle
        assert not self.running, "one call at a time"
        self.running = True
        feeds = {n: _at(self.addresses[n], self.shapes[n]) for n in self.engine.inputs}
        fused = self.engine.session.run(None, feeds)[0]
        _at(self.addresses[self.engine.names[-1]], fused.shape)[:] = fused
        self.running = False
        return True


def _at(address: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    size = int(np.prod(shape))
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address)).reshape(shape)
