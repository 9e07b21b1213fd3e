"""How far an artefact may be from the fp32 pipeline, by precision."""

from dataclasses import dataclass

from edge_mef.manifest import Manifest, Precision
from edge_mef.models.table import find_network

MOST_MEF_SSIM_DROP = 0.003


@dataclass(frozen=True)
class Gate:
    """The most that a fused frame may differ.

    Attributes:
        max_difference: grey levels.
        min_psnr: dB.
        max_drop: of MEF-SSIM.
    """

    max_difference: int | None = None
    min_psnr: float | None = None
    max_drop: float | None = None

    @property
    def text(self) -> str:
        """The gate, for people."""
        if self.max_difference is not None:
            return f"at most {self.max_difference} grey level"
        least = f"at least {self.min_psnr:.0f} dB"
        return least if self.max_drop is None else f"{least}, MEF-SSIM -{self.max_drop}"

    def holds(self, difference: int, psnr: float, drop: float | None = None) -> bool:
        """Say whether a comparison passes; `drop` is None where it was not measured."""
        if self.max_difference is not None:
            return difference <= self.max_difference
        if self.max_drop is not None and drop is not None and drop > self.max_drop:
            return False
        return self.min_psnr is not None and psnr >= self.min_psnr


FP32 = Gate(max_difference=1)
FP16 = Gate(min_psnr=50.0)


def gate_of(manifest: Manifest, precision: Precision) -> Gate:
    """Return the gate of a bundle's network in a precision."""
    if precision != "int8":
        return FP32 if precision == "fp32" else FP16
    least = find_network(manifest.network.name).int8_gate
    return Gate(min_psnr=least, max_drop=MOST_MEF_SSIM_DROP)
