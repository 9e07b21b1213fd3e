"""The int8 program of a pipeline: calibrated once, the same for every target."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn
from torch.fx import GraphModule

from edge_mef.calibration.quantize import Program, Ranges, layers, observe, trace_network
from edge_mef.calibration.ranges import (
    Range,
    RangesKey,
    check_ranges_file,
    load_ranges,
    save_ranges,
)
from edge_mef.calibration.recipe import QuantRecipe
from edge_mef.calibration.scales import Scales, scales_of
from edge_mef.calibration.sensitivity import (
    Mixed,
    Quality,
    Score,
    layer_sensitivity,
    meet_gate,
    worst_first,
)
from edge_mef.calibration.sets import CalibrationSet, open_calibration_set
from edge_mef.data.scenes import reduce_frame
from edge_mef.errors import InputError
from edge_mef.export.gates import MOST_MEF_SSIM_DROP
from edge_mef.models.table import NetworkSpec
from edge_mef.pipeline import make_pipeline
from edge_mef.runtimes.build_watch import watcher
from edge_mef.validation import torch_fuse

DEFAULT_SCENES = "rendered:12"
# The scenes of the set differ most at its beginning; a few of them, made small, judge the
# precision. Other scenes will do worse than these, hence the margins.
_JUDGES, _JUDGED_SIDE = 16, 320
_MARGIN, _SHARE_OF_DROP = 2.0, 0.3  # dB; of the MEF-SSIM that may be lost


@dataclass(frozen=True)
class QuantSettings:
    """How to quantize.

    Attributes:
        scenes: what to calibrate with, see `edge_mef.calibration.sets`; rendered ones where None.
        count, longest_side: how many scenes, and what their frames are reduced to.
        recipe: where the ranges of activations end; the network's where None.
        ranges: a file that keeps them; it is used where it belongs to all of this, else written.
        kept: layers that stay in half precision whatever they would cost.
        gate: dB against the float pipeline on the calibration scenes; the network's where None.
        most_drop: of MEF-SSIM, on the calibration scenes.
    """

    scenes: str | None = None
    count: int = 16
    longest_side: int = 640
    recipe: QuantRecipe | None = None
    ranges: Path | None = None
    kept: tuple[str, ...] = ()
    gate: float | None = None
    most_drop: float = MOST_MEF_SSIM_DROP


@dataclass(frozen=True)
class Quantized:
    """The program, its scales, and what a reader has to know, in sentences."""

    program: Program
    scales: Scales
    mixed: Mixed
    recipe: QuantRecipe
    digest: str
    notes: tuple[str, ...]


def quantize(
    spec: NetworkSpec, network: nn.Module, weights_sha256: str, settings: QuantSettings
) -> Quantized:
    """Calibrate a network and convert it to int8.

    Raises:
        InputError: no scenes to calibrate with, or too few; no such layer to keep.
        GateError: int8 costs more than the gate allows.
    """
    if settings.ranges is not None:
        check_ranges_file(settings.ranges)
    traced, recipe = trace_network(spec, network), recipe_of(spec, settings)
    _check_layers(traced, settings.kept)
    chosen = _open_set(settings)
    ranges, reason = _ranges(spec, weights_sha256, traced, chosen, settings)
    mixed = meet_gate(
        traced,
        recipe,
        ranges,
        _quality(spec, network, chosen),
        goal_of(spec, settings),
        settings.kept,
        least=Score(_gate(spec, settings), settings.most_drop),
        progress=watcher().progress,
    )
    notes = (
        f"calibrated with {chosen.summary} of '{Path(chosen.source).name}'",
        *reason,
        *_notes(mixed),
    )
    return Quantized(mixed.program, scales_of(mixed.program), mixed, recipe, chosen.digest, notes)


def measure_sensitivity(
    spec: NetworkSpec, network: nn.Module, chosen: CalibrationSet, settings: QuantSettings
) -> dict[str, Score]:
    """Return what the fused scenes lose with one layer in int8 at a time, the worst layer first."""
    traced = trace_network(spec, network)
    ranges = _observed(spec, traced, chosen, settings)
    quality = _quality(spec, network, chosen)
    found = layer_sensitivity(
        traced, recipe_of(spec, settings), ranges, quality, watcher().progress
    )
    return worst_first(found, goal_of(spec, settings))


def recipe_of(spec: NetworkSpec, settings: QuantSettings) -> QuantRecipe:
    """Return the recipe that was asked for, or the network's."""
    if settings.recipe is not None:
        return settings.recipe
    share = spec.int8_percentile
    return QuantRecipe() if share is None else QuantRecipe("percentile", share)


