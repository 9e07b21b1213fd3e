"""Operators of the interpreter against their definition, written down a second time in NumPy."""

from typing import Any

import numpy as np
import pytest
import torch

from edge_mef.errors import BundleError
from edge_mef.runtimes.mil_ops import CONSTANTS, KNOWN, OPERATORS, Call


def run(operator: str, constants: dict[str, Any] | None = None, **tensors: Any) -> Any:
    lists = {k: [torch.as_tensor(v) for v in t] for k, t in tensors.items() if isinstance(t, tuple)}
    singles = {k: torch.as_tensor(t) for k, t in tensors.items() if not isinstance(t, tuple)}
    found = OPERATORS[operator](Call("here", operator, singles, lists, constants or {}))
    return found.numpy() if isinstance(found, torch.Tensor) else [part.numpy() for part in found]


@pytest.fixture
def x() -> Any:
    return np.random.default_rng(5).normal(size=(2, 3, 5, 7)).astype(np.float32)


def test_quantize_rounds_ties_to_even_and_saturates() -> None:
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 1000.0, -1000.0], np.float32)
    found = run("quantize", {"output_dtype": "int8"}, input=values, scale=np.float32(1.0))
    assert found.dtype == np.int8
    assert found.tolist() == [0, 2, 2, 0, -2, 127, -128]


def test_quantize_and_dequantize_along_an_axis() -> None:
    values = np.array([[1.0, -1.0], [1.0, -1.0]], np.float32)
    scale, zero = np.array([0.5, 0.25], np.float32), np.array([3, 0], np.int8)
    kind = {"output_dtype": "int8", "axis": 0}
    levels = run("quantize", kind, input=values, scale=scale, zero_point=zero)
    assert levels.tolist() == [[5, 1], [4, -4]]
    back = run("dequantize", {"axis": 0}, input=levels, scale=scale, zero_point=zero)
    assert back.tolist() == values.tolist()


def test_dequantize_does_not_overflow_and_keeps_half() -> None:
    levels, zero = np.array([127, -128], np.int8), np.int8(-128)
    found = run("dequantize", input=levels, scale=np.float16(0.5), zero_point=zero)
    assert found.dtype == np.float16
    assert found.tolist() == [127.5, 0.0]


def test_conv_with_uneven_padding_and_stride(x: Any) -> None:
    weight = np.random.default_rng(6).normal(size=(4, 3, 2, 3)).astype(np.float32)
    bias = np.arange(4, dtype=np.float32)
    constants = {"pad_type": "custom", "pad": [1, 0, 0, 2], "strides": [2, 1]}
    found = run("conv", constants, x=x, weight=weight, bias=bias)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2)))
    expected = np.empty((2, 4, 3, 7), np.float32)
    for i in range(3):
        for j in range(7):
            patch = padded[:, :, 2 * i : 2 * i + 2, j : j + 3]
            expected[:, :, i, j] = np.einsum("bcij,ocij->bo", patch, weight) + bias
    assert found == pytest.approx(expected, abs=1e-5)


def test_conv_same_puts_the_odd_row_last(x: Any) -> None:
    weight = np.zeros((3, 1, 2, 2), np.float32)
    weight[:, :, 0, 0] = 1.0
    found = run("conv", {"pad_type": "same", "groups": 3}, x=x, weight=weight)
    assert np.array_equal(found, x)


def test_upsampling_takes_its_grid_from_the_sizes(x: Any) -> None:
    """A factor may be a little more than the sizes' ratio; the grid is that of the ratio."""
    constants = {
        "scale_factor_height": (8 + 1e-4) / 5,
        "scale_factor_width": (5 + 1e-4) / 7,
        "align_corners": False,
    }
    found = run("upsample_bilinear", constants, x=x)
    assert found.shape == (2, 3, 8, 5)
    rows, columns = weights(5, 8), weights(7, 5)
    expected = np.einsum("ih,bchw,jw->bcij", rows, x.astype(np.float64), columns)
    assert found == pytest.approx(expected, abs=1e-5)
    sizes = {"target_size_height": 8, "target_size_width": 5, "sampling_mode": "UNALIGN_CORNERS"}
    assert np.array_equal(run("resize_bilinear", sizes, x=x), found)


def weights(length: int, out: int) -> Any:
    """grid_point[i] = min(Xin - 1, max(0, (i + 0.5) * Xin / Xout - 0.5))."""
    points = np.clip((np.arange(out) + 0.5) * length / out - 0.5, 0, length - 1)
    return np.maximum(0.0, 1.0 - np.abs(points[:, None] - np.arange(length)))


def test_gather_along_an_axis(x: Any) -> None:
    indices = np.array([[0, 4], [-1, 2]], np.int32)
    found = run("gather", {"axis": 2}, x=x, indices=indices)
    assert np.array_equal(found, np.take(x, indices, axis=2))
    with pytest.raises(BundleError, match=r"'here' \(gather\) has indices outside"):
        run("gather", {"axis": 2}, x=x, indices=np.array([5], np.int32))


