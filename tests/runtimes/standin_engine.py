"""The stand-in for TensorRT's runtime: an engine is an ONNX model behind a header."""

import ctypes
import json
import types
from functools import partial
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tests.runtimes.standin_stream import ALIGNMENT

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
        self.shared, self.contexts = header["shared"], 0
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
        if self.trt.fails("context"):
            self.trt.log("[executionContext.cpp::initialize::1] Error Code 2: Out of memory.")
            return None
        self.contexts += 1
        self.trt.contexts += 1
        return self.trt.wrap("IExecutionContext", _Context(self))

    def create_engine_inspector(self) -> Any:
        inputs = [{"Format/Datatype": "Int8 linear"}]
        told = {"Name": "conv", "LayerType": "CaskConvolution", "Inputs": inputs}
        text = json.dumps({"Layers": [told, {"LayerType": "Reformat"}, "a name alone"]})
        made = types.SimpleNamespace(get_engine_information=lambda _: text)
        return self.trt.wrap("EngineInspector", made)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self.engine, self.shapes, self.addresses = engine, dict[str, Any](), dict[str, int]()
        self.running = False
        self.number = engine.contexts
        self.prepared: Any = None
        self.profiler: Any = None
        self.enqueue_emits_profile = True
        self.untold = 0  # runs that were not reported to the profiler

    def set_input_shape(self, name: str, shape: Any) -> bool:
        if self.engine.ranges is not None:
            if self.number > 1 and not self.engine.shared:
                self.engine.trt.log("Error Code 3: the profile is chosen by another context.")
                return False
            low, _, high = self.engine.ranges[name]
            if not all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True)):
                return False
        self.shapes[name] = tuple(shape)
        self.prepared = None
        return True

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if memory % ALIGNMENT:
            self.engine.trt.log("Error Code 3: the memory is not aligned.")
            return False
        self.addresses[name] = memory
        self.prepared = None
        return name in self.engine.names

    def execute_async_v3(self, stream_handle: int) -> bool:
        trt, given = self.engine.trt, (dict(self.shapes), dict(self.addresses))
        stream = trt.gpu.streams[stream_handle]
        if stream.recording and (self.profiler or self.prepared != given or trt.fails("capture")):
            trt.log("[executionContext.cpp::enqueue::1] Error Code 1: operation not permitted.")
            stream.broken = True
            return False
        if trt.fails("execute"):
            trt.log("[executionContext.cpp::enqueue::7] Error Code 2: OutOfMemory (out of memory.)")
            return False
        stream.begin(partial(self._work, *given))
        assert not (self.profiler and self.enqueue_emits_profile), "it would wait for its end"
        return True

    def _work(self, shapes: dict[str, Any], addresses: dict[str, int]) -> None:
        assert not self.running, "one call at a time"
        self.running = True
        try:
            self.engine.trt.before()
            if self.engine.trt.meeting is not None:
                self.engine.trt.meeting.wait()
            self._compute(shapes, addresses)
        finally:
            self.running = False
        self.prepared = (shapes, addresses)  # a capture must not hold the first execution
        self.untold += 1

    def _compute(self, shapes: dict[str, Any], addresses: dict[str, int]) -> None:
        feeds = {n: self._at(addresses[n], shapes[n]) for n in self.engine.inputs}
        target = self._at(addresses[self.engine.names[-1]], shapes[self.engine.inputs[0]])
        target[:] = 0  # an engine may write before it has read everything
        target[:] = self.engine.session.run(None, feeds)[0]

    def report_to_profiler(self) -> bool:
        if self.profiler is None or not self.untold or self.engine.trt.fails("report"):
            self.engine.trt.log("Error Code 3: nothing was profiled.")
            return False
        assert self.untold == 1, "only the last run can be reported"
        assert self.profiler.initialized, "IProfiler.__init__ was not called"
        self.engine.trt.used |= {("IProfiler", "report_layer_time")}
        self.untold = 0
        for name, milliseconds in (("conv", 0.5), ("reformat", 0.125), ("late", 0.75)):
            self.profiler.report_layer_time(name, milliseconds)
        return True

    def _at(self, address: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        size = int(np.prod(shape))
        real = self.engine.trt.gpu.blocks.on_device(address, size)
        assert real, "memory that is not on the device"
        return _array(real, size).reshape(shape)


def _array(address: int, size: int) -> NDArray[np.uint8]:
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
