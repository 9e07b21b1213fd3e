"""A stand-in for TensorRT that has exactly the names of one real version, and runs by onnxruntime.

It refuses what that version refuses: names and arguments that it lacks, precision flags on strongly
typed networks, graphs whose precision nobody allowed, sizes outside of the profile. An "engine" is
the ONNX model behind a header.
"""

import enum
import json
import threading
import time
import types
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

import onnx

from tests.runtimes.standin_engine import MAGIC, Runtime
from tests.runtimes.standin_stream import Gpu
from tests.runtimes.tensorrt_names import read_api

_LAYERS = {"Conv": "CONVOLUTION", "Add": "ELEMENTWISE", "Mul": "ELEMENTWISE", "Cast": "CAST"}
_TYPES = {1: "FLOAT", 2: "UINT8", 3: "INT8", 6: "INT32", 7: "INT64", 9: "BOOL", 10: "HALF"}


class StandIn(types.ModuleType):
    """The module. `used` is every (class, member) that was touched; `builds` are finished ones.

    `faults` makes "parse", "build", "load", "context", "execute", "capture" or "report" fail, as
    many times as it says. A build takes `seconds`; an execution calls `before`, and then goes to a
    `meeting`.
    """

    def __init__(self, version: str, gpu: Gpu) -> None:
        super().__init__("tensorrt")
        self.__spec__ = ModuleSpec("tensorrt", None)
        setattr(self, "__version__", version)  # noqa: B010 - said once, in version.py
        self.api = read_api(version)
        self.used: set[tuple[str, str]] = set()
        self.faults: dict[str, int] = {}
        self.builds: list[dict[str, Any]] = []
        self.gpu, self.seconds, self.contexts = gpu, 0.0, 0
        self.before: Callable[[], object] = lambda: None
        self.meeting: threading.Barrier | None = None
        self.touched = 0  # objects made, of which none may be without a device
        self.logger: Any = None
        for name in self.api:
            setattr(self, name, _class(self, name))

    @property
    def typed(self) -> bool:
        return int(self.__version__.partition(".")[0]) >= 11

    def note(self, name: str, member: str) -> Any:
        """Record a use; AttributeError where this version has no such member."""
        if member not in self.api[name]:
            raise AttributeError(f"TensorRT {self.__version__} has no {name}.{member}")
        self.used.add((name, member))
        return self.api[name][member]

    def fails(self, what: str) -> bool:
        left = self.faults.get(what, 0)
        self.faults[what] = max(0, left - 1)
        return left > 0

    def log(self, message: str) -> None:
        self.logger.log(self.ILogger.ERROR, message)

    def wrap(self, name: str, inner: Any) -> Any:
        return _Guard(self, name, inner)


class _Guard:
    """An object of the stand-in: only what the version has can be read, called or set."""

    def __init__(self, trt: StandIn, name: str, inner: Any) -> None:
        object.__setattr__(self, "_parts", (trt, name, inner))

    def __getattr__(self, member: str) -> Any:
        trt, name, inner = object.__getattribute__(self, "_parts")
        told = trt.note(name, member)
        value = getattr(inner, member)
        return value if isinstance(told, str) else _checked(value, told, f"{name}.{member}")

    def __setattr__(self, member: str, value: Any) -> None:
        trt, name, inner = object.__getattribute__(self, "_parts")
        assert trt.note(name, member) == "property"
        setattr(inner, member, value)

    def __bytes__(self) -> bytes:
        _, name, inner = object.__getattribute__(self, "_parts")
        assert name == "IHostMemory"
        return bytes(inner)


def inner(guard: Any) -> Any:
    """Return what a guard guards."""
    return object.__getattribute__(guard, "_parts")[2]


