"""Verify: is what a bundle's artefacts compute what the network's pipeline computes?

Every artefact runs in its runtime and is compared twice: with the golden frames of the bundle,
which needs no torch, and, where torch is installed, with the pipeline rebuilt from the bundle's
weights on further scenes. The reference is always the fp32 pipeline.
"""

import importlib.util
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_mef.bundle import Bundle, load_bundle, rewrite_manifest
from edge_mef.contract import FusionContract
from edge_mef.data.scenes import Scene, choose_evenly, load_scenes, resize_frames
from edge_mef.errors import OutputError
from edge_mef.export.gates import Gate, gate_of
from edge_mef.export.golden import golden_exposures, read_golden
from edge_mef.fuser import Fuser
from edge_mef.manifest import STAGES, CheckEntry, Verification
from edge_mef.metrics.pixels import psnr
from edge_mef.metrics.scoring import mef_ssim_of
from edge_mef.runtimes.table import RUNTIMES, open_runtime, why_not
from edge_mef.toolchain import toolchain_versions

Frame = NDArray[np.uint8]
Compute = Callable[..., Frame]
Sizes = tuple[tuple[int, int], ...]  # (height, width)

# Sizes of the rendered scenes: odd, prime and thin ones, which fixed or padded graphs get wrong.
RENDERED_SIZES = ((97, 131), (120, 160), (61, 211), (151, 73), (16, 16))


@dataclass(frozen=True)
class VerifyResult:
    """The verified bundle, its checks, and what could not be done."""

    bundle: Bundle
    verification: Verification
    notes: tuple[str, ...]


def verify_bundle(
    path: str | Path | None = None,
    *,
    data: str | Path | None = None,
    limit: int = 10,
    longest_side: int | None = None,
    threads: int | None = None,
    write: bool = True,
) -> VerifyResult:
    """Check a bundle's files and compare each artefact with the network's pipeline.

    Args:
        path: a bundle; None for the default.
        data: scenes to compare on, as `load_scenes` takes them; None renders some.
        limit: how many of these scenes at most; those of the split "val" come first.
        longest_side: reduce these scenes to it; None keeps their size.
        threads: CPU threads of the runtime.
        write: put the result into the manifest of a bundle that was named by its folder; those
            that come with EdgeMEF stay as they are.

    Raises:
        BundleError: the bundle is damaged or cannot be loaded.
        InputError: no scenes there.
    """
    bundle = load_bundle(path)
    notes: list[str] = []
    with ExitStack() as opened:
        ways = [opened.enter_context(fuser) for fuser in _ways(bundle, threads, notes)]
        checks = [check for fuser in ways for check in _golden_checks(bundle, fuser, notes)]
        if importlib.util.find_spec("torch") is None:
            notes.append("torch is not installed: compared with the bundle's golden frames only")
        else:
            for sizes, group in _by_sizes(ways):
                scenes = _scenes(bundle, data, limit, longest_side, sizes)
                checks += _torch_checks(bundle, group, scenes, notes)
            # The pipeline in one piece takes one number of exposures.
            staged = [way for way in ways if way.runtime.artefact == STAGES]
            others = _other_counts(bundle.manifest.contract)
            checks += _torch_checks(bundle, staged, others, notes)
    verification = Verification(
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        toolchain=toolchain_versions(),
        checks=tuple(checks),
    )
    if write and path is not None and Path(path).is_dir():
        manifest = bundle.manifest.model_copy(update={"verification": verification})
        try:
            bundle = rewrite_manifest(bundle, manifest)
        except OutputError as error:
            notes.append(f"the result is not in the bundle: {error}")
    return VerifyResult(bundle, verification, tuple(notes))


def compare(
    name: str, reference: Frame, found: Frame, gate: Gate, drop: float | None = None
) -> tuple[int, float, bool]:
    """Return the largest difference in grey levels, the PSNR in dB, and whether the gate holds.

    `drop` is what was lost of MEF-SSIM, None where it was not measured.
    """
    if reference.shape != found.shape:
        raise ValueError(f"{name}: expected {reference.shape}, found {found.shape}")
    delta = reference.astype(np.int16) - found.astype(np.int16)
    difference, decibels = int(np.abs(delta).max()), psnr(reference, found)
    return difference, decibels, gate.holds(difference, decibels, drop)


