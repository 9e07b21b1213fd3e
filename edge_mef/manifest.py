"""The manifest of a bundle: its schema, its reading and its own digest."""

import hashlib
import json
from dataclasses import replace
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from edge_mef.colour import ColourSpace
from edge_mef.contract import FusionContract
from edge_mef.errors import BundleError

SCHEMA_VERSION = 1
STAGES = "stages"  # what runtimes call all artefacts of a format but the pipeline in one piece
Precision = Literal["fp32", "fp16", "int8"]
Format = Literal["onnx", "openvino", "coreml", "tensorrt"]
Sha256 = Field(pattern="^[0-9a-f]{64}$")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkEntry(_Part):
    """Which network, with which settings and weights."""

    name: str
    task: str
    channels: int
    kernel_sizes: tuple[int, ...]
    parameters: int
    weights_file: str
    weights_sha256: str = Sha256
    source: str


Role = Literal["pipeline", "view", "analysis", "weights", "application"]


class PrecisionProof(_Part):
    """What an artefact computes in, counted in the artefact itself.

    Attributes:
        pairs: activations that are quantized and dequantized.
        int8, fp16, fp32: convolutions by the precision of what goes in.
    """

    pairs: int = Field(default=0, ge=0)
    int8: int = Field(default=0, ge=0)
    fp16: int = Field(default=0, ge=0)
    fp32: int = Field(default=0, ge=0)

    def honours(self, precision: Precision) -> bool:
        """Say whether something computes in a precision, and nothing in a shorter one.

        In int8 the rest may be in either: layers that were kept, and fixed convolutions.
        """
        shorter = {"fp32": self.fp16 + self.int8, "fp16": self.int8, "int8": 0}[precision]
        return not shorter and getattr(self, precision) > 0

    @property
    def text(self) -> str:
        """The counts that are not 0, for people."""
        counts = {p: getattr(self, p) for p in ("int8", "fp16", "fp32")}
        found = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        return found or "no convolutions"


class ArtefactEntry(_Part):
    """One executable file or package: its format, precision, and what it computes.

    `version` is what the format calls its own: the ONNX opset, the specification of a Core ML
    model. `proof` is there where the artefact holds the network.

    The role "pipeline" is all in one piece. The others are the stages of a tileable network (see
    `edge_mef.stages`); an application has the number of its `exposures`.
    """

    format: Format
    file: str
    role: Role = "pipeline"
    exposures: int | None = None
    precision: Precision
    version: int
    operators: dict[str, int]
    proof: PrecisionProof | None = None


class LossEntry(_Part):
    """What int8 costs the worst of some scenes: PSNR in dB (None: nothing) and loss of MEF-SSIM."""

    psnr: float | None
    mef_ssim_drop: float


class QuantizationEntry(_Part):
    """How the network became int8; its scales are in scales.json.

    `kept` layers are in half precision. `loss` is that of the calibration scenes. Where layers had
    to be kept, `sensitivity` has the loss with one layer alone in int8, the worst layer first.
    """

    recipe: str
    calibration_digest: str = Sha256
    layers: int = Field(ge=1)
    kept: tuple[str, ...]
    loss: LossEntry
    sensitivity: dict[str, LossEntry]
    notes: tuple[str, ...]


class FileEntry(_Part):
    """The digest and length of a file of the bundle."""

    sha256: str = Sha256
    size: int = Field(ge=0)


class CheckEntry(_Part):
    """One comparison of `verify`: what was measured and what it had to be.

    `psnr` is None where the frames were equal, `mef_ssim_drop` where it was not measured; `seconds`
    is what fusing took.
    """

    artefact: str
    runtime: str
    reference: Literal["golden", "torch"]
    scene: str
    max_difference: int
    psnr: float | None
    mef_ssim_drop: float | None = None
    seconds: float = 0.0
    gate: str
    passed: bool


