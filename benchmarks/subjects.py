"""The subject of a record out of a bundle: which of its files run, and what is known of them."""

from collections.abc import Sequence

from edge_mef.benchmarks.records import Parity, Subject
from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError
from edge_mef.manifest import ArtefactEntry, CheckEntry, PrecisionProof, Verification
from edge_mef.runtimes.table import RUNTIMES


def bundle_subject(
    bundle: Bundle, *, runtime: str, artefact: str, title: str | None = None
) -> Subject:
    """Describe what of a bundle runs.

    Args:
        runtime: a name of `edge_mef.runtimes.table.RUNTIMES`.
        artefact: what the open runtime calls it: a file, or "stages".
        title: what tables call it; the name of the bundle where left out.

    Raises:
        BundleError: the bundle has no such artefact for this runtime.
    """
    manifest = bundle.manifest
    entries = manifest.running(RUNTIMES[runtime].artefact, artefact)
    if not entries:
        raise BundleError(
            f"expected '{artefact}' in '{bundle.folder}' for the runtime '{runtime}', found no "
            "such artefact: look at edge-mef inspect"
        )
    names = sorted({name for entry in entries for name in manifest.files_of(entry)})
    return Subject(
        kind="bundle",
        title=title or manifest.name,
        network=manifest.network.name,
        channels=manifest.network.channels,
        precision=manifest.precision_of(artefact),
        runtime=runtime,
        artefact=artefact,
        files={name: manifest.files[name].sha256 for name in names},
        weights_sha256=manifest.network.weights_sha256,
        proof=_proof(entries),
        parity=_parity(manifest.verification, runtime, artefact),
    )


def _proof(entries: Sequence[ArtefactEntry]) -> PrecisionProof | None:
    """Add up what the parts compute in that hold the network."""
    proofs = [entry.proof for entry in entries if entry.proof is not None]
    if not proofs:
        return None
    names = PrecisionProof.model_fields
    return PrecisionProof(**{name: sum(getattr(p, name) for p in proofs) for name in names})


def _parity(state: Verification | None, runtime: str, artefact: str) -> Parity | None:
    """Return the worst of the checks of what runs, on the runtime that runs it."""
    checks: list[CheckEntry] = []
    if state is not None:
        checks = [c for c in state.checks if (c.runtime, c.artefact) == (runtime, artefact)]
    if state is None or not checks:
        return None
    return Parity(
        date=state.date,
        passed=all(check.passed for check in checks),
        psnr=min((c.psnr for c in checks if c.psnr is not None), default=None),
        max_difference=max(check.max_difference for check in checks),
        mef_ssim_drop=max(
            (c.mef_ssim_drop for c in checks if c.mef_ssim_drop is not None), default=None
        ),
    )
