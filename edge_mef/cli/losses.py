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
    rows = [(name, *_values(loss), *_mark(name, kept)) for name, loss in losses.items()]
    columns = ("layer", "PSNR dB", "MEF-SSIM lost", *(("kept in",) if kept else ()))
    print_table("one layer in int8 at a time, worst scene", columns, rows)


def _values(loss: "LossEntry") -> tuple[str, str]:
    psnr = "equal" if loss.psnr is None else f"{loss.psnr:.1f}"
    return psnr, f"{loss.mef_ssim_drop:.4f}"


def _mark(name: str, kept: Collection[str]) -> tuple[str, ...]:
    return ("fp16" if name in kept else "",) if kept else ()
