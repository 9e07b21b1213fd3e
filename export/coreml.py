"""Pipeline to Core ML: ML programs with RGB images in and out, so that an app passes its buffers.

Every size gets a package of its own. One package with enumerated sizes would need iOS 18 (before,
only one input may have them), and its graph would compute its sizes as it runs, which keeps it off
the Neural Engine; the weights are small enough to be there twice.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edge_mef.contract import FusionContract
from edge_mef.errors import GateError
from edge_mef.export.artefacts import Artefact, Conversion
from edge_mef.export.coreml_files import package_files
from edge_mef.export.coreml_metadata import describe
from edge_mef.export.coreml_program import SPECIFICATIONS, convert_program
from edge_mef.export.options import Size
from edge_mef.export.temporary import conversion_folder
from edge_mef.manifest import ArtefactEntry, Precision, PrecisionProof
from edge_mef.runtimes.mil_package import MilPackage, read_package
from edge_mef.runtimes.mil_program import count_operators, prove_precision

PACKAGE = "model.mlpackage"


def convert(conversion: Conversion) -> list[Artefact]:
    """Convert the pipeline to a package for every size; the first is `model.mlpackage`.

    Raises:
        InputError: an impossible system, size, or combination of options.
        GateError: a package is not what was asked for.
        OutputError: the disk of the temporary folder is full.
    """
    options = conversion.options.coreml
    options.check(conversion.contract, conversion.precision)
    sizes = options.package_sizes(conversion.contract)
    names = [PACKAGE, *(f"model-{height}x{width}.mlpackage" for height, width in sizes[1:])]
    return [_artefact(conversion, *made) for made in zip(names, sizes, strict=True)]


def check_package(
    package: MilPackage, contract: FusionContract, size: Size, precision: Precision, ios: int
) -> PrecisionProof:
    """Raise `GateError` unless a saved package is what was asked for; return what it computes in.

    Checked are images, sizes, the oldest system and the precision of the convolutions.
    """
    expected = [(name, size, "RGB") for name in contract.inputs]
    found = [(i.name, i.size, i.colour) for i in package.inputs]
    if found != expected:
        raise GateError(f"expected the Core ML inputs {expected}, found {found}")
    made = [(o.name, o.size, o.colour) for o in package.outputs]
    if made != [(contract.output, size, "RGB")]:
        raise GateError(f"expected one Core ML output '{contract.output}' {size} RGB, found {made}")
    if package.specification != SPECIFICATIONS[ios]:
        raise GateError(
            f"expected the specification {SPECIFICATIONS[ios]} of iOS {ios}, found "
            f"{package.specification}"
        )
    proof = prove_precision(package.program)
    _check_precision(proof, precision)
    return proof


def _artefact(conversion: Conversion, name: str, size: Size) -> Artefact:
    height, width = size
    contract = replace(conversion.contract, height=height, width=width)
    options = conversion.options.coreml
    with conversion_folder() as folder:
        path = folder / name
        model = convert_program(
            conversion.pipeline, contract, conversion.precision, options, folder
        )
        describe(model, contract, conversion)
        files = package_files(model, path)
        package = _saved(path, files)
        proof = check_package(package, contract, size, conversion.precision, options.ios)
        entry = _entry(name, conversion, package, proof)
    return Artefact(entry, {f"{name}/{inside}": data for inside, data in files.items()})


def _saved(path: Path, files: Mapping[str, bytes]) -> MilPackage:
    """Write the files as they will be in the bundle, and read that."""
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return read_package(path)


def _entry(
    name: str, conversion: Conversion, package: MilPackage, proof: PrecisionProof
) -> ArtefactEntry:
    return ArtefactEntry(
        format="coreml",
        file=name,
        role="pipeline",
        exposures=conversion.contract.exposures,
        # By its weights, for they decide how far it may be from fp32; `proof` says the rest.
        precision="int8" if conversion.options.coreml.weights_only else conversion.precision,
        version=package.specification,
        operators=count_operators(package.program),
        proof=proof,
    )


def _check_precision(proof: PrecisionProof, precision: Precision) -> None:
    if not proof.honours(precision):
        raise GateError(
            f"expected convolutions in {precision}, found {proof.text}: this export would not be "
            "what was asked for"
        )
    if precision == "int8" and not proof.pairs:
        raise GateError("expected quantized activations, found none in the Core ML program")