def _checked(function: Callable[..., Any], signatures: Any, name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        assert any(_fits(s, len(arguments), set(named)) for s in signatures), f"{name}: {named}"
        return function(*arguments, **named)

    return call


def _fits(signature: list[str], count: int, named: set[str]) -> bool:
    names = [argument.rstrip("=") for argument in signature]
    needed = {argument for argument in signature[count:] if not argument.endswith("=")}
    return count <= len(names) and named <= set(names[count:]) and needed <= named


def _class(trt: StandIn, name: str) -> Any:
    told = trt.api[name]
    if isinstance(told, list):
        return _checked(lambda *_: True, told, name)
    if name in ("ILogger", "IProgressMonitor", "IProfiler"):
        return _base(trt, name)
    if name in _BEHAVIOUR:
        return _maker(trt, name, _BEHAVIOUR[name])
    values = [member for member, kind in told.items() if kind == "value"]
    if len(values) < len(told):  # objects of it only come from others
        return type(name, (), {})
    return _Numbers(trt, name, values)


class _Numbers:
    """An enumeration as pybind11 makes it: it compares by identity and converts to int."""

    def __init__(self, trt: StandIn, name: str, values: list[str]) -> None:
        self._trt, self._name = trt, name
        kind = enum.Enum(name, {v: i for i, v in enumerate(values)})  # type: ignore[misc]
        kind.__int__ = lambda self: int(self.value)  # type: ignore[attr-defined]
        self._kind = kind

    def __getattr__(self, member: str) -> Any:
        self._trt.note(self._name, member)
        return self._kind[member]


def _base(trt: StandIn, name: str) -> type:
    """Return a class to derive from, whose __init__ must be called by name."""

    class Base:
        def __init__(self) -> None:
            trt.used.add((name, "__init__"))
            self.initialized = True

    Base.__name__ = name
    for member, kind in trt.api[name].items():
        if kind == "value":
            setattr(Base, member, member)
    return Base


def _maker(trt: StandIn, name: str, behaviour: Any) -> Callable[..., Any]:
    def make(*arguments: Any, **named: Any) -> Any:
        trt.touched += 1
        signatures = trt.note(name, "__init__")
        build = _checked(lambda *a: trt.wrap(name, behaviour(trt, *a)), signatures, name)
        return build(*arguments, **named)

    return make


class _Builder:
    num_DLA_cores = 1  # noqa: N815

    def __init__(self, trt: StandIn, logger: Any) -> None:
        assert isinstance(logger, trt.ILogger), "TensorRT takes only its own kind of logger"
        assert logger.initialized, "ILogger.__init__ was not called"
        self.trt = trt
        trt.logger = logger

    def create_network(self, flags: int = 0) -> Any:
        known = self.trt.api["NetworkDefinitionCreationFlag"]
        bits = {n: 1 << i for i, n in enumerate(known)}
        assert flags in {0, *bits.values()}, f"unknown flags {flags}"
        strong = self.trt.typed or flags == bits.get("STRONGLY_TYPED", -1)
        if self.trt.__version__.startswith("8."):
            assert flags == bits["EXPLICIT_BATCH"], "8.6 reads ONNX with explicit batch only"
        return self.trt.wrap("INetworkDefinition", _Network(self.trt, strong))

    def create_builder_config(self) -> Any:
        return self.trt.wrap("IBuilderConfig", _Config(self.trt))

    def create_optimization_profile(self) -> Any:
        return self.trt.wrap("IOptimizationProfile", _Profile())

    def build_serialized_network(self, network: Any, config: Any) -> Any:
        network, config = inner(network), inner(config)
        problem = _refusal(network, config)
        if problem or self.trt.fails("build"):
            self.trt.log(f"[builder.cpp::build::12] Error Code 4: {problem or 'out of tactics.'}")
            return None
        if not config.report(self.trt):
            return None
        time.sleep(self.trt.seconds)
        flags = sorted(flag.name for flag in config.flags)
        self.trt.builds.append({"flags": flags, "strong": network.strong, "config": config})
        new = not self.trt.__version__.startswith("8.")
        shared = new or "PROFILE_SHARING_0806" in config.previews
        header = {"version": self.trt.__version__, "profile": config.ranges(), "shared": shared}
        data = MAGIC + json.dumps(header).encode() + b"\n" + network.model
        return self.trt.wrap("IHostMemory", data)


def _refusal(network: "_Network", config: "_Config") -> str:
    flags = {flag.name for flag in config.flags}
    if network.strong and flags & {"FP16", "INT8", "PREFER_PRECISION_CONSTRAINTS"}:
        return "precision flags on a strongly typed network"
    if not network.strong:
        for needed, flag in (("HALF", "FP16"), ("INT8", "INT8")):
            if needed in network.types and flag not in flags:
                return f"{needed} values without the flag {flag}"
    if network.dynamic and not config.profiles:
        return "no optimization profile for dynamic sizes"
    linear = {t.allowed_formats for t in (*network.inputs, *network.outputs)}
    return "" if linear == {1} else "tensors without a layout"


class _Tensor:
    def __init__(self, name: str, dtype: Any) -> None:
        self.name, self.dtype, self.allowed_formats = name, dtype, -1


class _Layer:
    def __init__(self, kind: Any, output: Any) -> None:
        self.type, self._output, self.precision = kind, output, None

    def get_output(self, index: int) -> Any:
        assert index == 0
        return self._output


class _Network:
    def __init__(self, trt: StandIn, strong: bool) -> None:
        self.trt, self.strong = trt, strong
        self.model, self.types, self.dynamic = b"", set[str](), False
        self.inputs: list[_Tensor] = []
        self.outputs: list[_Tensor] = []
        self.layers: list[_Layer] = []

    def fill(self, data: bytes) -> None:
        model = onnx.shape_inference.infer_shapes(onnx.load_from_string(data))
        values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
        kinds = {v.name: _TYPES[v.type.tensor_type.elem_type] for v in values}
        self.model, self.types = data, set(kinds.values())
        sizes = [d for v in model.graph.input for d in v.type.tensor_type.shape.dim]
        self.dynamic = any(d.dim_param for d in sizes)
        self.inputs = [self._tensor(v.name, kinds) for v in model.graph.input]
        self.outputs = [self._tensor(v.name, kinds) for v in model.graph.output]
        for node in model.graph.node:
            kind = getattr(self.trt.LayerType, _LAYERS.get(node.op_type, "SHUFFLE"))
            tensor = self.trt.wrap("ITensor", self._tensor(node.output[0], kinds))
            self.layers.append(_Layer(kind, tensor))

    def _tensor(self, name: str, kinds: dict[str, str]) -> _Tensor:
        kind = kinds.get(name, "FLOAT")
        kind = "INT32" if kind == "INT64" and "INT64" not in self.trt.api["DataType"] else kind
        return _Tensor(name, getattr(self.trt.DataType, kind))

    @property
    def num_inputs(self) -> int:
        return len(self.inputs)

    @property
    def num_outputs(self) -> int:
        return len(self.outputs)

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    def get_input(self, index: int) -> Any:
        return self.trt.wrap("ITensor", self.inputs[index])

    def get_output(self, index: int) -> Any:
        return self.trt.wrap("ITensor", self.outputs[index])

    def get_layer(self, index: int) -> Any:
        return self.trt.wrap("ILayer", self.layers[index])


class _Parser:
    def __init__(self, trt: StandIn, network: Any, logger: Any) -> None:
        self.trt, self.network, self.num_errors = trt, inner(network), 0

    def parse(self, model: bytes) -> bool:
        if self.trt.fails("parse"):
            self.num_errors = 1
            return False
        self.network.fill(model)
        return True

    def get_error(self, index: int) -> Any:
        error = types.SimpleNamespace(desc=lambda: "In node 3:\n no importer for Foo")
        return self.trt.wrap("ParserError", error)


class _Config:
    def __init__(self, trt: StandIn) -> None:
        self.trt = trt
        self.flags = {trt.BuilderFlag.TF32}
        self.profiles: list[Any] = []
        self.pools: dict[str, int] = {}
        self.timing: Any = None
        self.previews: set[str] = set()
        self.builder_optimization_level, self.profiling_verbosity = 3, None
        self.hardware_compatibility_level = self.default_device_type = self.DLA_core = None
        self.progress_monitor: Any = None

    def set_preview_feature(self, feature: Any, enable: bool) -> None:
        assert enable is True
        self.previews.add(feature.name)

    def set_flag(self, flag: Any) -> None:
        self.flags.add(flag)

    def clear_flag(self, flag: Any) -> None:
        self.flags.discard(flag)

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        self.pools[pool.name] = pool_size

    def add_optimization_profile(self, profile: Any) -> int:
        self.profiles.append(inner(profile))
        return len(self.profiles) - 1

    def create_timing_cache(self, serialized_timing_cache: bytes) -> Any:
        if serialized_timing_cache not in (b"", b"timings"):
            return None
        return self.trt.wrap("ITimingCache", types.SimpleNamespace(known=serialized_timing_cache))

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        assert ignore_mismatch is False
        self.timing = inner(cache).known
        return True

    def get_timing_cache(self) -> Any:
        made = types.SimpleNamespace(serialize=lambda: self.trt.wrap("IHostMemory", b"timings"))
        return self.trt.wrap("ITimingCache", made)

    def ranges(self) -> Any:
        return self.profiles[0].shapes if self.profiles else None

    def report(self, trt: StandIn) -> bool:
        """Call the progress monitor as a build would; say whether it lets the build go on."""
        monitor = self.progress_monitor
        if monitor is None:
            return True
        assert monitor.initialized, "IProgressMonitor.__init__ was not called"
        trt.used |= {("IProgressMonitor", m) for m in trt.api["IProgressMonitor"]}
        monitor.phase_start("Building", "", 2)
        going = [monitor.step_complete("Building", step) for step in range(2)]
        monitor.phase_finish("Building")
        return all(going)


class _Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, Any] = {}

    def set_shape(self, name: str, low: Any, usual: Any, high: Any) -> None:
        self.shapes[name] = [list(low), list(usual), list(high)]


_BEHAVIOUR: dict[str, Any] = {"Builder": _Builder, "OnnxParser": _Parser, "Runtime": Runtime}
