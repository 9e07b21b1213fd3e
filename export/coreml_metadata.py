"""What a Core ML package says about itself: Xcode shows it, and apps can read it."""

from typing import Any

from edge_mef.contract import FusionContract
from edge_mef.export.artefacts import Conversion

AUTHOR = "EdgeMEF"
_PREFIX = "edge_mef."


def describe(model: Any, contract: FusionContract, conversion: Conversion) -> None:
    """Put author, licence, version and descriptions into a coremltools MLModel."""
    about = conversion.about
    spec = model.get_spec()
    described = spec.description
    meta = described.metadata
    meta.author = AUTHOR
    meta.license = about.get("license", "")
    meta.versionString = about.get("version", "")
    meta.shortDescription = _short(contract, conversion)
    for index, feature in enumerate(described.input):
        feature.shortDescription = _exposure(index, contract.exposures)
    for feature in described.output:
        feature.shortDescription = (
            "The fused picture: 8-bit RGB in whole grey levels, of the size of the exposures."
        )
    # The day of the conversion would make every export another file.
    found = {k: v for k, v in meta.userDefined.items() if not k.endswith("conversion_date")}
    meta.userDefined.clear()
    for key, value in sorted((found | _facts(contract, conversion)).items()):
        meta.userDefined[key] = value
    model._spec = spec


def _short(contract: FusionContract, conversion: Conversion) -> str:
    return (
        f"Fuses {contract.exposures} exposures of one scene, {contract.width} pixels wide and "
        f"{contract.height} high, into one picture, with the network "
        f"{conversion.about.get('name', '')} in {precision_text(conversion)}."
    )


def precision_text(conversion: Conversion) -> str:
    """The precision of the network, for people."""
    if conversion.options.coreml.weights_only:
        return "fp16 with weights stored in int8"
    return conversion.precision


def _exposure(index: int, count: int) -> str:
    place = {0: "The darkest exposure", count - 1: "The brightest exposure"}
    found = place.get(index, f"Exposure {index} of {count}, counted from the darkest")
    return f"{found}: 8-bit RGB, aligned with the others."


def _facts(contract: FusionContract, conversion: Conversion) -> dict[str, str]:
    facts = {
        "network": conversion.about.get("name", ""),
        "source": conversion.about.get("source", ""),
        "precision": precision_text(conversion),
        "exposures": str(contract.exposures),
        "order": contract.order,
        "colour": "RGB as stored, 0 to 255; no colour management inside",
        "size": f"{contract.height}x{contract.width}",
    }
    return {_PREFIX + key: value for key, value in facts.items()}
