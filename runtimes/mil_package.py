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
class MilPackage:
    """A loaded package: `specification` is Core ML's number for the oldest system, 8 for iOS 17."""

    path: Path
    specification: int
    inputs: tuple[ImageFeature, ...]
    outputs: tuple[ImageFeature, ...]
    program: Any  # coremltools' Program


def read_package(path: Path, known: frozenset[str] | None = None) -> MilPackage:
    """Load a package.

    Args:
        path: the folder `*.mlpackage`.
        known: refuse programs with other operators than these; None takes all.

    Raises:
        BundleError: it is no ML program, cannot be read, has inputs or outputs that are no images,
            or an unknown operator.
    """
    try:
        spec, weights = _open(path)
    except Exception as error:  # what it raises for broken files shares no base class
        raise _unreadable(path, error) from error
    if spec.WhichOneof("Type") != "mlProgram":
        raise BundleError(f"{path} is not an ML program: export the bundle again")
    features = spec.description
    inputs = tuple(_image(path, feature) for feature in features.input)
    outputs = tuple(_image(path, feature) for feature in features.output)
    if known is not None:
        _check_operators(path, spec, known)
    version = int(spec.specificationVersion)
    return MilPackage(path, version, inputs, outputs, _program(path, spec, weights))


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


def _open(path: Path) -> tuple[Any, str]:
    with quiet_coremltools():
        from coremltools.models import MLModel

        model = MLModel(str(path), skip_model_load=True)
        return model.get_spec(), model.weights_dir


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
