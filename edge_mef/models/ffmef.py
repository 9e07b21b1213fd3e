"""FFMEF: filter-dominated multi-exposure fusion (Zheng et al., CVPR Workshops 2023).

The network predicts, for every pixel of both exposures, one filter per kernel size; the fused luma
is the learned sum of the filtered exposures (equation 4). Three things are written differently
from the published code, with equal results: both exposures go through the shared encoder as one
batch, no patches are unfolded (see `FilterPredictor.forward`), and no size is computed from a
shape, so that `torch.export` keeps height and width symbolic.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

LEVEL_SCALES = (0.6, 0.3, 0.1)
LEVELS = len(LEVEL_SCALES)
SLOPE = 0.2
EPS = 1e-5


class InstanceNorm(nn.Module):
    """Affine instance normalization over the whole frame, computed in float32.

    (B, C, H, W) of any float type in, the same out. Half precision keeps neither the sum over
    a frame nor the squares, so the statistics are always single precision.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Bring every channel of a picture to zero mean and unit variance; scale and shift."""
        weight, bias = self.weight.float(), self.bias.float()
        # F.instance_norm looks at the size, which fails for 1x1 and adds a guard to exports.
        normed = torch.instance_norm(x.float(), weight, bias, None, None, True, 0.0, EPS, False)
        return normed.to(x.dtype)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a 1x1 one; the first half of the channels is normalized."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.identity = nn.Conv2d(channels_in, channels, 1)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.norm = InstanceNorm(channels // 2)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) to (B, channels, H, W)."""
        normed, plain = self.conv1(x).chunk(2, dim=1)
        y = F.leaky_relu(torch.cat([self.norm(normed), plain], dim=1), SLOPE)
        identity: Tensor = self.identity(x)
        return F.leaky_relu(self.conv2(y), SLOPE) + identity


class TransposedConv(nn.ConvTranspose2d):
    """A 3x3 transposed convolution of stride 1, computed as the convolution that it equals."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, H, W) to the same shape; runtimes are twice as fast with the plain form."""
        return F.conv2d(x, self.weight.flip(2, 3).transpose(0, 1), self.bias, padding=1)


class NormedConv(nn.Module):
    """The given convolution, then instance normalization and ReLU."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.conv = conv
        self.norm = InstanceNorm(conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) to (B, channels, H, W)."""
        return F.relu(self.norm(self.conv(x)))


