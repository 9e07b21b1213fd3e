"""MIL operators in torch, each as Apple's MIL specification (iOS 17 and 18) defines it.

Every operator computes in the type of its inputs: float16 in float16, int8 in int8. Constants are
checked against what is implemented; anything else is refused, never approximated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from edge_mef.errors import BundleError

Result = Tensor | Sequence[Tensor]
DTYPES = {
    "fp16": torch.float16,
    "fp32": torch.float32,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "int16": torch.int16,
    "uint16": torch.uint16,
    "int32": torch.int32,
    "bool": torch.bool,
}
_RANGES = {"int8": (-128, 127), "uint8": (0, 255)}


@dataclass(frozen=True)
class Call:
    """One operation: its name and type for messages, its inputs as tensors and as constants."""

    name: str
    operator: str
    tensors: Mapping[str, Tensor]
    lists: Mapping[str, Sequence[Tensor]]
    constants: Mapping[str, Any]

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def constant(self, name: str, default: Any = None) -> Any:
        """Return an input that has to be constant, as plain Python."""
        return self.constants.get(name, default)

    def refuse(self, what: str) -> BundleError:
        """Return the error for something that is not implemented."""
        return BundleError(
            f"the MIL operation '{self.name}' ({self.operator}) has {what}, which the interpreter "
            "does not know: check the package on a Mac instead"
        )


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Call], Tensor]:
    return lambda call: function(call["x"], call["y"])


def _unary(function: Callable[[Tensor], Tensor]) -> Callable[[Call], Tensor]:
    return lambda call: function(call["x"])


def _reduce(function: Callable[..., Tensor]) -> Callable[[Call], Tensor]:
    def run(call: Call) -> Tensor:
        axes = call.constant("axes")
        dims = list(range(call["x"].dim())) if axes is None else list(axes)
        return function(call["x"], dim=dims, keepdim=bool(call.constant("keep_dims", False)))

    return run


def _pads(call: Call, kernel: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """Padding of the two spatial axes as F.pad takes it: left, right, top, bottom."""
    kind = call.constant("pad_type", "valid")
    if kind == "valid":
        return [0, 0, 0, 0]
    if kind == "custom":
        top, bottom, left, right = call.constant("pad")
        return [left, right, top, bottom]
    if kind not in ("same", "same_lower") or set(call.constant("strides", (1, 1))) != {1}:
        raise call.refuse(f"the padding '{kind}'")
    total = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    small, large = [t // 2 for t in total], [t - t // 2 for t in total]
    first, last = (small, large) if kind == "same" else (large, small)
    return [first[1], last[1], first[0], last[0]]


def _conv(call: Call) -> Tensor:
    x, weight = call["x"], call["weight"]
    if x.dim() != 4:
        raise call.refuse(f"{x.dim()} axes")
    dilations = call.constant("dilations", (1, 1))
    padded = F.pad(x, _pads(call, weight.shape[2:], dilations))
    return F.conv2d(
        padded,
        weight,
        call.tensors.get("bias"),
        stride=call.constant("strides", (1, 1)),
        dilation=dilations,
        groups=call.constant("groups", 1),
    )


def _avg_pool(call: Call) -> Tensor:
    kernel = call.constant("kernel_sizes")
    if any(_pads(call, kernel, (1, 1))) or call.constant("ceil_mode", False):
        raise call.refuse("padding")
    return F.avg_pool2d(call["x"], kernel, call.constant("strides", (1, 1)))


def _upsample_bilinear(call: Call) -> Tensor:
    """The grid follows from the sizes, not from the factors: spacing = Xin / Xout."""
    height, width = call["x"].shape[-2:]
    size = (
        int(height * call.constant("scale_factor_height", 1)),
        int(width * call.constant("scale_factor_width", 1)),
    )
    if call.constant("align_corners", True):
        raise call.refuse("aligned corners")
    return F.interpolate(call["x"], size=size, mode="bilinear", align_corners=False)


def _resize_bilinear(call: Call) -> Tensor:
    if call.constant("sampling_mode", "DEFAULT") != "UNALIGN_CORNERS":
        raise call.refuse("another sampling mode than UNALIGN_CORNERS")
    size = (call.constant("target_size_height"), call.constant("target_size_width"))
    return F.interpolate(call["x"], size=size, mode="bilinear", align_corners=False)


def _gather(call: Call) -> Tensor:
    x, indices, axis = call["x"], call["indices"].long(), int(call.constant("axis", 0))
    if call.constant("batch_dims", 0):
        raise call.refuse("batch dimensions")
    axis %= x.dim()
    indices = torch.where(indices < 0, indices + x.shape[axis], indices)
    if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < x.shape[axis]:
        raise call.refuse("indices outside of its input")
    taken = x.index_select(axis, indices.reshape(-1))
    return taken.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def _slice_by_index(call: Call) -> Tensor:
    x = call["x"]
    strides = call.constant("stride") or [1] * x.dim()
    if min(strides) < 1:
        raise call.refuse("a negative stride")
    none = [False] * x.dim()
    masks = [call.constant(f"{name}_mask") or none for name in ("begin", "end", "squeeze")]
    places: list[slice | int] = []
    for axis, step in enumerate(strides):
        begin, end = call.constant("begin")[axis], call.constant("end")[axis]
        if masks[2][axis]:
            places.append(int(begin))
            continue
        start, stop = None if masks[0][axis] else begin, None if masks[1][axis] else end
        places.append(slice(start, stop, step))
    return x[tuple(places)]


def _split(call: Call) -> Sequence[Tensor]:
    x, axis = call["x"], int(call.constant("axis"))
    sizes = call.constant("split_sizes")
    if sizes is None:
        count = int(call.constant("num_splits"))
        sizes = [x.shape[axis] // count] * count
    return torch.split(x, list(sizes), axis)


def _concat(call: Call) -> Tensor:
    if call.constant("interleave", False):
        raise call.refuse("interleaving")
    return torch.cat(list(call.lists["values"]), int(call.constant("axis")))


def _squeeze(call: Call) -> Tensor:
    axes = call.constant("axes")
    return call["x"].squeeze() if axes is None else call["x"].squeeze(tuple(axes))


def _expand_dims(call: Call) -> Tensor:
    x, axes = call["x"], call.constant("axes")
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _reshape(call: Call) -> Tensor:
    x = call["x"]
    return x.reshape([x.shape[i] if s == 0 else s for i, s in enumerate(call.constant("shape"))])


def _cast(call: Call) -> Tensor:
    """Floats become whole numbers by cutting off."""
    return call["x"].to(DTYPES[call.constant("dtype")])


def _clip(call: Call) -> Tensor:
    return call["x"].clamp(call.constant("alpha"), call.constant("beta"))


def _instance_norm(call: Call) -> Tensor:
    x = call["x"]
    epsilon = call.constant("epsilon", 1e-5)
    mean = x.mean((2, 3), keepdim=True)
    variance = (x - mean).square().mean((2, 3), keepdim=True)
    normed = (x - mean) * torch.rsqrt(variance + epsilon)
    shape = (1, -1, 1, 1)
    for name, apply in (("gamma", torch.mul), ("beta", torch.add)):
        if name in call.tensors:
            normed = apply(normed, call[name].reshape(shape))
    return normed


def _along(parameter: Tensor, call: Call) -> Tensor:
    """A scalar as it is, a vector along the operation's axis."""
    if parameter.dim() == 0:
        return parameter
    shape = [1] * call["input"].dim()
    shape[int(call.constant("axis"))] = -1
    return parameter.reshape(shape)


