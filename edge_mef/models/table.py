"""What each network is: one row, readable without torch."""

from dataclasses import dataclass
from typing import Literal

from edge_mef.errors import InputError

Task = Literal["mef", "ivf", "mff"]
Domain = Literal["luma", "view"]


@dataclass(frozen=True)
class NetworkSpec:
    """The contract of one network.

    Attributes:
        module, class_name: where the torch module is.
        domain: "luma" networks take (B, N, H, W) in the luma range of `colour`, darkest first, and
            give the fused luma; "view" networks take views (N, 3, side, side) in RGB and give the
            coefficients that are applied at full size.
        exposures: the smallest and largest number of frames that it fuses.
        size_multiple: height and width must be divisible by it.
        tileable: whether a tile's pixels depend on nothing outside of the tile's own margin.
        weights: our trained files inside the package, by channels.
        int8_gate: the least PSNR in dB that its int8 pipeline may have against fp32.
        int8_percentile: where the ranges of its activations end in int8, unless another recipe is
            asked for; None is at the largest magnitude.
    """

    name: str
    module: str
    class_name: str
    summary: str
    source: str
    task: Task
    domain: Domain
    colour: str
    exposures: tuple[int, int]
    size_multiple: int
    tileable: bool
    default_channels: int
    default_kernel_sizes: tuple[int, ...]
    weights: str
    int8_gate: float = 40.0
    int8_percentile: float | None = None


_ROWS = (
    NetworkSpec(
        name="ffmef",
        module="edge_mef.models.ffmef",
        class_name="FFMEF",
        summary="predicts a filter per pixel and exposure; keeps whole-frame statistics",
        source="Zheng et al., CVPR Workshops 2023",
        task="mef",
        domain="luma",
        colour="bt601-limited",
        exposures=(2, 2),
        size_multiple=1,
        tileable=False,
        default_channels=4,
        default_kernel_sizes=(1, 3, 5),
        weights="ffmef-{channels}.safetensors",
        int8_percentile=99.99,
    ),
    NetworkSpec(
        name="ffmef-edge",
        module="edge_mef.models.ffmef_edge",
        class_name="FFMEFEdge",
        summary="predicts 1x1 filters from a small view and applies them tile by tile",
        source="the EdgeMEF authors",
        task="mef",
        domain="view",
        colour="bt601-full",
        exposures=(2, 9),
        size_multiple=1,
        tileable=True,
        default_channels=8,
        default_kernel_sizes=(),
        weights="ffmef-edge-{channels}.safetensors",
        int8_gate=45.0,
    ),
)


def _table(rows: tuple[NetworkSpec, ...]) -> dict[str, NetworkSpec]:
    table: dict[str, NetworkSpec] = {}
    for row in rows:
        if row.name in table:
            raise ValueError(f"two networks are called {row.name!r}")
        table[row.name] = row
    return table


NETWORKS: dict[str, NetworkSpec] = _table(_ROWS)


def find_network(name: str) -> NetworkSpec:
    """Return a row by name; `InputError` names the known ones."""
    if name not in NETWORKS:
        known = ", ".join(sorted(NETWORKS))
        raise InputError(f"there is no network called {name!r}; known are: {known}")
    return NETWORKS[name]
