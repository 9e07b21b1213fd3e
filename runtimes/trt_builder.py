"""ONNX model and plan to a TensorRT engine, on the device that is to run it.

From TensorRT 10 on networks are strongly typed: the graph alone says what is computed in which
precision. 8.6 cannot do that, and gets the flags that its graph needs. The same holds for the deep
learning accelerator before version 11, which takes no strongly typed networks.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_mef.errors import BundleError, InputError, OutputError
from edge_mef.runtimes.build_watch import watcher
from edge_mef.runtimes.trt_plan import EnginePlan
from edge_mef.runtimes.trt_version import first_error, logger_of, tensorrt_version
from edge_mef.saving import write_atomically


@dataclass(frozen=True)
class BuiltEngine:
    """A serialized engine, its layers as the inspector tells them (JSON), and seconds it took."""

    data: bytes
    layers: str
    seconds: float


def build_engine(trt: Any, model: bytes, plan: EnginePlan, timing: Path) -> BuiltEngine:
    """Build an engine; `timing` is the file of the timing cache, which is read and written.

    Raises:
        BundleError: TensorRT cannot parse the model or build an engine from it.
        InputError: the plan asks for an accelerator that is not here.
    """
    start = time.perf_counter()
    logger = logger_of(trt)
    logger.errors.clear()
    builder = trt.Builder(logger)
    typed = _is_typed(trt, plan)
    network = _parse(trt, builder, model, plan)
    config = builder.create_builder_config()
    _configure(trt, builder, config, plan)
    if not typed:
        _allow_precision(trt, network, config, plan)
    _add_profile(trt, builder, config, plan)
    cache = _load_timing(config, timing)
    stopped = _show_progress(trt, config)
    serialized = builder.build_serialized_network(network, config)
    if stopped:
        raise KeyboardInterrupt
    if serialized is None:
        raise BundleError(f"TensorRT could not build the engine: {first_error(logger)}")
    if cache is not None:
        _save_timing(config, timing)
    data = bytes(serialized)
    return BuiltEngine(data, inspect_engine(trt, data, plan), time.perf_counter() - start)


def load_engine(trt: Any, data: bytes, plan: EnginePlan) -> Any:
    """Return (runtime, engine) of a serialized engine; the engine is None where it is refused.

    The runtime must be kept as long as the engine.
    """
    logger = logger_of(trt)
    logger.errors.clear()
    if tensorrt_version(trt) < (10, 0):
        trt.init_libnvinfer_plugins(logger, "")
    runtime = trt.Runtime(logger)
    # A version-compatible engine brings its own runtime as code.
    runtime.engine_host_code_allowed = plan.version_compatible
    if plan.dla is not None:
        runtime.DLA_core = plan.dla
    return runtime, runtime.deserialize_cuda_engine(data)


def inspect_engine(trt: Any, data: bytes, plan: EnginePlan) -> str:
    """Return what the engine inspector tells of all layers, as JSON.

    Raises:
        BundleError: TensorRT does not take its own engine.
    """
    _runtime, engine = load_engine(trt, data, plan)
    if engine is None:
        why = first_error(logger_of(trt))
        raise BundleError(f"TensorRT could not load the engine that it built: {why}")
    inspector = engine.create_engine_inspector()
    return str(inspector.get_engine_information(trt.LayerInformationFormat.JSON))


def shares_profiles_by_flag(trt: Any) -> bool:
    """Say whether only a flag lets several execution contexts use one range of sizes."""
    return tensorrt_version(trt) < (10, 0)


def _is_typed(trt: Any, plan: EnginePlan) -> bool:
    version = tensorrt_version(trt)
    return version >= (10, 0) and (plan.dla is None or version >= (11, 0))


def _parse(trt: Any, builder: Any, model: bytes, plan: EnginePlan) -> Any:
    flags = trt.NetworkDefinitionCreationFlag
    if _is_typed(trt, plan):
        flag = 1 << int(flags.STRONGLY_TYPED)
    else:
        flag = 0 if tensorrt_version(trt) >= (10, 0) else 1 << int(flags.EXPLICIT_BATCH)
        # Normalizations are a plugin in 8.6.
        trt.init_libnvinfer_plugins(logger_of(trt), "")
    network = builder.create_network(flag)
    parser = trt.OnnxParser(network, logger_of(trt))
    if not parser.parse(model):
        errors = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        why = " ".join(errors[0].split()) if errors else first_error(logger_of(trt))
        raise BundleError(f"TensorRT {trt.__version__} could not read {plan.model}: {why}")
    _fix_layouts(trt, network)
    return network


def _fix_layouts(trt: Any, network: Any) -> None:
    """Take frames as they lie in memory: rows of pixels, without padding."""
    linear = 1 << int(trt.TensorFormat.LINEAR)
    for index in range(network.num_inputs):
        network.get_input(index).allowed_formats = linear
    for index in range(network.num_outputs):
        network.get_output(index).allowed_formats = linear


def _configure(trt: Any, builder: Any, config: Any, plan: EnginePlan) -> None:
    # On by default, it would compute fp32 with 10 bits of mantissa without a word.
    config.clear_flag(trt.BuilderFlag.TF32)
    config.builder_optimization_level = plan.level
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if shares_profiles_by_flag(trt):
        config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, True)
    if plan.workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, plan.workspace << 20)
    if plan.version_compatible:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    if plan.hardware_compatible:
        config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS
    if plan.dla is not None:
        _use_accelerator(trt, builder, config, plan.dla)


def _use_accelerator(trt: Any, builder: Any, config: Any, core: int) -> None:
    if core >= builder.num_DLA_cores:
        raise InputError(
            f"the plan asks for DLA core {core}, and this device has {builder.num_DLA_cores}: "
            "export without --dla"
        )
    config.default_device_type = trt.DeviceType.DLA
    config.DLA_core = core
    # Resizing and gathering are not for it.
    config.set_flag(trt.BuilderFlag.GPU_FALLBACK)


def _allow_precision(trt: Any, network: Any, config: Any, plan: EnginePlan) -> None:
    """Allow what the graph computes in, and hold the rest of it to fp32."""
    flags = trt.BuilderFlag
    if plan.precision == "int8":
        # Quantization is explicit in the graph, so this needs no calibrator.
        config.set_flag(flags.INT8)
    if plan.precision != "fp16":
        return
    config.set_flag(flags.FP16)
    config.set_flag(flags.PREFER_PRECISION_CONSTRAINTS)
    computing = _computing(trt)
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        if layer.type in computing and layer.get_output(0).dtype == trt.DataType.FLOAT:
            layer.precision = trt.DataType.FLOAT


def _computing(trt: Any) -> tuple[Any, ...]:
    """The layers with arithmetic that could lose bits without a word."""
    kinds = trt.LayerType
    return (
        kinds.ACTIVATION,
        kinds.CONVOLUTION,
        kinds.ELEMENTWISE,
        kinds.POOLING,
        kinds.REDUCE,
        kinds.RESIZE,
        kinds.SCALE,
        kinds.UNARY,
    )


def _add_profile(trt: Any, builder: Any, config: Any, plan: EnginePlan) -> None:
    if plan.profile is None:
        return
    profile = builder.create_optimization_profile()
    sizes = (plan.profile.smallest, plan.profile.usual, plan.profile.largest)
    shapes = [(1, height, width, 3) for height, width in sizes]
    for name in plan.inputs:
        profile.set_shape(name, *shapes)
    if config.add_optimization_profile(profile) < 0:
        raise BundleError(
            f"TensorRT refused the sizes {plan.profile.text}: {first_error(logger_of(trt))}"
        )


def _load_timing(config: Any, path: Path) -> Any:
    """Give the builder the timings of earlier builds; an unusable file starts an empty cache."""
    try:
        known = path.read_bytes()
    except OSError:
        known = b""
    for data in (known, b""):
        cache = config.create_timing_cache(data)
        if cache is not None and config.set_timing_cache(cache, False):
            return cache
    return None


def _save_timing(config: Any, path: Path) -> None:
    cache = config.get_timing_cache()
    if cache is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, bytes(cache.serialize()))
    except (OSError, OutputError) as error:
        watcher().note(f"the timings of this build are not kept: {error}")


def _show_progress(trt: Any, config: Any) -> list[str]:
    """Tell the watcher of the phases; the list returned is filled where somebody stops it."""
    stopped: list[str] = []
    if tensorrt_version(trt) < (10, 0):
        return stopped
    by = watcher()

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            self.steps[phase_name] = num_steps
            by.progress(phase_name, 0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            try:
                by.progress(phase_name, step + 1, self.steps.get(phase_name, step + 1))
            except KeyboardInterrupt:  # it cannot pass through TensorRT
                stopped.append(phase_name)
            return not stopped

        def phase_finish(self, phase_name: str) -> None:
            self.steps.pop(phase_name, None)

    config.progress_monitor = Monitor()
    return stopped