def _ways(bundle: Bundle, threads: int | None, notes: list[str]) -> Iterator[Fuser]:
    """Every way in which the bundle can run here; `notes` gets those that cannot be tried.

    Where a format has stages and the pipeline in one piece, the stages come first.
    """
    manifest = bundle.manifest
    if manifest.artefact("tensorrt") is not None:
        yield _flavour(bundle, threads)
    for row in RUNTIMES.values():
        if row.artefact not in {artefact.format for artefact in manifest.artefacts}:
            continue
        problem = why_not(row)
        if problem is not None:
            notes.append(f"not checked: {problem}")
            continue
        yield Fuser(bundle, open_runtime(bundle, row.name, threads))
        if manifest.has_stages(row.artefact):
            yield Fuser(bundle, open_runtime(bundle, row.name, threads, whole=True))


def _flavour(bundle: Bundle, threads: int | None) -> Fuser:
    """TensorRT's flavour of the model on the CPU: that proves the graph, though not an engine."""
    entry = bundle.manifest.artefact("tensorrt")
    assert entry is not None
    as_onnx = entry.model_copy(update={"format": "onnx"})
    manifest = bundle.manifest.model_copy(update={"artefacts": (as_onnx,)})
    alone = Bundle(bundle.folder, manifest)
    return Fuser(alone, open_runtime(alone, "onnxruntime", threads, whole=True))


def _refused(fuser: Fuser, name: str, frames: Sequence[Frame], notes: list[str]) -> bool:
    """Say whether a runtime does not take these frames, which is no failure."""
    refusal = fuser.runtime.refusal(*frames[0].shape[:2])
    if refusal is not None:
        notes.append(f"{name} not compared on {fuser.runtime.name}: {refusal.split(':')[0]}")
    return refusal is not None


def _by_sizes(ways: Sequence[Fuser]) -> Iterator[tuple[Sizes | None, list[Fuser]]]:
    """Put together the ways that take the same sizes; None stands for all of the contract's."""
    for sizes in dict.fromkeys(fuser.runtime.sizes for fuser in ways):
        yield sizes, [fuser for fuser in ways if fuser.runtime.sizes == sizes]


def _golden_checks(bundle: Bundle, fuser: Fuser, notes: list[str]) -> Iterator[CheckEntry]:
    golden = read_golden(bundle.folder, bundle.manifest.contract)
    if not _refused(fuser, "golden frames", golden.exposures, notes):
        yield _check(bundle, fuser, "golden", _Case("golden", golden.exposures, golden.fused))


def _torch_checks(
    bundle: Bundle,
    ways: Sequence[Fuser],
    scenes: Iterable[tuple[str, tuple[Frame, ...]]],
    notes: list[str],
) -> Iterator[CheckEntry]:
    reference = torch_pipeline(bundle)
    for name, frames in scenes:
        case = _Case(name, frames, reference(*frames))
        for fuser in ways:
            if not _refused(fuser, name, frames, notes):
                yield _check(bundle, fuser, "torch", case)


@dataclass(frozen=True)
class _Case:
    """Exposures, and what has to come out."""

    scene: str
    frames: Sequence[Frame]
    expected: Frame

    @cached_property
    def mef_ssim(self) -> float | None:
        """That of what has to come out; None where the frames are too small for it."""
        return mef_ssim_of(self.frames, self.expected)


