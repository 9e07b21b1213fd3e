"""Comparing methods on scenes: the MEF-SSIM of every fused picture, and a sheet to look at them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge_mef.benchmarks.peers.mertens import MertensFusion
from edge_mef.colour import COLOUR_SPACES
from edge_mef.data.scenes import Scene, choose, load_scenes
from edge_mef.errors import InputError
from edge_mef.fuser import Fuser
from edge_mef.models import create_model, find_network
from edge_mef.pipeline import FusionPipeline
from edge_mef.saving import check_output, write_picture
from edge_mef.sheet import contact_sheet
from edge_mef.validation import Fuse, score, torch_fuse

Frame = NDArray[np.uint8]
_SHEET_SIDE = 800


@dataclass
class Evaluation:
    """MEF-SSIM by method and scene."""

    scores: dict[str, dict[str, float]] = field(default_factory=dict)

    def mean(self, method: str) -> float:
        """Return a method's mean over scenes."""
        return float(np.mean(list(self.scores[method].values())))


def evaluate_methods(
    data: str | Path,
    *,
    bundles: Sequence[str | None] = (None,),
    weights: Sequence[Path] = (),
    model: str = "ffmef",
    peers: bool = False,
    split: str = "val",
    longest_side: int | None = None,
    sheet: Path | None = None,
) -> Evaluation:
    """Fuse the darkest and brightest exposure of each scene with every method and score them.

    Args:
        data: scenes, as `load_scenes` takes them.
        bundles: bundles to run; None is the default one.
        weights: weight files of `model` to run in torch.
        model: a name of `NETWORKS`.
        peers: run OpenCV's Mertens as well.
        split: which scenes.
        longest_side: reduce the scenes to it; None keeps their size.
        sheet: a picture file for the contact sheet.
    """
    if split not in ("train", "calib", "val"):
        raise InputError(f"expected the split train, calib or val, found '{split}'")
    if sheet is not None:
        check_output(sheet)
    scenes = choose(load_scenes(data), split)  # type: ignore[arg-type]
    methods = _methods(bundles, weights, model, peers)
    result = Evaluation({name: {} for name in methods})
    rows: list[list[Frame]] = []
    captions: list[list[str]] = []
    console = Console(stderr=True)
    for scene in track(scenes, "evaluating", console=console, disable=not console.is_terminal):
        row, texts = _evaluate_scene(scene, methods, longest_side, result)
        if sheet is not None:
            rows.append(row)
            captions.append(texts)
    if sheet is not None:
        write_picture(sheet, contact_sheet(rows, captions))
    return result


def _evaluate_scene(
    scene: Scene, methods: dict[str, Fuse], longest_side: int | None, result: Evaluation
) -> tuple[list[Frame], list[str]]:
    frames = scene.read(longest_side)
    under, over = frames[0], frames[-1]
    row, texts = [under, over], [f"{scene.name}: under", "over"]
    for name, fuse in methods.items():
        fused = fuse(under, over)
        value = score(under, over, fused)
        result.scores[name][scene.name] = value
        row.append(fused)
        texts.append(f"{name}: {value:.4f}")
    return [_small(frame) for frame in row], texts


def _methods(
    bundles: Sequence[str | None], weights: Sequence[Path], model: str, peers: bool
) -> dict[str, Fuse]:
    methods: dict[str, Fuse] = {}
    for bundle in bundles:
        fuser = Fuser.open(bundle)
        name = _free_name(methods, fuser.bundle.manifest.name, fuser.bundle.folder)
        methods[name] = fuser.fuse
    colour = COLOUR_SPACES[find_network(model).colour]
    for path in weights:
        pipeline = FusionPipeline(create_model(model, weights=path), colour)
        methods[_free_name(methods, path.stem, path)] = torch_fuse(pipeline.eval())
    if peers:
        mertens = MertensFusion()
        methods[mertens.name] = mertens
    return methods


def _free_name(methods: dict[str, Fuse], name: str, path: Path) -> str:
    """Return the short name, or the whole path where another method has that name already."""
    return str(path) if name in methods else name


def _small(frame: Frame) -> Frame:
    step = max(1, max(frame.shape[:2]) // _SHEET_SIDE)
    return np.ascontiguousarray(frame[::step, ::step])
