"""What `verify` found, in one row for each artefact and runtime."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # help must not wait for them
    from edge_mef.manifest import ArtefactEntry, CheckEntry, Manifest

SUMMARY = ("artefact", "runtime", "KiB", "convolutions", "parity", "gate", "s", "")


def summarize(manifest: "Manifest", checks: "Sequence[CheckEntry]") -> list[tuple[object, ...]]:
    """Return the rows of `SUMMARY`: size, proof of precision, the worst of all checks, seconds."""
    groups: dict[tuple[str, str], list[CheckEntry]] = {}
    for check in checks:
        groups.setdefault((check.artefact, check.runtime), []).append(check)
    return [
        (
            artefact,
            runtime,
            f"{_size(manifest, artefact, runtime) / 1024:.0f}",
            _proof(manifest, artefact, runtime),
            _parity(found),
            found[0].gate,
            f"{sum(check.seconds for check in found):.1f}",
            "ok" if all(check.passed for check in found) else "FAILED",
        )
        for (artefact, runtime), found in groups.items()
    ]


def _entries(manifest: "Manifest", artefact: str, runtime: str) -> "Sequence[ArtefactEntry]":
    from edge_mef.runtimes.table import RUNTIMES

    return manifest.running(RUNTIMES[runtime].artefact, artefact)


def _size(manifest: "Manifest", artefact: str, runtime: str) -> int:
    names = {
        name for entry in _entries(manifest, artefact, runtime) for name in manifest.files_of(entry)
    }
    return sum(manifest.files[name].size for name in names)


def _proof(manifest: "Manifest", artefact: str, runtime: str) -> str:
    proofs = [entry.proof for entry in _entries(manifest, artefact, runtime) if entry.proof]
    return ", ".join(proof.text for proof in proofs) or "not counted"


def _parity(checks: "Sequence[CheckEntry]") -> str:
    most = max(check.max_difference for check in checks)
    values = [check.psnr for check in checks if check.psnr is not None]
    parts = [f"{len(checks)} scenes: {most} level{'s' * (most != 1)} at most"]
    if values:
        parts.append(f"{min(values):.1f} dB or more")
    drops = [check.mef_ssim_drop for check in checks if check.mef_ssim_drop is not None]
    if drops:
        parts.append(f"MEF-SSIM {-max(drops):+.4f}")
    return ", ".join(parts)