def _check(
    bundle: Bundle, fuser: Fuser, reference: Literal["golden", "torch"], case: _Case
) -> CheckEntry:
    started = time.perf_counter()
    found = fuser.fuse(*case.frames, sort=False)
    seconds = time.perf_counter() - started
    gate = _gate(bundle, fuser)  # of what has just run: there may be a package for every size
    drop = None if gate.max_drop is None else _drop(case, found)
    difference, decibels, passed = compare(case.scene, case.expected, found, gate, drop)
    return CheckEntry(
        artefact=fuser.runtime.artefact,
        runtime=fuser.runtime.name,
        reference=reference,
        scene=f"{case.scene} {found.shape[0]}x{found.shape[1]}",
        max_difference=difference,
        psnr=None if math.isinf(decibels) else round(decibels, 2),
        mef_ssim_drop=None if drop is None else round(drop, 5),
        seconds=round(seconds, 4),
        gate=gate.text,
        passed=passed,
    )


def _drop(case: _Case, found: Frame) -> float | None:
    """How much MEF-SSIM is lost; None where the frames are too small for it."""
    measured = mef_ssim_of(case.frames, found)
    return None if case.mef_ssim is None or measured is None else case.mef_ssim - measured


def _gate(bundle: Bundle, fuser: Fuser) -> Gate:
    """The gate of what ran: an artefact may be coarser than the rest of its bundle."""
    manifest = bundle.manifest
    return gate_of(manifest.network.name, manifest.precision_of(fuser.runtime.artefact))


def torch_pipeline(bundle: Bundle) -> Compute:
    """Rebuild a bundle's fp32 pipeline from its weights; needs torch."""
    from edge_mef.models import create_model, find_network
    from edge_mef.pipeline import make_pipeline
    from edge_mef.validation import torch_fuse

    entry = bundle.manifest.network
    network = create_model(
        entry.name,
        entry.channels,
        bundle.folder / entry.weights_file,
        kernel_sizes=entry.kernel_sizes,
    )
    return torch_fuse(make_pipeline(find_network(entry.name), network, bundle.manifest.rounding))


def _scenes(
    bundle: Bundle,
    data: str | Path | None,
    limit: int,
    longest_side: int | None,
    sizes: Sizes | None,
) -> Iterator[tuple[str, tuple[Frame, ...]]]:
    """Scenes of `sizes` in turn; None for all of the contract's."""
    contract = bundle.manifest.contract
    if contract.height is not None and contract.width is not None:
        sizes = ((contract.height, contract.width),)
    if data is None:
        yield from itertools.islice(_rendered(contract, sizes), limit)
        return
    scenes = sorted(load_scenes(data), key=lambda scene: scene.split != "val")
    for index, scene in enumerate(scenes[:limit]):
        frames = choose_evenly(scene.read(longest_side), contract.exposures)
        height, width = sizes[index % len(sizes)] if sizes else frames[0].shape[:2]
        yield scene.name, resize_frames(frames, _fit(contract.multiple, height, width))


def _rendered(
    contract: FusionContract, sizes: Sizes | None
) -> Iterator[tuple[str, tuple[Frame, ...]]]:
    fixed = sizes * 2 if sizes is not None and len(sizes) == 1 else sizes
    for seed, (height, width) in enumerate(fixed or RENDERED_SIZES, start=100):
        frames = golden_exposures(contract, seed)
        yield f"rendered-{seed}", resize_frames(frames, _fit(contract.multiple, height, width))


def _other_counts(contract: FusionContract) -> Iterator[tuple[str, tuple[Frame, ...]]]:
    """A rendered scene in every number of exposures that goes besides the contract's own."""
    low, high = contract.counts
    others = [count for count in range(low, high + 1) if count != contract.exposures]
    if others:
        frames = golden_exposures(replace(contract, exposures=high), seed=200)
        for count in others:
            yield f"{count} exposures", choose_evenly(frames, count)


def fitted_frames(
    contract: FusionContract, scene: Scene, longest_side: int | None
) -> tuple[Frame, ...]:
    """Read a scene in the number and size that a contract takes, (H, W, 3) uint8 RGB each."""
    frames = scene.read(longest_side)
    kept = choose_evenly(frames, contract.exposures)
    height, width = contract.height or kept[0].shape[0], contract.width or kept[0].shape[1]
    return resize_frames(kept, _fit(contract.multiple, height, width))


def _fit(multiple: int, height: int, width: int) -> tuple[int, int]:
    return max(multiple, height - height % multiple), max(multiple, width - width % multiple)