class Skip(nn.Module):
    """A skip connection: scale_body * body(cat(x)) + scale_through * y, with learned scales."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.scale_body = nn.Parameter(torch.tensor([1.0]))
        self.scale_through = nn.Parameter(torch.tensor([0.5]))

    def forward(self, x: Sequence[Tensor], y: Tensor) -> Tensor:
        """Two (B, C, H, W) features and the one that passes through, to (B, C, H, W)."""
        mixed: Tensor = self.body(torch.cat(list(x), dim=1))
        return self.scale_body * mixed + self.scale_through * y


class Encoder(nn.Module):
    """The hierarchical representation extractor: U-shaped links, full resolution throughout."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.res_down1, self.res_down2 = ResidualBlock(c, c), ResidualBlock(c, c)
        self.res_bottom = ResidualBlock(c, c)
        self.res_up1, self.res_up2 = ResidualBlock(c, c), ResidualBlock(c, c)
        self.down1 = NormedConv(nn.Conv2d(c, c, 3, padding=1))
        self.down2 = NormedConv(nn.Conv2d(c, c, 3, padding=1))
        self.up1, self.up2 = NormedConv(TransposedConv(c)), NormedConv(TransposedConv(c))
        self.merge1, self.merge2 = Skip(ResidualBlock(2 * c, c)), Skip(ResidualBlock(2 * c, c))
        self.skips = nn.ModuleList([Skip(NormedConv(nn.Conv2d(2 * c, c, 1))) for _ in range(6)])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) to three features of that shape, shallow to deep."""
        skip = self.skips
        x11 = self.res_down1(x)
        d1 = self.down1(x11)
        d1 = skip[0]([x, d1], d1)
        x12 = self.res_down2(d1)
        d2 = self.down2(x12)
        d2 = skip[1]([d1, d2], d2)
        d2 = skip[2]([x, d2], d2)
        bottom = self.res_bottom(d2)
        u2 = self.up2(bottom)
        u2 = skip[3]([bottom, u2], u2)
        x22 = self.res_up2(u2)
        x22 = self.merge2([x12, x22], x22)
        u1 = self.up1(x22)
        u1 = skip[4]([x22, u1], u1)
        x21 = self.res_up1(u1)
        x21 = skip[5]([bottom, x21], x21)
        x21 = self.merge1([x11, x21], x21)
        return x21, x22, bottom


class Attention(nn.Module):
    """Equation 2: one attention map per exposure, from the features of both."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(2 * channels, channels, 1)
        self.maps = nn.Conv2d(channels, 2, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Scale features (2B, C, H, W), in which the exposures of a scene are neighbours."""
        height, width = features.shape[-2:]
        pairs = features.reshape(-1, self.squeeze.in_channels, height, width)
        maps = torch.sigmoid(self.maps(F.relu(self.squeeze(pairs))))
        return features * maps.reshape(-1, 1, height, width)


class FilterPredictor(nn.Module):
    """Equations 3 and 4 for one kernel size: predict a filter per pixel and apply it."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        taps = kernel * kernel
        self.kernel = kernel
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, taps, kernel, padding=kernel // 2)
        self.to_taps = nn.Conv2d(taps, taps, 1)

    def forward(self, features: Tensor, luma: Tensor, scale: Tensor) -> Tensor:
        """Features (2B, C, H, W), luma (2B, 1, H, W), a scalar, to the fused luma (B, 1, H, W).

        The taps are t = A h + b, with h the hidden map and A, b those of `to_taps`; the filtered
        pixel is t . p, with p its zero-padded patch. Since (A h + b) . p = h . (A^T p) + b . p, the
        patches are never built: A^T p and b . p are convolutions of the luma. The second is in
        `shift_kernel`, which the network applies once for all levels.
        """
        hidden = F.relu(self.conv2(F.relu(self.conv1(features))))
        k, taps = self.kernel, self.kernel * self.kernel
        mix = (self.to_taps.weight * scale).reshape(taps, taps).t().reshape(taps, 1, k, k)
        mixed = F.conv2d(luma, mix, padding=k // 2)
        height, width = luma.shape[-2:]
        return (hidden * mixed).reshape(-1, 2 * taps, height, width).sum(1, keepdim=True)

    def shift_kernel(self, size: int) -> Tensor:
        """The bias of the taps as a kernel (1, 1, size, size), padded around the middle."""
        pad, bias = (size - self.kernel) // 2, self.to_taps.bias
        assert bias is not None
        kernel = bias.reshape(1, 1, self.kernel, self.kernel)
        return F.pad(kernel, (pad, pad, pad, pad))


class FFMEF(nn.Module):
    """The published network; 7,662 parameters with 4 channels and kernels of 1, 3 and 5.

    Args:
        channels: width of all features; even, because half of them are normalized.
        kernel_sizes: the three filter sizes, shallow to deep; odd.
    """

    def __init__(self, channels: int = 4, kernel_sizes: Sequence[int] = (1, 3, 5)) -> None:
        super().__init__()
        self.channels, self.kernel_sizes = channels, tuple(kernel_sizes)
        self.stem = nn.Conv2d(1, channels, 1)
        self.encoder = Encoder(channels)
        self.attention = nn.ModuleList([Attention(channels) for _ in kernel_sizes])
        self.predictors = nn.ModuleList([FilterPredictor(channels, k) for k in kernel_sizes])
        self.level_scales = nn.Parameter(torch.tensor(LEVEL_SCALES))
        self._initialize()

    @staticmethod
    def settings_of(tensors: Mapping[str, NDArray[np.float32]]) -> tuple[int, tuple[int, ...]]:
        """Read (channels, kernel sizes) off saved tensors; `KeyError` where they are others'."""
        kernels = [tensors[f"predictors.{i}.conv2.weight"].shape[-1] for i in range(LEVELS)]
        return tensors["stem.weight"].shape[0], tuple(kernels)

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, luma: Tensor) -> Tensor:
        """Fuse two luma frames.

        Args:
            luma: (B, 2, H, W), the darker exposure first, 16/255 to 235/255 (limited-range BT.601).

        Returns:
            (B, 1, H, W), unclamped: values a little outside of 0 to 1 occur.
        """
        height, width = luma.shape[-2:]
        frames = luma.reshape(-1, 1, height, width)
        fused = self._apply_shifts(luma)
        for level, features in enumerate(self.encoder(self.stem(frames))):
            scaled = self.attention[level](features)
            fused = fused + self.predictors[level](scaled, frames, self.level_scales[level])
        return fused

    def _apply_shifts(self, luma: Tensor) -> Tensor:
        size = max(self.kernel_sizes)
        kernel = torch.zeros(1, 1, size, size, dtype=luma.dtype, device=luma.device)
        for scale, predictor in zip(self.level_scales, self.predictors, strict=True):
            assert isinstance(predictor, FilterPredictor)
            kernel = kernel + scale * predictor.shift_kernel(size)
        return F.conv2d(luma, kernel.expand(1, 2, size, size), padding=size // 2)
