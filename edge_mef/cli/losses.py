"""The table of what int8 costs each layer."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from edge_mef.cli.reporting import print_table

if TYPE_CHECKING:
    from edge_mef.manifest import LossEntry


def print_losses(losses: "Mapping[str, LossEntry]", kept: Collection[str] = ()) -> None:
    """Print them as they are ordered, and which layers are kept; nothing where there are none."""
    if not losses:
        return
    rows = [
        (
            name,
            "equal" if loss.psnr is None else f"{loss.psnr:.1f}",
            f"{loss.mef_ssim_drop:.4f}",
            "fp16" if name in kept else "",
        )
        for name, loss in losses.items()
    ]
    title = "with one layer in int8 at a time: the worst calibration scene"
    print_table(title, ("layer", "PSNR dB", "MEF-SSIM lost", "kept in"), rows)
