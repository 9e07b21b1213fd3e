"""The part of TensorRT's Python interface that we use, cut out of a description of all of it.

A description has classes, their members ("value", "property", or the signatures of a method), and
functions of the module; `tests/data/tensorrt_api.json` holds the part for every version, read off
the real bindings.
"""

import json
import re
from pathlib import Path
from typing import Any

API_FILE = Path(__file__).resolve().parents[1] / "data" / "tensorrt_api.json"
VERSIONS = ("8.6.0", "10.3.0", "10.13.3.9", "10.16.1.11", "11.4.0.106")
NEEDED = {
    "Builder": "__init__ create_network create_builder_config create_optimization_profile "
    "build_serialized_network num_DLA_cores",
    "BuilderFlag": "FP16 INT8 PREFER_PRECISION_CONSTRAINTS TF32 GPU_FALLBACK VERSION_COMPATIBLE",
    "DataType": "FLOAT HALF INT8 INT32 INT64 UINT8 BOOL",
    "DeviceType": "GPU DLA",
    "EngineInspector": "get_engine_information",
    "HardwareCompatibilityLevel": "NONE AMPERE_PLUS",
    "IBuilderConfig": "set_flag clear_flag builder_optimization_level profiling_verbosity "
    "set_memory_pool_limit hardware_compatibility_level default_device_type DLA_core "
    "add_optimization_profile create_timing_cache set_timing_cache get_timing_cache "
    "progress_monitor int8_calibrator set_preview_feature",
    "ICudaEngine": "num_io_tensors get_tensor_name get_tensor_dtype create_execution_context "
    "create_engine_inspector num_bindings",
    "IExecutionContext": "set_input_shape set_tensor_address execute_async_v3 execute_async_v2 "
    "profiler enqueue_emits_profile report_to_profiler",
    "IHostMemory": "nbytes",
    "ILayer": "type precision get_output num_outputs",
    "ILogger": "__init__ log INTERNAL_ERROR ERROR WARNING INFO VERBOSE",
    "INetworkDefinition": "num_inputs num_outputs num_layers get_input get_output get_layer",
    "IOptimizationProfile": "set_shape",
    "IProfiler": "__init__ report_layer_time",
    "IProgressMonitor": "__init__ phase_start step_complete phase_finish",
    "ITensor": "allowed_formats dtype name",
    "ITimingCache": "serialize",
    "LayerInformationFormat": "JSON ONELINE",
    "LayerType": "ACTIVATION CONVOLUTION ELEMENTWISE POOLING REDUCE RESIZE SCALE UNARY CAST "
    "SHUFFLE",
    "MemoryPoolType": "WORKSPACE",
    "NetworkDefinitionCreationFlag": "EXPLICIT_BATCH STRONGLY_TYPED",
    "OnnxParser": "__init__ parse num_errors get_error",
    "ParserError": "desc",
    "PreviewFeature": "PROFILE_SHARING_0806",
    "ProfilingVerbosity": "DETAILED",
    "Runtime": "__init__ deserialize_cuda_engine engine_host_code_allowed DLA_core",
    "TensorFormat": "LINEAR",
}
FUNCTIONS = ("init_libnvinfer_plugins",)


def cut_out(api: dict[str, Any]) -> dict[str, Any]:
    """Return the needed part of a description; what a version lacks is not there."""
    classes = {
        name: {m: _member(api[name][m]) for m in members.split() if m in api[name]}
        for name, members in NEEDED.items()
        if name in api
    }
    return classes | {name: _member(api[name]) for name in FUNCTIONS}


def read_api(version: str) -> dict[str, Any]:
    """Return the needed part of a version."""
    found: dict[str, Any] = json.loads(API_FILE.read_text(encoding="utf-8"))[version]
    return found


def _member(told: Any) -> Any:
    """Signatures become lists of arguments, an optional one with "=" behind it."""
    return told if isinstance(told, str) else [_arguments(signature) for signature in told]


def _arguments(signature: str) -> list[str]:
    inside = signature[signature.index("(") + 1 : signature.rindex(") ->")]
    inside = re.sub(r"\[[^\[\]]*\]|<[^<>]*>", "", re.sub(r"\[[^\[\]]*\]", "", inside))
    parts = [part.strip() for part in inside.split(",") if part.strip()]
    names = [part.partition(":")[0].strip() + ("=" if "=" in part else "") for part in parts]
    return [name for name in names if name != "self"]
