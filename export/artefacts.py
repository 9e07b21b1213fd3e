"""What an exporter makes, and what it is told: the same for every target."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

from edge_mef.contract import FusionContract
from edge_mef.export.options import TargetOptions
from edge_mef.manifest import ArtefactEntry, Precision


@dataclass(frozen=True)
class Artefact:
    """One file or package: its manifest entry, and its files by their names in the bundle."""

    entry: ArtefactEntry
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Conversion:
    """What is to be converted.

    Attributes:
        pipeline: uint8 exposures to the uint8 fused frame, its network already in `precision`:
            in half precision, or the converted quantized program.
        contract: inputs, output and sizes.
        precision: what the network was put into.
        options: what a target can be told besides.
        portable: what every bundle holds, the ONNX models by their names.
        about: facts for the metadata of targets that keep some: "name", "source", "license",
            "version".
    """

    pipeline: nn.Module
    contract: FusionContract
    precision: Precision
    options: TargetOptions
    portable: Mapping[str, bytes]
    about: Mapping[str, str] = field(default_factory=dict)
