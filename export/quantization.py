"""The int8 program of a pipeline: calibrated once, the same for every target."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn
from torch.fx import GraphModule

from edge_mef.calibration.quantize import Program, Ranges, layers, observe, trace_network
from edge_mef.calibration.ranges import Range, RangesKey, load_ranges, save_ranges
from edge_mef.calibration.recipe import QuantRecipe
from edge_mef.calibration.scales import Scales, scales_of
from edge_mef.calibration.sensitivity import Mixed, Quality, meet_gate
from edge_mef.calibration.sets import CalibrationSet, open_calibration_set
from edge_mef.errors import InputError
from edge_mef.models.table import NetworkSpec
from edge_mef.pipeline import make_pipeline
from edge_mef.validation import torch_fuse

DEFAULT_SCENES = "rendered:12"
# The scenes of the set differ most at its beginning; a few of them judge the precision.
_JUDGES = 4


@dataclass(frozen=True)
class QuantSettings:
    """How to quantize.

    Attributes:
        scenes: what to calibrate with, see `edge_mef.calibration.sets`; rendered ones where None.
        count, longest_side: how many scenes, and what their frames are reduced to.
        recipe: where the ranges of activations end.
        ranges: a file that keeps them; it is used where it belongs to all of this, else written.
        kept: layers that stay in half precision whatever they would cost.
        gate: dB against the float pipeline on the calibration scenes; the network's where None.
    """

    scenes: str | None = None
    count: int = 16
    longest_side: int = 640
    recipe: QuantRecipe = field(default_factory=QuantRecipe)
    ranges: Path | None = None
    kept: tuple[str, ...] = ()
    gate: float | None = None


@dataclass(frozen=True)
class Quantized:
    """The program, its scales, and what a reader has to know, in sentences."""

    program: Program
    scales: Scales
    mixed: Mixed
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
    traced = trace_network(spec, network)
    _check_layers(traced, settings.kept)
    chosen = open_calibration_set(
        settings.scenes or DEFAULT_SCENES,
        count=settings.count,
        longest_side=settings.longest_side,
    )
    scenes = chosen.frames

    def run(program: nn.Module) -> None:
        fuse = torch_fuse(make_pipeline(spec, program))
        for frames in scenes:
            fuse(*frames)

    recipe = settings.recipe
    ranges, reason = _stored(spec, weights_sha256, chosen, settings)
    if ranges is None:
        ranges = observe(traced, recipe, run)
        _store(spec, weights_sha256, chosen, settings, ranges)
    quality = Quality(
        lambda program: [torch_fuse(make_pipeline(spec, program))(*f) for f in scenes[:_JUDGES]],
        network,
    )
    gate = spec.int8_gate if settings.gate is None else settings.gate
    mixed = meet_gate(traced, recipe, ranges, quality, gate, settings.kept)
    notes = (f"calibrated with {chosen.summary} of {chosen.source}", *reason, *_notes(mixed))
    return Quantized(mixed.program, scales_of(mixed.program), mixed, chosen.digest, notes)


def _check_layers(traced: GraphModule, kept: Sequence[str]) -> None:
    names = layers(traced)
    unknown = [name for name in kept if name not in names]
    if unknown:
        raise InputError(
            f"there is no layer '{unknown[0]}' to keep in fp16; there are: {', '.join(names)}"
        )


def _notes(mixed: Mixed) -> tuple[str, ...]:
    if not mixed.kept:
        return (f"int8 throughout: {mixed.psnr:.1f} dB or more on the calibration scenes",)
    return (
        f"kept in fp16: {', '.join(mixed.kept)}; {mixed.psnr:.1f} dB or more on the calibration "
        "scenes",
    )


def _key(
    spec: NetworkSpec, weights_sha256: str, chosen: CalibrationSet, recipe: QuantRecipe
) -> RangesKey:
    return RangesKey(spec.name, weights_sha256, chosen.digest, {"observer": recipe.text})


def _stored(
    spec: NetworkSpec, weights_sha256: str, chosen: CalibrationSet, settings: QuantSettings
) -> tuple[Ranges | None, tuple[str, ...]]:
    if settings.ranges is None:
        return None, ()
    key = _key(spec, weights_sha256, chosen, settings.recipe)
    found = load_ranges(settings.ranges, key)
    if found.ranges is None:
        return None, (f"{found.reason}; measured anew",)
    return {name: one.largest for name, one in found.ranges.items()}, (found.reason,)


def _store(
    spec: NetworkSpec,
    weights_sha256: str,
    chosen: CalibrationSet,
    settings: QuantSettings,
    ranges: Ranges,
) -> None:
    if settings.ranges is not None:
        key = _key(spec, weights_sha256, chosen, settings.recipe)
        save_ranges(settings.ranges, key, {n: Range(-v, v) for n, v in ranges.items()})
