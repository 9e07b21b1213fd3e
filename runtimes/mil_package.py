"""Reading a Core ML package without a Mac: its images, and its MIL program.

coremltools loads the program of a saved package on any system; only to predict it needs macOS.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_mef.contract import FusionContract
from edge_mef.errors import BundleError

FUNCTION = "main"
_COLOURS = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE_FLOAT16"}


@dataclass(frozen=True)
class ImageFeature:
    """An image that goes in or comes out: its name, (height, width), and order of channels."""

    name: str
    size: tuple[int, int]
    colour: str


@dataclass(frozen=True)
class PackageImages:
    """The images of a package."""

    path: Path
    inputs: tuple[ImageFeature, ...]
    outputs: tuple[ImageFeature, ...]


@dataclass(frozen=True)
class MilPackage(PackageImages):
    """A loaded package: `specification` is Core ML's number for the oldest system, 8 for iOS 17."""

    specification: int
    program: Any  # coremltools' Program


def read_images(path: Path, contract: FusionContract) -> PackageImages:
    """Return the images of a package, which are those of the contract; nothing is loaded.

    Raises:
        BundleError: it is no ML program, cannot be read, or has other inputs or outputs.
    """
    images = _images(path, _spec(path)[0])
    check_images(images, contract)
    return images


def check_images(images: PackageImages, contract: FusionContract) -> None:
    """Raise `BundleError` unless a package's images are those of the contract."""
    path, found = images.path, [image.name for image in images.inputs]
    if found != list(contract.inputs):
        raise BundleError(
            f"{path} should have the inputs {', '.join(contract.inputs)}, found "
            f"{', '.join(found)}: export the bundle again"
        )
    if [image.name for image in images.outputs] != [contract.output]:
        raise BundleError(f"{path} should have the one output '{contract.output}': export it again")
    both = (*images.inputs, *images.outputs)
    sizes = {image.size for image in both}
    if len(sizes) != 1 or any(image.colour not in ("RGB", "BGR") for image in both):
        raise BundleError(f"{path} should take and give colour images of one size")
    size = next(iter(sizes))
    if contract.height is not None and size != (contract.height, contract.width):
        raise BundleError(
            f"{path} should take frames of {contract.size_text}, found {size[0]}x{size[1]}"
        )


def read_package(path: Path, known: frozenset[str] | None = None) -> MilPackage:
    """Load a package.

    Args:
        path: the folder `*.mlpackage`.
        known: refuse programs with other operators than these; None takes all.

    Raises:
        BundleError: it is no ML program, cannot be read, has inputs or outputs that are no images,
            or an unknown operator.
    """
    spec, weights = _spec(path)
    images = _images(path, spec)
    if known is not None:
        _check_operators(path, spec, known)
    version = int(spec.specificationVersion)
    program = _program(path, spec, weights)
    return MilPackage(path, images.inputs, images.outputs, version, program)


@contextlib.contextmanager
def quiet_coremltools() -> Iterator[None]:
    """Keep remarks about versions, missing Mac libraries and progress away from users."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    sink = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(sink):
        warnings.simplefilter("ignore")
        try:
            with contextlib.redirect_stderr(sink):
                yield
        finally:
            logging.disable(disabled)


def _spec(path: Path) -> tuple[Any, str]:
    """Return the specification of an ML program, and the folder of its weights."""
    try:
        with quiet_coremltools():
            from coremltools.models import MLModel

            model = MLModel(str(path), skip_model_load=True)
            spec, weights = model.get_spec(), model.weights_dir
    except Exception as error:  # what it raises for broken files shares no base class
        raise _unreadable(path, error) from error
    if spec.WhichOneof("Type") != "mlProgram":
        raise BundleError(f"{path} is not an ML program: export the bundle again")
    return spec, weights


def _images(path: Path, spec: Any) -> PackageImages:
    features = spec.description
    return PackageImages(
        path,
        tuple(_image(path, feature) for feature in features.input),
        tuple(_image(path, feature) for feature in features.output),
    )


def _program(path: Path, spec: Any, weights: str) -> Any:
    with quiet_coremltools():
        from coremltools.converters.mil.frontend.milproto.load import load

        try:
            program = load(
                spec,
                specification_version=spec.specificationVersion,
                file_weights_dir=weights,
            )
        except Exception as error:  # from type inference: nearly anything
            raise _unreadable(path, error) from error
    if list(program.functions) != [FUNCTION]:
        found = ", ".join(program.functions)
        raise BundleError(f"{path} should have the one function '{FUNCTION}', found {found}")
    return program


def _image(path: Path, feature: Any) -> ImageFeature:
    if feature.type.WhichOneof("Type") != "imageType":
        raise BundleError(f"{path}: '{feature.name}' should be an image: export the bundle again")
    image = feature.type.imageType
    if image.WhichOneof("SizeFlexibility"):
        raise BundleError(f"{path}: '{feature.name}' should be of one size: export it again")
    colour = _COLOURS.get(image.colorSpace, str(image.colorSpace))
    return ImageFeature(feature.name, (int(image.height), int(image.width)), colour)


def _check_operators(path: Path, spec: Any, known: frozenset[str]) -> None:
    """Look before loading, which fails for operators that coremltools has not got either."""
    found = {
        operation.type
        for function in spec.mlProgram.functions.values()
        for block in function.block_specializations.values()
        for operation in block.operations
    }
    unknown = sorted(found - known)
    if unknown:
        raise BundleError(
            f"{path} uses the MIL operator '{unknown[0]}', which the interpreter does not know: "
            "check the package on a Mac instead"
        )


def _unreadable(path: Path, error: Exception) -> BundleError:
    return BundleError(f"{path} cannot be read as a Core ML package: {error or type(error)}")
