"""Executing a MIL program operation by operation, and counting what it computes in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edge_mef.manifest import PrecisionProof
from edge_mef.runtimes.mil_ops import CONSTANTS, OPERATORS, Call
from edge_mef.runtimes.mil_package import FUNCTION


@dataclass(frozen=True)
class _Step:
    """One operation: where its inputs come from, and what nobody needs after it."""

    name: str
    operator: str
    variables: Mapping[str, str]
    lists: Mapping[str, Sequence[str]]
    tensors: dict[str, Tensor]
    constants: Mapping[str, Any]
    outputs: tuple[str, ...]
    last: tuple[str, ...]


class MilProgram:
    """A program of one function, ready to run.

    Args:
        program: coremltools' Program, with operators of `mil_ops.KNOWN` only.
    """

    def __init__(self, program: Any) -> None:
        function = program.functions[FUNCTION]
        self.outputs = tuple(variable.name for variable in function.outputs)
        values = _constants(function.operations)
        computed = [op for op in function.operations if op.op_type not in CONSTANTS]
        last = {name: op.name for op in computed for name in _names(op)}
        kept = set(self.outputs)
        self._constants = {n: v for n, v in values.items() if isinstance(v, Tensor)}
        self._steps = [_step(op, values, last, kept) for op in computed]

    def run(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute the outputs from inputs of the program's types and shapes."""
        held: dict[str, Tensor] = dict(inputs)
        with torch.inference_mode():
            for step in self._steps:
                found = OPERATORS[step.operator](self._call(step, held))
                results = [found] if isinstance(found, Tensor) else list(found)
                held.update(zip(step.outputs, results, strict=True))
                for name in step.last:
                    held.pop(name, None)
        return {name: held[name] for name in self.outputs}

    def _call(self, step: _Step, held: Mapping[str, Tensor]) -> Call:
        tensors = {name: held[variable] for name, variable in step.variables.items()}
        lists = {
            name: [held[v] if v in held else self._constants[v] for v in variables]
            for name, variables in step.lists.items()
        }
        return Call(step.name, step.operator, step.tensors | tensors, lists, step.constants)


def count_operators(program: Any) -> dict[str, int]:
    """Count the operations of a program by their type, plain constants left out."""
    operations = program.functions[FUNCTION].operations
    counts = Counter(op.op_type for op in operations if op.op_type != "const")
    return dict(sorted(counts.items()))


def prove_precision(program: Any) -> PrecisionProof:
    """Count convolutions by what goes in; int8 means int8 pixels and int8 weights."""
    operations = program.functions[FUNCTION].operations
    kinds = Counter(_precision(op) for op in operations if op.op_type == "conv")
    pairs = sum(
        op.op_type == "quantize"
        and any(user.op_type == "dequantize" for out in op.outputs for user in out.child_ops)
        for op in operations
    )
    return PrecisionProof(pairs=pairs, **kinds)


def _precision(convolution: Any) -> str:
    pixels, weight = convolution.x.op, convolution.weight.op
    if pixels is not None and pixels.op_type == "dequantize" and _packed(weight):
        return "int8"
    return "fp16" if convolution.x.dtype.__name__ == "fp16" else "fp32"


def _packed(weight: Any) -> bool:
    """Whether a constant is stored in 8 bits."""
    return weight is not None and weight.op_type in (
        "constexpr_affine_dequantize",
        "constexpr_blockwise_shift_scale",
    )


def _constants(operations: Sequence[Any]) -> dict[str, Any]:
    """The values of all constants: tensors where they are numbers, else plain Python."""
    values = {}
    for op in operations:
        if op.op_type not in CONSTANTS:
            continue
        value = op.outputs[0].val if op.op_type == "const" else op.materialized_val_inference()
        values[op.outputs[0].name] = _tensor(value) if _is_number(value) else value
    return values


def _is_number(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and np.asarray(value).dtype.kind in "biuf"


def _tensor(value: Any) -> Tensor:
    array = np.ascontiguousarray(value)
    return torch.from_numpy(array.copy()).reshape(np.shape(value))


def _inputs(op: Any) -> dict[str, Any]:
    return {name: value for name, value in op.inputs.items() if value is not None}


def _names(op: Any) -> list[str]:
    found = []
    for value in _inputs(op).values():
        found += [v.name for v in value] if isinstance(value, list | tuple) else [value.name]
    return found


def _step(op: Any, values: Mapping[str, Any], last: Mapping[str, str], kept: set[str]) -> _Step:
    singles, lists, tensors, constants = {}, {}, {}, {}
    for name, value in _inputs(op).items():
        if isinstance(value, list | tuple):
            lists[name] = [part.name for part in value]
        elif value.name not in values:
            singles[name] = value.name
        else:
            held = values[value.name]
            if isinstance(held, Tensor):
                tensors[name] = held
            constants[name] = held.tolist() if isinstance(held, Tensor) else held
    outputs = tuple(out.name for out in op.outputs)
    unused = [name for name in outputs if name not in last]
    done = {n for n in _names(op) if last[n] == op.name} | set(unused)
    return _Step(
        op.name, op.op_type, singles, lists, tensors, constants, outputs, tuple(done - kept)
    )
