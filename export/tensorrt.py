"""The target trt: TensorRT's flavour of the model, and a plan for the engine.

The engine itself depends on GPU, driver and versions, so it is never part of a bundle: it is built
where it runs, and at once where that is here.
"""

from collections import Counter

import onnx
from pydantic import ValidationError

from edge_mef.contract import FusionContract
from edge_mef.errors import GateError, InputError, MissingError
from edge_mef.export.artefacts import Artefact, Conversion
from edge_mef.export.options import TensorRTOptions
from edge_mef.export.proof import count_precisions
from edge_mef.export.trt_graph import tensorrt_model
from edge_mef.manifest import ArtefactEntry, Precision, PrecisionProof
from edge_mef.runtimes.build_watch import watcher
from edge_mef.runtimes.table import RUNTIMES, why_not
from edge_mef.runtimes.trt_cache import EngineCache
from edge_mef.runtimes.trt_engine import open_engine
from edge_mef.runtimes.trt_plan import MODEL_FILE, PLAN_FILE, EnginePlan, Profile, encode_plan
from edge_mef.runtimes.trt_version import load_tensorrt

_PORTABLE = "model.onnx"


def convert(conversion: Conversion) -> list[Artefact]:
    """Return the TensorRT flavour with its plan; build and cache the engine where that works here.

    Raises:
        GateError: TensorRT does not support the graph, or it is not in the precision asked for.
        InputError: impossible options.
        MissingError: an engine is required, and cannot be built here.
    """
    options = conversion.options.tensorrt
    plan = make_plan(conversion.contract, conversion.precision, options)
    problem = missing_for_engine()
    if problem is not None and options.engine == "required":
        raise engine_required(problem)
    model = tensorrt_model(onnx.load_from_string(conversion.portable[_PORTABLE]))
    proof = count_precisions(model)
    _check_proof(proof, conversion.precision)
    data = bytes(model.SerializeToString(deterministic=True))
    if problem is not None:
        watcher().note(f"the TensorRT engine will be built on the device on first use: {problem}")
    else:
        keep = options.engine == "required"
        open_engine(load_tensorrt(), data, plan, EngineCache(), keep=keep)
    operators = Counter(node.op_type for node in model.graph.node)
    entry = ArtefactEntry(
        format="tensorrt",
        file=MODEL_FILE,
        exposures=conversion.contract.exposures,
        precision=conversion.precision,
        version=int(model.opset_import[0].version),
        operators=dict(sorted(operators.items())),
        proof=proof,
    )
    return [Artefact(entry, {MODEL_FILE: data, PLAN_FILE: encode_plan(plan)})]


def missing_for_engine() -> str | None:
    """Return what keeps an engine from being built here, or None."""
    return why_not(RUNTIMES["tensorrt"])


def engine_required(problem: str) -> MissingError:
    """Return the error for an engine that is required and cannot be built here."""
    return MissingError(
        f"an engine was required, and none can be built here, because {problem}; nothing was "
        "written: leave out --require-engine to build it on first use"
    )


def make_plan(
    contract: FusionContract, precision: Precision, options: TensorRTOptions
) -> EnginePlan:
    """Return the plan for a contract; `InputError` where the options are impossible."""
    fixed = contract.height is not None
    if options.dla is not None and (not fixed or precision == "fp32"):
        raise InputError(
            "the deep learning accelerator takes one size, and fp16 or int8: pass --size HxW and "
            f"--precision, found {contract.size_text} and {precision}"
        )
    try:
        profile = Profile(smallest=options.smallest, usual=options.usual, largest=options.largest)
        return EnginePlan(
            precision=precision,
            inputs=contract.inputs,
            output=contract.output,
            profile=None if fixed else profile,
            workspace=options.workspace,
            level=options.level,
            version_compatible=options.version_compatible,
            hardware_compatible=options.hardware_compatible,
            dla=options.dla,
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "sizes of the profile"
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{place}: {message}, found {first['input']}") from error


def _check_proof(proof: PrecisionProof, precision: Precision) -> None:
    """A graph that says int8 or fp16 must compute in it."""
    if precision != "fp32" and not getattr(proof, precision):
        raise GateError(
            f"expected convolutions in {precision} in {MODEL_FILE}, found {proof.text}: the "
            "network was not put into that precision"
        )