def _quantize(call: Call) -> Tensor:
    """clip(round(input / scale) + zero_point); ties go to the even number."""
    kind = call.constant("output_dtype")
    low, high = _RANGES[kind]
    levels = torch.round(call["input"] / _along(call["scale"], call))
    if "zero_point" in call.tensors:
        levels = levels + _along(call["zero_point"], call).to(levels.dtype)
    return levels.clamp(low, high).to(DTYPES[kind])


def _dequantize(call: Call) -> Tensor:
    """(input - zero_point) * scale, in the type of the scale."""
    scale = _along(call["scale"], call)
    levels = call["input"].to(scale.dtype)
    if "zero_point" in call.tensors:
        levels = levels - _along(call["zero_point"], call).to(scale.dtype)
    return levels * scale


OPERATORS: dict[str, Callable[[Call], Result]] = {
    "abs": _unary(torch.abs),
    "add": _binary(torch.add),
    "avg_pool": _avg_pool,
    "cast": _cast,
    "ceil": _unary(torch.ceil),
    "clip": _clip,
    "concat": _concat,
    "conv": _conv,
    "dequantize": _dequantize,
    "exp": _unary(torch.exp),
    "expand_dims": _expand_dims,
    "floor": _unary(torch.floor),
    "gather": _gather,
    "identity": _unary(torch.clone),
    "instance_norm": _instance_norm,
    "leaky_relu": lambda call: F.leaky_relu(call["x"], float(call.constant("alpha"))),
    "matmul": lambda call: torch.matmul(
        call["x"].mT if call.constant("transpose_x", False) else call["x"],
        call["y"].mT if call.constant("transpose_y", False) else call["y"],
    ),
    "maximum": _binary(torch.maximum),
    "minimum": _binary(torch.minimum),
    "mul": _binary(torch.mul),
    "quantize": _quantize,
    "real_div": _binary(torch.div),
    "reduce_max": _reduce(torch.amax),
    "reduce_mean": _reduce(torch.mean),
    "reduce_min": _reduce(torch.amin),
    "reduce_sum": _reduce(torch.sum),
    "relu": _unary(F.relu),
    "reshape": _reshape,
    "resize_bilinear": _resize_bilinear,
    "round": _unary(torch.round),
    "sigmoid": _unary(torch.sigmoid),
    "slice_by_index": _slice_by_index,
    "softmax": lambda call: torch.softmax(call["x"], int(call.constant("axis", -1))),
    "split": _split,
    "sqrt": _unary(torch.sqrt),
    "square": _unary(torch.square),
    "squeeze": _squeeze,
    "sub": _binary(torch.sub),
    "tanh": _unary(torch.tanh),
    "tile": lambda call: call["x"].tile(tuple(call.constant("reps"))),
    "transpose": lambda call: call["x"].permute(tuple(call.constant("perm"))),
    "upsample_bilinear": _upsample_bilinear,
}
# Constants, also the packed ones: coremltools gives their values.
CONSTANTS = frozenset(
    {"const", "constexpr_affine_dequantize", "constexpr_blockwise_shift_scale", "constexpr_cast"}
)
KNOWN = frozenset(OPERATORS) | CONSTANTS
