"""The colour conversions that pipelines use, as numbers.

A `ColourSpace` is data: the bundle's manifest carries it, and the pipeline's graph is built from
it, so the two cannot differ.
"""

from dataclasses import dataclass

Matrix = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class ColourSpace:
    """A luma-chroma space over RGB from 0 to 255.

    `ycc = to_ycc @ rgb + offset` and `rgb = to_rgb @ (ycc - offset)`; rows are Y, Cb, Cr, in grey
    levels. `luma_range` is what black and white become.
    """

    name: str
    to_ycc: Matrix
    to_rgb: Matrix
    offset: tuple[float, float, float]
    luma_range: tuple[float, float]


# ITU-R BT.601 limited range, to the digits that the FFMEF authors used.
BT601_LIMITED = ColourSpace(
    name="bt601-limited",
    to_ycc=(
        (0.256789, 0.504129, 0.097906),
        (-0.148223, -0.290992, 0.439215),
        (0.439215, -0.367789, -0.071426),
    ),
    to_rgb=(
        (1.164383, 0.0, 1.596027),
        (1.164383, -0.391762, -0.812969),
        (1.164383, 2.01723, 0.0),
    ),
    offset=(16.0, 128.0, 128.0),
    luma_range=(16.0, 235.0),
)

# ITU-R BT.601 full range (JPEG's YCbCr).
BT601_FULL = ColourSpace(
    name="bt601-full",
    to_ycc=(
        (0.299, 0.587, 0.114),
        (-0.168736, -0.331264, 0.5),
        (0.5, -0.418688, -0.081312),
    ),
    to_rgb=(
        (1.0, 0.0, 1.402),
        (1.0, -0.344136, -0.714136),
        (1.0, 1.772, 0.0),
    ),
    offset=(0.0, 128.0, 128.0),
    luma_range=(0.0, 255.0),
)

COLOUR_SPACES: dict[str, ColourSpace] = {c.name: c for c in (BT601_LIMITED, BT601_FULL)}
