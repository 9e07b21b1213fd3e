"""The rows of the export matrix: what is exported, what verifying it found, and the file of both.

A row is of one bundle. Its numbers are those of what the target added to the ONNX models that every
bundle holds; it fails where anything in the bundle fails.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_mef.benchmarks.precision_quality import weight_bytes
from edge_mef.bundle import Bundle
from edge_mef.errors import InputError
from edge_mef.export.options import Size
from edge_mef.export.targets import TARGETS
from edge_mef.manifest import CheckEntry, Format, Manifest, Precision, PrecisionProof
from edge_mef.runtimes.table import RUNTIMES
from edge_mef.saving import write_atomically

_PACKAGE_WEIGHTS = "weight.bin"  # what a Core ML package calls its weights


@dataclass(frozen=True)
class Case:
    """One export: any size where neither `size` nor `sizes` are given.

    `size` is the only (height, width) of the bundle, `sizes` are those that get a Core ML package.
    """

    network: str
    target: str
    precision: Precision
    size: Size | None = None
    sizes: tuple[Size, ...] = ()

    @property
    def sizes_text(self) -> str:
        """The sizes, for people."""
        given = (self.size,) if self.size is not None else self.sizes
        return ", ".join(f"{height}x{width}" for height, width in given) or "any"

    @property
    def text(self) -> str:
        """The case in one line."""
        return f"{self.network} {self.target} {self.precision}, {self.sizes_text}"


class Row(BaseModel):
    """What came of a case.

    Attributes:
        made_with: network, scenes and version; a row of other ones says nothing here.
        runtimes, proofs: what ran, and the convolutions that were counted in it.
        checks: how many pictures were compared.
        difference: the largest, in grey levels.
        psnr: the smallest in dB; None where all pictures were equal.
        drop: the most that was lost of MEF-SSIM; None where no gate asks for it.
        weight_bytes: what the network takes in the target's own format, in one piece.
        kept: layers of an int8 network in half precision.
        failure: why it failed, in one sentence; empty where it did not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: str
    target: str
    precision: Precision
    sizes: str
    made_with: str
    seconds: float
    runtimes: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    checks: int = 0
    difference: int | None = None
    psnr: float | None = None
    drop: float | None = None
    gate: str = ""
    weight_bytes: int | None = None
    kept: tuple[str, ...] = ()
    failure: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything in the bundle held its gate."""
        return not self.failure

    def is_of(self, case: Case, made_with: str) -> bool:
        """Say whether this is the row of a case, made with the same things."""
        here = (self.network, self.target, self.precision, self.sizes, self.made_with)
        return here == (case.network, case.target, case.precision, case.sizes_text, made_with)


class _Rows(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    rows: tuple[Row, ...] = ()


def failed_row(case: Case, made_with: str, seconds: float, failure: str) -> Row:
    """Return the row of an export that came to nothing."""
    return Row(
        network=case.network,
        target=case.target,
        precision=case.precision,
        sizes=case.sizes_text,
        made_with=made_with,
        seconds=round(seconds, 1),
        failure=" ".join(failure.split()),
    )


def verified_row(
    case: Case, made_with: str, seconds: float, bundle: Bundle, checks: Sequence[CheckEntry]
) -> Row:
    """Return the row of a verified bundle."""
    manifest, file_format = bundle.manifest, TARGETS[case.target].format
    own = [check for check in checks if _is_of(manifest, check, file_format)]
    levels = [check.psnr for check in own if check.psnr is not None]
    drops = [check.mef_ssim_drop for check in own if check.mef_ssim_drop is not None]
    quantized = manifest.quantization
    unseen = f"no runtime here runs the {file_format} model: nothing is proven"
    failure = _failure(checks) if own else unseen
    return failed_row(case, made_with, seconds, failure).model_copy(
        update={
            "runtimes": tuple(dict.fromkeys(check.runtime for check in own)),
            "proofs": tuple(dict.fromkeys(_proofs(manifest, file_format))),
            "checks": len(own),
            "difference": max((check.max_difference for check in own), default=None),
            "psnr": min(levels, default=None),
            "drop": max(drops, default=None),
            "gate": own[0].gate if own else "",
            "weight_bytes": _weight_bytes(bundle, file_format),
            "kept": () if quantized is None else quantized.kept,
        }
    )


def read_rows(path: Path) -> list[Row]:
    """Read a file of rows; none where there is no file.

    Raises:
        InputError: it is there, and is no such file.
    """
    if not path.exists():
        return []
    try:
        return list(_Rows.model_validate_json(path.read_bytes()).rows)
    except (OSError, ValidationError) as error:
        raise InputError(
            f"expected the rows of an earlier run in '{path}', found something else: delete it or "
            "name another file"
        ) from error


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a file of rows; `OutputError` where that fails."""
    write_atomically(path, (_Rows(rows=tuple(rows)).model_dump_json(indent=1) + "\n").encode())


def _is_of(manifest: Manifest, check: CheckEntry, file_format: Format) -> bool:
    """Whether a check is of an artefact in this format; stages have the format of their runtime."""
    files = {a.file: a.format for a in manifest.artefacts}
    return files.get(check.artefact, RUNTIMES[check.runtime].artefact) == file_format


def _failure(checks: Sequence[CheckEntry]) -> str:
    failed = [check for check in checks if not check.passed]
    if not failed:
        return ""
    one = min(failed, key=lambda check: check.psnr or 0.0)
    drop = "" if one.mef_ssim_drop is None else f", MEF-SSIM {-one.mef_ssim_drop:+.4f}"
    return (
        f"{len(failed)} of {len(checks)} comparisons miss their gate, the worst of {one.artefact} "
        f"on {one.runtime}: {one.scene}, {one.max_difference} levels, {one.psnr} dB{drop}, gate "
        f"{one.gate}"
    )


def _proofs(manifest: Manifest, file_format: Format) -> Iterator[str]:
    for artefact in manifest.artefacts:
        if artefact.format == file_format and artefact.proof is not None:
            yield f"{artefact.proof.text}{_pairs(artefact.proof)}"


def _pairs(proof: PrecisionProof) -> str:
    return f" ({proof.pairs} pairs)" if proof.pairs else ""


def _weight_bytes(bundle: Bundle, file_format: Format) -> int | None:
    (entry, *_) = bundle.manifest.stage(file_format, "pipeline")
    if file_format == "coreml":
        names = bundle.manifest.files_of(entry)
        return sum(bundle.manifest.files[n].size for n in names if n.endswith(_PACKAGE_WEIGHTS))
    return weight_bytes(bundle, file_format, entry.file)