def test_slicing_with_masks(x: Any) -> None:
    constants = {
        "begin": [0, 1, 1, 2],
        "end": [9, 2, -1, 0],
        "stride": [1, 1, 2, 1],
        "begin_mask": [True, False, False, False],
        "end_mask": [True, False, False, True],
        "squeeze_mask": [False, True, False, False],
    }
    assert np.array_equal(run("slice_by_index", constants, x=x), x[:, 1, 1:-1:2, 2:])


def test_splitting_and_joining(x: Any) -> None:
    parts = run("split", {"axis": 1, "split_sizes": [1, 2]}, x=x)
    assert [part.shape[1] for part in parts] == [1, 2]
    joined = run("concat", {"axis": 1}, values=(parts[1], parts[0]))
    assert np.array_equal(joined, x[:, [1, 2, 0]])
    halves = run("split", {"axis": 0, "num_splits": 2}, x=x)
    assert np.array_equal(halves[1], x[1:])


def test_reductions(x: Any) -> None:
    kept = {"axes": [1, 2], "keep_dims": True}
    assert run("reduce_mean", kept, x=x) == pytest.approx(x.mean((1, 2), keepdims=True), abs=1e-6)
    assert np.array_equal(run("reduce_max", {"axes": [0]}, x=x), x.max(0))
    assert float(run("reduce_min", x=x)) == x.min()
    assert run("reduce_sum", {"axes": [-1]}, x=x) == pytest.approx(x.sum(-1), abs=1e-5)


def test_shapes(x: Any) -> None:
    assert run("reshape", {"shape": [0, -1]}, x=x).shape == (2, 105)
    assert run("transpose", {"perm": [1, 0, 3, 2]}, x=x).shape == (3, 2, 7, 5)
    assert run("expand_dims", {"axes": [0, -1]}, x=x).shape == (1, 2, 3, 5, 7, 1)
    assert run("squeeze", {"axes": [0]}, x=x[:1]).shape == (3, 5, 7)
    assert np.array_equal(run("tile", {"reps": [1, 2, 1, 1]}, x=x), np.tile(x, (1, 2, 1, 1)))


def test_rounding_and_casting() -> None:
    values = np.array([0.5, 1.5, -2.5, 2.7, -2.7], np.float32)
    assert run("round", x=values).tolist() == [0.0, 2.0, -2.0, 3.0, -3.0]
    assert run("cast", {"dtype": "int32"}, x=values).tolist() == [0, 1, -2, 2, -2]
    assert run("cast", {"dtype": "fp16"}, x=values).dtype == np.float16


def test_instance_norm(x: Any) -> None:
    gamma, beta = np.array([1.0, 2.0, 3.0], np.float32), np.array([0.5, 0.0, -1.0], np.float32)
    found = run("instance_norm", {"epsilon": 1e-3}, x=x, gamma=gamma, beta=beta)
    mean, variance = x.mean((2, 3), keepdims=True), x.var((2, 3), keepdims=True)
    expected = (x - mean) / np.sqrt(variance + 1e-3) * gamma[:, None, None] + beta[:, None, None]
    assert found == pytest.approx(expected, abs=1e-5)


def test_pooling(x: Any) -> None:
    constants = {"kernel_sizes": [2, 2], "strides": [2, 2], "pad_type": "valid"}
    found = run("avg_pool", constants, x=x[..., :4, :6])
    expected = x[..., :4, :6].reshape(2, 3, 2, 2, 3, 2).mean((3, 5))
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("operator", "constants", "what"),
    [
        ("avg_pool", {"kernel_sizes": [2, 2], "pad_type": "custom", "pad": [1] * 4}, "padding"),
        ("upsample_bilinear", {"align_corners": True}, "aligned corners"),
        ("resize_bilinear", {"sampling_mode": "DEFAULT"}, "another sampling mode"),
        ("slice_by_index", {"stride": [-1, 1, 1, 1]}, "a negative stride"),
    ],
)
def test_what_is_not_implemented_is_refused(
    x: Any, operator: str, constants: dict[str, Any], what: str
) -> None:
    with pytest.raises(BundleError, match=rf"'here' \({operator}\) has {what}"):
        run(operator, constants, x=x)


def test_elementwise_operators(x: Any) -> None:
    y = np.abs(x) + 1.0
    assert np.array_equal(run("real_div", x=x, y=y), x / y)
    assert np.array_equal(run("maximum", x=x, y=np.float32(0.1)), np.maximum(x, np.float32(0.1)))
    assert np.array_equal(run("clip", {"alpha": -0.5, "beta": 0.5}, x=x), np.clip(x, -0.5, 0.5))
    leaky = run("leaky_relu", {"alpha": 0.2}, x=x)
    assert leaky == pytest.approx(np.where(x > 0, x, 0.2 * x), abs=1e-6)
    product = run("matmul", {"transpose_y": True}, x=x, y=x)
    assert product == pytest.approx(x @ x.swapaxes(-1, -2), abs=1e-4)
    shares = run("softmax", {"axis": 0}, x=x)
    assert shares.sum(0) == pytest.approx(np.ones((3, 5, 7)), abs=1e-6)


def test_the_table_is_of_names() -> None:
    assert not CONSTANTS & set(OPERATORS)
    assert {"conv", "quantize", "dequantize", "const"} <= KNOWN