class Verification(_Part):
    """The outcome of the last `verify`."""

    date: str
    toolchain: dict[str, str]
    checks: tuple[CheckEntry, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate held."""
        return all(check.passed for check in self.checks)


class Manifest(_Part):
    """All that a bundle says about itself; `files` covers every file but the manifest."""

    schema_version: int = Field(ge=1)
    name: str
    created: str
    network: NetworkEntry
    contract: FusionContract
    colour: ColourSpace
    rounding: Literal["nearest", "truncate"]
    precision: Precision
    tileable: bool
    memory_bytes_per_pixel: float = Field(gt=0, allow_inf_nan=False)
    artefacts: tuple[ArtefactEntry, ...]
    files: dict[str, FileEntry]
    toolchain: dict[str, str]
    quantization: QuantizationEntry | None = None
    verification: Verification | None = None

    @field_validator("contract")
    @classmethod
    def _usual_contract(cls, contract: FusionContract) -> FusionContract:
        """Every bundle has the same tensors; only their number and size differ."""
        sides = contract.height, contract.width
        low, high = contract.counts
        usual = replace(FusionContract(contract.exposures), **_free_parts(contract))
        if contract != usual:
            raise ValueError(f"expected {usual}, found {contract}")
        if not 1 <= low <= contract.exposures <= high or contract.multiple < 1:
            raise ValueError(f"impossible numbers of exposures or sizes: {contract}")
        if (None in sides) != (sides == (None, None)) or any(
            s is not None and s < 1 for s in sides
        ):
            raise ValueError(f"impossible size {contract.height}x{contract.width}")
        return contract

    @model_validator(mode="after")
    def _complete(self) -> Self:
        low, high = self.contract.counts
        if self.artefact("onnx") is None:
            raise ValueError("the pipeline in one piece is missing")
        if low < high and not self.has_stages("onnx"):
            raise ValueError(f"stages for {low} to {high} exposures are missing")
        return self

    @field_validator("files")
    @classmethod
    def _names_inside(cls, files: dict[str, FileEntry]) -> dict[str, FileEntry]:
        """Packages are folders, so names may have parts, but none that leads out."""
        for name in files:
            parts = name.split("/")
            if not {"", ".", ".."}.isdisjoint(parts) or any(c in name for c in "\\:\0"):
                raise ValueError(f"{name!r} is not the name of a file inside of the bundle")
        return files

    def files_of(self, artefact: ArtefactEntry) -> tuple[str, ...]:
        """Return the files of an artefact: one, or all that its package holds."""
        inside = f"{artefact.file}/"
        return tuple(n for n in self.files if n == artefact.file or n.startswith(inside))

    def artefact(self, file_format: str) -> ArtefactEntry | None:
        """Return the pipeline in one piece in a format, or None."""
        return next(iter(self.stage(file_format, "pipeline")), None)

    def stage(self, file_format: str, role: Role) -> tuple[ArtefactEntry, ...]:
        """Return the artefacts of a format and a role."""
        return tuple(a for a in self.artefacts if (a.format, a.role) == (file_format, role))

    def running(self, file_format: str, artefact: str) -> tuple[ArtefactEntry, ...]:
        """Return what runs in a format where a runtime says that `artefact` does.

        That is one file, or with `STAGES` everything besides the pipeline in one piece.
        """
        found = (a for a in self.artefacts if a.format == file_format)
        if artefact == STAGES:
            return tuple(a for a in found if a.role != "pipeline")
        return tuple(a for a in found if a.file == artefact)

    def precision_of(self, artefact: str) -> Precision:
        """Return the precision of a file, which may be coarser than the bundle's, or of `STAGES`.

        Of the stages only some hold the network: theirs is the bundle's.
        """
        found = {a.file: a.precision for a in self.artefacts}
        return found.get(artefact, self.precision)

    def has_stages(self, file_format: str) -> bool:
        """Say whether there is anything in a format besides the pipeline in one piece."""
        return any(a.format == file_format and a.role != "pipeline" for a in self.artefacts)


def _free_parts(contract: FusionContract) -> dict[str, Any]:
    names = ("height", "width", "multiple", "fewest", "most")
    return {name: getattr(contract, name) for name in names}


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the JSON of a manifest, with a digest over all of it."""
    content = manifest.model_dump(mode="json")
    document = content | {"manifest_sha256": _digest(content)}
    return (json.dumps(document, indent=2) + "\n").encode()


def decode_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest; `where` names it in messages.

    Raises:
        BundleError: not JSON, changed since it was written, of a newer schema, or invalid.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of 5000 digits
        raise BundleError(f"{where} is damaged: expected JSON, found {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("schema_version"), int):
        raise BundleError(f"{where} is not an EdgeMEF manifest: it states no schema_version")
    version = document["schema_version"]
    if version > SCHEMA_VERSION:
        raise BundleError(
            f"{where} was written by a newer EdgeMEF (schema {version}; this one reads up to "
            f"{SCHEMA_VERSION}): upgrade with pip install -U edge-mef"
        )
    return _validate(document, where)


def _validate(document: dict[str, Any], where: str) -> Manifest:
    stated = document.pop("manifest_sha256", None)
    if stated != _digest(document):
        raise BundleError(
            f"{where} was changed or damaged after it was written (its digest differs): copy or "
            "export the bundle again"
        )
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{'.'.join(map(str, first['loc']))}: " for _ in first["loc"][:1])
        raise BundleError(f"{where} is not valid: {place}{first['msg']}") from error


def _digest(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