def goal_of(spec: NetworkSpec, settings: QuantSettings) -> Score:
    """Return what the calibration scenes must reach, so that other scenes hold the gate."""
    return Score(_gate(spec, settings) + _MARGIN, _SHARE_OF_DROP * settings.most_drop)


def _gate(spec: NetworkSpec, settings: QuantSettings) -> float:
    return spec.int8_gate if settings.gate is None else settings.gate


def _open_set(settings: QuantSettings) -> CalibrationSet:
    return open_calibration_set(
        settings.scenes or DEFAULT_SCENES,
        count=settings.count,
        longest_side=settings.longest_side,
        progress=watcher().progress,
    )


def _quality(spec: NetworkSpec, network: nn.Module, chosen: CalibrationSet) -> Quality:
    scenes = chosen.frames[:_JUDGES]
    judges = [[reduce_frame(frame, _JUDGED_SIDE) for frame in frames] for frames in scenes]
    return Quality(
        lambda program: [torch_fuse(make_pipeline(spec, program))(*f) for f in judges],
        network,
        judges,
    )


def _observed(
    spec: NetworkSpec, traced: GraphModule, chosen: CalibrationSet, settings: QuantSettings
) -> Ranges:
    def run(program: nn.Module) -> None:
        fuse = torch_fuse(make_pipeline(spec, program))
        for index, frames in enumerate(chosen.frames):
            watcher().progress("measuring ranges", index, len(chosen.frames))
            fuse(*frames)

    return observe(traced, recipe_of(spec, settings), run)


def _check_layers(traced: GraphModule, kept: Sequence[str]) -> None:
    names = layers(traced)
    unknown = [name for name in kept if name not in names]
    if unknown:
        raise InputError(
            f"there is no layer '{unknown[0]}' to keep in fp16; there are: {', '.join(names)}"
        )


def _notes(mixed: Mixed) -> tuple[str, ...]:
    what = f"kept in fp16: {', '.join(mixed.kept)}" if mixed.kept else "int8 throughout"
    return (f"{what}; at worst {mixed.score.text} on the calibration scenes",)


def _key(
    spec: NetworkSpec, weights_sha256: str, chosen: CalibrationSet, recipe: QuantRecipe
) -> RangesKey:
    return RangesKey(spec.name, weights_sha256, chosen.digest, {"observer": recipe.text})


def _ranges(
    spec: NetworkSpec,
    weights_sha256: str,
    traced: GraphModule,
    chosen: CalibrationSet,
    settings: QuantSettings,
) -> tuple[Ranges, tuple[str, ...]]:
    """Return ranges that were stored or measured, and which of both in a sentence."""
    if settings.ranges is None:
        return _observed(spec, traced, chosen, settings), ()
    key = _key(spec, weights_sha256, chosen, recipe_of(spec, settings))
    found = load_ranges(settings.ranges, key)
    if found.ranges is not None:
        return {name: one.largest for name, one in found.ranges.items()}, (found.reason,)
    ranges = _observed(spec, traced, chosen, settings)
    save_ranges(settings.ranges, key, {n: Range(-v, v) for n, v in ranges.items()})
    return ranges, (f"{found.reason}; measured and written anew",)
