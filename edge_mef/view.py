"""The fixed-size view of a frame that everything global is computed from.

A frame of any size becomes VIEW_SIDE x VIEW_SIDE pixels. Each is the mean of SAMPLES x SAMPLES
of the frame's, picked at even distances, so the cost depends on the view, not on the frame.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

VIEW_SIDE = 192
SAMPLES = 2


class SceneView(nn.Module):
    """One frame (1, H, W, 3) uint8 RGB to its view (1, 3, VIEW_SIDE, VIEW_SIDE), 0 to 1."""

    def forward(self, exposure: Tensor) -> Tensor:
        """Take the view; pixels are picked before they become floats, which keeps it cheap."""
        picked = pick_pixels(exposure, rows=1, columns=2)
        planes = picked.permute(0, 3, 1, 2).to(torch.float32)
        return F.avg_pool2d(planes, SAMPLES) / 255.0


def view_of_planes(planes: Tensor) -> Tensor:
    """The same view of (B, C, H, W) planes, with VIEW_SIDE pixels a side, in the planes' range."""
    return F.avg_pool2d(pick_pixels(planes, rows=2, columns=3), SAMPLES)


def pick_pixels(frame: Tensor, *, rows: int, columns: int) -> Tensor:
    """Pick VIEW_SIDE * SAMPLES pixels along the axes `rows` and `columns`."""
    picked = frame.index_select(rows, _places(frame.shape[rows], frame))
    return picked.index_select(columns, _places(frame.shape[columns], frame))


def _places(length: int, like: Tensor) -> Tensor:
    """The pixel under the centre of each of VIEW_SIDE * SAMPLES equal parts of a side."""
    count = VIEW_SIDE * SAMPLES
    # In floats, because converters turn a division of whole numbers into one of floats anyway.
    centres = torch.arange(count, dtype=torch.float32, device=like.device) + 0.5
    return (centres * length / count).to(torch.int64)
