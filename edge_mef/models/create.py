"""Make a network from its row and, where asked, its weights."""

import importlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edge_mef.errors import InputError
from edge_mef.models.table import NetworkSpec, find_network
from edge_mef.models.weights import Tensors, read_weights

LARGEST_KERNEL = 15


def create_model(
    name: str,
    channels: int | None = None,
    weights: str | PathLike[str] | None = None,
    *,
    kernel_sizes: Sequence[int] | None = None,
) -> nn.Module:
    """Make a network, in evaluation mode.

    Args:
        name: a name of `NETWORKS`.
        channels: width of the features, even; None takes it from the weights, else the default.
        weights: a .safetensors file with our parameter names or the authors'.
        kernel_sizes: filter sizes, shallow to deep, odd; None as for `channels`.

    Raises:
        InputError: unknown name, impossible settings, or weights that do not fit them.
    """
    spec = find_network(name)
    tensors = None if weights is None else read_weights(weights)
    found = network_settings(spec, tensors)
    width = found[0] if channels is None else channels
    kernels = found[1] if kernel_sizes is None else tuple(kernel_sizes)
    _check_settings(name, width, kernels, len(spec.default_kernel_sizes))
    network: nn.Module = _network_class(spec)(channels=width, kernel_sizes=kernels)
    if weights is not None and tensors is not None:
        load_tensors(network, tensors, Path(weights))
    return network.eval()


def network_settings(spec: NetworkSpec, tensors: Tensors | None) -> tuple[int, tuple[int, ...]]:
    """Return (channels, kernel sizes) read off saved tensors, or the row's defaults."""
    default = spec.default_channels, spec.default_kernel_sizes
    try:
        return default if tensors is None else _network_class(spec).settings_of(tensors)
    except (KeyError, IndexError):
        return default  # what does not fit is then named when the tensors are loaded


def _network_class(spec: NetworkSpec) -> Any:
    return getattr(importlib.import_module(spec.module), spec.class_name)


def load_tensors(network: nn.Module, tensors: Tensors, path: Path) -> None:
    """Put tensors (our names) into a network; `InputError` says what does not fit."""
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    missing = sorted(expected.keys() - tensors.keys())
    unknown = sorted(tensors.keys() - expected.keys())
    if missing or unknown:
        which = f"lacks {missing[0]!r}" if missing else f"has an unknown {unknown[0]!r}"
        raise InputError(
            f"{path} does not hold this network's weights: of {len(expected)} parameters "
            f"{len(missing)} are missing and {len(unknown)} are unknown (it {which})"
        )
    for key, shape in expected.items():
        if tensors[key].shape != shape:
            raise InputError(
                f"{path} is for other settings: {key!r} should have the shape {shape}, found "
                f"{tensors[key].shape}; give the channels and kernel sizes that it was trained with"
            )
    network.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in tensors.items()})


def _check_settings(name: str, channels: int, kernels: tuple[int, ...], levels: int) -> None:
    if channels < 2 or channels % 2:
        raise InputError(f"{name} needs an even number of channels, 2 or more, found {channels}")
    odd = all(0 < k <= LARGEST_KERNEL and k % 2 == 1 for k in kernels)
    if len(kernels) != levels or not odd:
        raise InputError(
            f"{name} needs {levels} odd kernel sizes up to {LARGEST_KERNEL}, found "
            f"{', '.join(map(str, kernels)) or 'none'}"
        )
