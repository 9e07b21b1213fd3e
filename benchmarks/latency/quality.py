"""How good the fused pictures are of what is timed: the same open artefact fuses real scenes."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.latency.entrants import Opened
from edge_mef.benchmarks.records import Quality
from edge_mef.data.scenes import Scene, choose, choose_evenly, load_scenes, resize_frames
from edge_mef.errors import EdgeMefError, InputError
from edge_mef.metrics import evaluate

Frame = NDArray[np.uint8]
DEFAULT_SCENES = "rendered:16"  # of which every eighth is for validation
MOST_SCENES = 16
METRIC = "MEF_SSIM"


@dataclass(frozen=True)
class Gallery:
    """Scenes that quality is measured with, read when that begins.

    Attributes:
        data: where they come from, for messages.
        scenes: those for validation; of their frames the darkest, the brightest and some between.
        exposures: how many of each; scenes with fewer are left out.
    """

    data: str
    scenes: tuple[Scene, ...]
    exposures: int = 2

    @cached_property
    def brackets(self) -> dict[str, tuple[Frame, ...]]:
        """The exposures (H, W, 3) uint8 RGB of at most `MOST_SCENES` scenes, by name.

        Raises:
            InputError: pictures that cannot be read, or no scene with so many exposures.
        """
        found: dict[str, tuple[Frame, ...]] = {}
        for scene in self.scenes:
            frames = scene.read()
            if len(frames) >= self.exposures and len(found) < MOST_SCENES:
                found[scene.name] = choose_evenly(frames, self.exposures)
        if not found:
            raise InputError(
                f"expected scenes of at least {self.exposures} exposures in '{self.data}', found "
                "none: give others with --data"
            )
        return found


def find_gallery(data: str | Path = DEFAULT_SCENES, exposures: int = 2) -> Gallery:
    """Find the scenes for validation; `InputError` where there are none."""
    return Gallery(str(data), tuple(choose(load_scenes(data), "val")[:MOST_SCENES]), exposures)


def measure_quality(opened: Opened, gallery: Gallery, size: tuple[int, int] | None) -> Quality:
    """Fuse all scenes and measure them; `size` is the only (height, width) that goes, if any.

    Raises:
        EdgeMefError: a scene cannot be fused or measured.
    """
    values = []
    for frames in gallery.brackets.values():
        exposures = frames if size is None else resize_frames(frames, size)
        values.append(evaluate(exposures, opened.fuse(*exposures), [METRIC])[METRIC])
    mean = float(np.mean(values))
    if not np.isfinite(mean):
        raise EdgeMefError("some scenes are too small or too flat for MEF-SSIM")
    return Quality(scenes=tuple(gallery.brackets), values={METRIC: mean})
