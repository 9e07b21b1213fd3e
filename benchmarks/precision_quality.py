"""How close bundles of every precision are to the float pipeline."""

import importlib.util
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.advice import Quality
from edge_mef.benchmarks.precision_exports import Journal
from edge_mef.benchmarks.speed import limit_libraries
from edge_mef.bundle import Bundle
from edge_mef.contract import FusionContract
from edge_mef.data.scenes import Scene, choose, load_scenes
from edge_mef.errors import missing_extra
from edge_mef.export.gates import Gate, gate_of
from edge_mef.export.golden import read_golden
from edge_mef.export.parity import compare, fitted_frames, torch_pipeline
from edge_mef.fuser import Fuser
from edge_mef.manifest import Precision
from edge_mef.metrics import evaluate

Frame = NDArray[np.uint8]

RENDERED_SCENES = "rendered:32"  # int8 is calibrated on others of these
MOST_SCENES, LONGEST_SIDE = 10, 640
_METRIC = "MEF_SSIM"


def has_package(name: str) -> bool:
    """Say whether a package is installed, without importing it."""
    return importlib.util.find_spec(name) is not None


def choose_scenes(data: str | None) -> list[Scene]:
    """Return the scenes to compare on; none where torch is not installed: golden frames do.

    Raises:
        InputError: no such data, or no scene of the split "val".
        MissingError: scenes are named, and torch is not installed.
    """
    if not has_package("torch"):
        if data is not None:
            raise missing_extra("comparing on scenes of your own", "torch", "train")
        return []
    return choose(load_scenes(data or RENDERED_SCENES), "val")[:MOST_SCENES]


def measure_qualities(
    fusers: Sequence[Fuser],
    contract: FusionContract,
    scenes: Sequence[Scene],
    journal: Journal,
    *,
    threads: int | None = None,
) -> list[Quality]:
    """Compare what open bundles make of every scene with what the float pipeline makes of it.

    Args:
        fusers: bundles of one network.
        contract: the frames that all of them take.
        scenes: of `choose_scenes`; where there are none, the golden frames of a bundle.
        journal: is told of every scene.
        threads: for torch.
    """
    found: list[list[tuple[int, float, float]]] = [[] for _ in fusers]
    bundles = [fuser.bundle for fuser in fusers]
    # All of them take the frames of the one with a fixed size, where there is one.
    first = max(bundles, key=lambda bundle: bundle.manifest.contract.height is not None)
    if not scenes:
        journal.note("torch is not installed: compared on the bundle's golden frames only")
    references = _references(first, contract, scenes, threads)
    for index, (name, frames, expected) in enumerate(references):
        journal.progress(f"comparing {name}", index, max(1, len(scenes)))
        usual = evaluate(frames, expected, [_METRIC])[_METRIC]
        for fuser, values in zip(fusers, found, strict=True):
            fused = fuser.fuse(*frames, sort=False)
            difference, psnr, _ = compare(name, expected, fused, Gate())
            values.append((difference, psnr, evaluate(frames, fused, [_METRIC])[_METRIC] - usual))
    return [_worst(bundle, values) for bundle, values in zip(bundles, found, strict=True)]


def _worst(bundle: Bundle, values: Sequence[tuple[int, float, float]]) -> Quality:
    differences, psnrs, changes = zip(*values, strict=True)
    return judge(
        bundle.manifest.network.name,
        bundle.manifest.precision,
        difference=max(differences),
        psnr=min(psnrs),
        mef_ssim=max(changes, key=abs),
    )


def judge(
    model: str, precision: Precision, *, difference: int, psnr: float, mef_ssim: float
) -> Quality:
    """Hold what was found against the gate of a network in a precision.

    In int8 the PSNR is of the network's row, and MEF-SSIM may hardly drop.
    """
    gate = gate_of(model, precision)
    holds = gate.holds(difference, psnr, -mef_ssim)
    return Quality(psnr, difference, mef_ssim, gate.text, holds)


def _references(
    bundle: Bundle, contract: FusionContract, scenes: Sequence[Scene], threads: int | None
) -> Iterator[tuple[str, tuple[Frame, ...], Frame]]:
    """Yield (name, exposures, fused frame of the float pipeline)."""
    if not scenes:
        golden = read_golden(bundle.folder, bundle.manifest.contract)
        yield "golden frames", golden.exposures, golden.fused
        return
    reference = torch_pipeline(bundle)
    limit_libraries(threads)
    for scene in scenes:
        frames = fitted_frames(contract, scene, LONGEST_SIDE)
        yield scene.name, frames, reference(*frames)


def weight_bytes(bundle: Bundle, file_format: str, artefact: str) -> int | None:
    """Return how many bytes the network's weights take in what runs; None where it cannot be told.

    Args:
        bundle: the bundle.
        file_format: of the artefact.
        artefact: the file that runs, or "stages", of which the analysis holds the network.
    """
    role = "analysis" if artefact == "stages" else "pipeline"
    (entry, *_) = bundle.manifest.stage(file_format, role)  # type: ignore[arg-type]
    path = bundle.path_of(entry)
    if file_format == "openvino":
        return path.with_suffix(".bin").stat().st_size
    if not has_package("onnx"):
        return None
    import onnx

    from edge_mef.export.proof import weight_bytes as constants

    return constants(onnx.load(str(path)))
