"""Comparing methods on scenes: the MEF-SSIM of every fused picture, and a sheet to look at them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge_mef.benchmarks.peers.mertens import MertensFusion
from edge_mef.data.scenes import Scene, choose, load_scenes
from edge_mef.errors import InputError
from edge_mef.fuser import Fuser
from edge_mef.models import create_model, find_network
from edge_mef.pipeline import make_pipeline
from edge_mef.saving import check_output
from edge_mef.sheet import contact_sheet
from edge_mef.validation import Fuse, read_pair, score, torch_fuse

Frame = NDArray[np.uint8]
_SHEET_SIDE = 800


@dataclass
class Evaluation:
    """MEF-SSIM by method and scene, and the contact sheet, where one was asked for."""

    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    sheet: Frame | None = None

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
        sheet: where the contact sheet will be written; checked before any work is done.
    """
    if split not in ("train", "calib", "val"):
        raise InputError(f"expected the split train, calib or val, found '{split}'")
    if sheet is not None:
        check_output(sheet)
    scenes = choose(load_scenes(data), split)  # type: ignore[arg-type]
    rows: list[list[Frame]] = []
    captions: list[list[str]] = []
    console = Console(stderr=True)
    with ExitStack() as opened:
        methods = _methods(opened, bundles, weights, model, peers)
        result = Evaluation({name: {} for name in methods})
        for scene in track(scenes, "evaluating", console=console, disable=not console.is_terminal):
            row, texts = _evaluate_scene(scene, methods, longest_side, result)
            if sheet is not None:
                rows.append(row)
                captions.append(texts)
    if sheet is not None:
        result.sheet = contact_sheet(rows, captions)
    return result


def _evaluate_scene(
    scene: Scene, methods: dict[str, Fuse], longest_side: int | None, result: Evaluation
) -> tuple[list[Frame], list[str]]:
    pair = read_pair(scene, longest_side)
    under, over = pair.under, pair.over
    row, texts = [under, over], [f"{scene.name}: under", "over"]
    for name, fuse in methods.items():
        fused = fuse(under, over)
        value = score(under, over, fused)
        result.scores[name][scene.name] = value
        row.append(fused)
        texts.append(f"{name}: {value:.4f}")
    return [_small(frame) for frame in row], texts


def _methods(
    opened: ExitStack,
    bundles: Sequence[str | None],
    weights: Sequence[Path],
    model: str,
    peers: bool,
) -> dict[str, Fuse]:
    methods: dict[str, Fuse] = {}
    for bundle in bundles:
        fuser = opened.enter_context(Fuser.open(bundle))
        methods[_free_name(fuser.bundle.folder, methods)] = fuser.fuse
    for path in weights:
        pipeline = make_pipeline(find_network(model), create_model(model, weights=path))
        methods[_free_name(path.with_suffix(""), methods)] = torch_fuse(pipeline)
    if peers:
        mertens = MertensFusion()
        methods[mertens.name] = mertens
    return methods


def _free_name(path: Path, taken: dict[str, Fuse]) -> str:
    """Return the shortest end of a path that names no other method."""
    parts = path.absolute().parts
    for length in range(1, len(parts)):
        name = "/".join(parts[-length:])
        if name not in taken:
            return name
    raise InputError(f"'{path}' is given twice")


def _small(frame: Frame) -> Frame:
    step = max(1, max(frame.shape[:2]) // _SHEET_SIDE)
    return np.ascontiguousarray(frame[::step, ::step])
