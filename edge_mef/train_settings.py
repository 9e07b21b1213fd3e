"""What decides the outcome of a training, and what we recommend for each network."""

from dataclasses import dataclass, field, replace
from typing import Any

from edge_mef.errors import InputError
from edge_mef.models.table import find_network


@dataclass(frozen=True)
class CropSettings:
    """How a sample is cut: sides of `smallest` to 1 of the scene, scaled to `size` pixels.

    `extremes` is how often the darkest and brightest frames are chosen; else any frames are.
    """

    size: int = 192
    smallest: float = 0.5
    extremes: float = 0.5


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides the outcome of a training, besides the data.

    For luma networks `mef_ssim_weight` adds that much of (1 - MEF-SSIM) to the GIF loss, and
    `tone_weight` that much of the tone loss; with both at 0 it is the paper's. Networks on a view
    are trained on these two, `fidelity_weight`, `colour_weight` and `range_weight` (see
    `edge_mef.losses.fusion`).
    `final_rate` is the learning rate at the end relative to `learning_rate`, reached along half a
    cosine; 1 keeps it constant. `qat` trains given weights for int8: see
    `edge_mef.calibration.qat`.
    """

    model: str = "ffmef"
    channels: int = 4
    kernel_sizes: tuple[int, ...] = (1, 3, 5)
    epochs: int = 30
    batch: int = 2
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    final_rate: float = 1.0
    mef_ssim_weight: float = 0.0
    tone_weight: float = 0.0
    fidelity_weight: float = 0.0
    colour_weight: float = 0.0
    range_weight: float = 0.0
    qat: bool = False
    seed: int = 3407
    validation_side: int = 512
    crops: CropSettings = field(default_factory=CropSettings)


RECIPES: dict[str, TrainSettings] = {
    "ffmef": TrainSettings(),
    "ffmef-edge": TrainSettings(
        model="ffmef-edge",
        channels=8,
        kernel_sizes=(),
        epochs=28,
        learning_rate=2e-3,
        weight_decay=1e-4,
        final_rate=0.02,
        mef_ssim_weight=12.0,
        fidelity_weight=10.0,
        tone_weight=1.0,
        colour_weight=3.0,
        range_weight=2.0,
        crops=CropSettings(320, 0.6, 0.6),
    ),
}


_OF_VIEWS = {"fidelity_weight", "colour_weight", "range_weight"}


def train_settings(model: str, **given: Any) -> TrainSettings:
    """Return the recommended settings of a network, with those that are not None replaced.

    `size`, `smallest` and `extremes` are of its crops, the others of `TrainSettings`.

    Raises:
        InputError: no network of this name can be trained, or not with such a setting.
    """
    if model not in RECIPES:
        known = ", ".join(RECIPES)
        raise InputError(f"there is no network called '{model}' to train; known are: {known}")
    chosen = {name: value for name, value in given.items() if value is not None}
    cut = {name: chosen.pop(name) for name in ("size", "smallest", "extremes") if name in chosen}
    recipe = int8_recipe(RECIPES[model]) if chosen.get("qat") else RECIPES[model]
    for name in sorted(_OF_VIEWS & chosen.keys()):
        if find_network(model).domain != "view":
            raise InputError(
                f"{model} is not trained with a {name.replace('_', ' ')}: leave it out"
            )
    return replace(recipe, **chosen, crops=replace(recipe.crops, **cut))


def int8_recipe(recipe: TrainSettings) -> TrainSettings:
    """Return what we recommend to train given weights for int8: a little, and with small steps."""
    epochs, rate = (4, 5e-5) if recipe.model == "ffmef-edge" else (14, 5e-4)
    return replace(
        recipe, qat=True, epochs=epochs, learning_rate=rate, weight_decay=0.0, final_rate=0.02
    )
