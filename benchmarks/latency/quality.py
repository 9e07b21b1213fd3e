"""How good the fused pictures are of what is timed: the same open artefact fuses real scenes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.latency.entrants import Opened
from edge_mef.benchmarks.records import Quality
from edge_mef.data.scenes import choose, load_scenes
from edge_mef.errors import EdgeMefError, InputError
from edge_mef.metrics import evaluate

Frame = NDArray[np.uint8]
DEFAULT_SCENES = "rendered:32"  # of which every eighth is for validation
MOST_SCENES = 16
METRIC = "MEF_SSIM"


@dataclass(frozen=True)
class Gallery:
    """Scenes that quality is measured with: names, and exposures (H, W, 3) uint8 RGB."""

    names: tuple[str, ...]
    scenes: tuple[tuple[Frame, ...], ...]


def read_gallery(data: str | Path = DEFAULT_SCENES, exposures: int = 2) -> Gallery:
    """Read the scenes for validation, of each the darkest, the brightest and some between.

    Raises:
        InputError: no such scenes, or none with so many exposures.
    """
    found = {}
    for scene in choose(load_scenes(data), "val"):
        frames = scene.read()
        if len(frames) >= exposures:
            places = np.linspace(0, len(frames) - 1, exposures).round().astype(int)
            found[scene.name] = tuple(frames[place] for place in places)
        if len(found) == MOST_SCENES:
            break
    if not found:
        raise InputError(
            f"expected scenes of at least {exposures} exposures in '{data}', found none: give "
            "others with --data"
        )
    return Gallery(tuple(found), tuple(found.values()))


def measure_quality(opened: Opened, gallery: Gallery, size: tuple[int, int] | None) -> Quality:
    """Fuse all scenes and measure them; `size` is the only (height, width) that goes, if any.

    Raises:
        EdgeMefError: a scene cannot be fused or measured.
    """
    values = []
    for frames in gallery.scenes:
        exposures = frames if size is None else _resized(frames, size)
        values.append(evaluate(exposures, opened.fuse(*exposures), [METRIC])[METRIC])
    mean = float(np.mean(values))
    if not np.isfinite(mean):
        raise EdgeMefError("some scenes are too small or too flat for MEF-SSIM")
    return Quality(scenes=gallery.names, values={METRIC: mean})


def _resized(frames: Sequence[Frame], size: tuple[int, int]) -> tuple[Frame, ...]:
    height, width = size
    return tuple(
        np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        for frame in frames
    )
