"""Quantization-aware training: a float network that computes as its int8 program will.

The weights stay those of the network, in float and under their names. While it runs, the inputs and
weights of the convolutions that `edge_mef.calibration.quantizer` would quantize are rounded to int8
levels, and gradients pass the rounding unchanged (straight-through; Bengio, Leonard and Courville,
"Estimating or Propagating Gradients Through Stochastic Neurons", 2013). So training sees what int8
costs, and finds weights that suffer less from it.

What is learned is to fuse as the given float network does (distillation; Hinton, Vinyals and Dean,
"Distilling the Knowledge in a Neural Network", 2015): the weights already are what their own loss
made of them, and only the rounding is new.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from edge_mef.calibration.quantize import Ranges, trace_network
from edge_mef.calibration.quiet import quiet
from edge_mef.calibration.recipe import ACTIVATION_LEVELS, WEIGHT_LEVELS
from edge_mef.models.table import NetworkSpec
from edge_mef.objectives import Objective

_EXACT = 0.01  # squared grey levels; what is closer counts as equal
_FLAT_WEIGHT = 20.0  # makes noise in flat areas about as much as all noise, for our networks
_WINDOW, _CONTRAST = 9, (0.03 * 255.0) ** 2  # pixels; squared grey levels
_OUTPUT_AXES: dict[Any, int] = {torch.conv2d: 0, torch.conv_transpose2d: 1}


class FakeQuantized(nn.Module):
    """A network whose convolutions compute with values rounded to int8 levels.

    It takes the place of the network in losses and pipelines. Its parameters are the network's own;
    the ranges of its activations are the largest magnitudes of the last `observing`.

    Args:
        spec: the network's row; it is traced to learn which convolutions become int8.
        network: the float network; its weights are read anew in every run.
    """

    magnitudes: Tensor

    def __init__(self, spec: NetworkSpec, network: nn.Module) -> None:
        super().__init__()
        mode = network.training
        self.plan = _plan(spec, network)
        self.layers = tuple(dict.fromkeys(name for name in self.plan if name is not None))
        self.network = network.train(mode)
        self.register_buffer("magnitudes", torch.zeros(len(self.layers)))
        self._observing = False

    def forward(self, x: Tensor) -> Any:
        """What the network computes in int8; while observing, what it computes in float."""
        handle = self._observe if self._observing else self._round
        with _Convolutions(self.plan, handle) as convolutions:
            result = self.network(x)
        assert convolutions.count == len(self.plan), "the network runs as it was traced"
        return result

    @contextmanager
    def observing(self) -> Iterator[None]:
        """Compute in float meanwhile, and measure the ranges anew: the largest magnitudes seen."""
        self._observing = True
        self.magnitudes.zero_()
        try:
            with torch.no_grad():
                yield
        finally:
            self._observing = False

    @property
    def ranges(self) -> Ranges:
        """The largest magnitude of every layer's input, as `edge_mef.calibration.quantize` has."""
        return dict(zip(self.layers, self.magnitudes.tolist(), strict=True))

    def set_ranges(self, ranges: Mapping[str, float]) -> None:
        """Take ranges that were kept; `KeyError` where a layer has none."""
        found = torch.tensor([ranges[name] for name in self.layers])
        self.magnitudes.copy_(found)

    def _observe(self, layer: str, x: Tensor, weight: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        index = self.layers.index(layer)
        found = x.detach().abs().amax().float()
        self.magnitudes[index] = torch.maximum(self.magnitudes[index], found)
        return x, weight

    def _round(self, layer: str, x: Tensor, weight: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        magnitude = self.magnitudes[self.layers.index(layer)]
        return round_activation(x, magnitude), round_weight(weight, axis)


class Imitation:
    """The objective of a training for int8: to fuse as a given network does, in int8 and in float.

    The loss is the PSNR against what `given` makes of a sample, negative, in dB, for the sum of
    both squared differences; the mean over samples. Without the second one the float network
    drifts away, and int8 pictures are no longer like its own. Differences count more where the
    picture is flat, as they do in MEF-SSIM, see `flat_noise`.

    Args:
        objective: of the network.
        given: the float network as it was.
        network: the float network that is trained, without rounding.
    """

    def __init__(self, objective: Objective, given: nn.Module, network: nn.Module) -> None:
        self.objective, self.given, self.network = objective, given, network

    def loss(self, rounded: nn.Module, samples: list[Tensor]) -> Tensor:
        """The loss of samples (N, 3, size, size), for the network with rounding."""
        gaps = [self._gaps(rounded, one) for one in self.objective.inputs(samples)]
        return 10.0 * torch.log10(torch.cat(gaps) / 255.0**2).mean()

    def _gaps(self, rounded: nn.Module, given: Tensor) -> Tensor:
        """The squared difference of every fused picture, in grey levels, and never 0."""
        fused = self.objective.fused
        with torch.no_grad():
            expected = fused(self.given, given)
        gaps = [fused(one, given) - expected for one in (rounded, self.network)]
        noise = [gap.square() + _FLAT_WEIGHT * flat_noise(gap, expected) for gap in gaps]
        return sum((one.flatten(1).mean(1) for one in noise), torch.tensor(_EXACT))


def flat_noise(gap: Tensor, expected: Tensor) -> Tensor:
    """Return the squared difference without its local mean, weighted as structural similarity is.

    With the local variance v of the picture the weight is C / (2 v + C), so 1 where it is flat:
    what noise in a window costs its structural similarity, in units of C = (0.03 * 255)^2 (Wang et
    al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004, eq. 13).

    Args:
        gap: what a picture differs by, (B, C, H, W) in grey levels.
        expected: the picture, of the same shape.
    """
    centred, structure = gap - _local_mean(gap), expected - _local_mean(expected)
    variance = _local_mean(structure.square())
    return centred.square() * _CONTRAST / (2.0 * variance + _CONTRAST)


def _local_mean(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, _WINDOW, 1, _WINDOW // 2, count_include_pad=False)


def round_activation(x: Tensor, magnitude: Tensor) -> Tensor:
    """Round to the levels -128 to 127 of a range of -magnitude to magnitude.

    What lies outside is clipped and has no gradient.
    """
    scale = scales_of_range(magnitude, ACTIVATION_LEVELS)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_tensor_affine(x, scale, zero, *ACTIVATION_LEVELS)


def round_weight(weight: Tensor, axis: int) -> Tensor:
    """Round to the levels -127 to 127, with a scale for each output channel, along `axis`."""
    others = [dim for dim in range(weight.dim()) if dim != axis]
    scales = scales_of_range(weight.detach().abs().amax(others), WEIGHT_LEVELS)
    zeros = torch.zeros_like(scales, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scales, zeros, axis, *WEIGHT_LEVELS)


def scales_of_range(magnitudes: Tensor, levels: tuple[int, int]) -> Tensor:
    """Return what a level stands for, by the observers' rule; never 0.

    The range, twice the magnitude, is divided by the number of steps between the levels.
    """
    from edge_mef.calibration.observer import half_scale
    from edge_mef.calibration.quantizer import SMALLEST_SCALE

    low, high = levels
    return half_scale((magnitudes / ((high - low) / 2.0)).clamp_min(SMALLEST_SCALE))


def _plan(spec: NetworkSpec, network: nn.Module) -> tuple[str | None, ...]:
    """The layer of every convolution in the order of running; None where it stays in float."""
    traced = trace_network(spec, network)
    with quiet():
        from edge_mef.calibration.quantizer import all_convolutions, convolutions
    learned = {node: name for name, node in convolutions(traced)}
    return tuple(learned.get(node) for _, node in all_convolutions(traced))


_Handle = Callable[[str, Tensor, Tensor, int], tuple[Tensor, Tensor]]


class _Convolutions(TorchFunctionMode):
    """Shows the operands of every planned convolution to `handle`, which replaces them.

    Convolutions are known by their order: some networks compute their kernels from parameters, so
    that no module could be hooked.
    """

    def __init__(self, plan: Sequence[str | None], handle: _Handle) -> None:
        super().__init__()
        self.plan, self.handle, self.count = plan, handle, 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in _OUTPUT_AXES:
            layer = self.plan[self.count]
            self.count += 1
            if layer is not None:
                operands = self.handle(layer, args[0], args[1], _OUTPUT_AXES[func])
                args = (*operands, *args[2:])
        return func(*args, **(kwargs or {}))
