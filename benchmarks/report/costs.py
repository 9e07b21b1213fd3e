"""What a frame costs besides its time: energy, the phases of a call, the load, and layers."""

from collections.abc import Sequence

from edge_mef.benchmarks.records import PHASES, Layer, Record
from edge_mef.benchmarks.report.absent import Reasons, none_here
from edge_mef.benchmarks.report.bars import Bar, bar_figures
from edge_mef.benchmarks.report.drawing import LEFT, colour_class, rectangle, text
from edge_mef.benchmarks.report.figures import (
    milliseconds,
    significant,
    size_of,
    size_text,
)
from edge_mef.benchmarks.report.groups import Group, Names, Size
from edge_mef.benchmarks.report.markup import Markup, joined
from edge_mef.benchmarks.report.tables import folded, paragraph, plots, section, table

_PARTS = PHASES[1:]
MOST_LAYERS = 15


def energy_section(group: Group, names: Names, reasons: Reasons) -> Markup:
    """Return the energy of a frame of every record, and the power."""
    heading = "Energy"
    if not any(r.joules_per_frame is not None for r in group.records):
        why = none_here("an energy", group.records, "energy", "energy.joules")
        return section(heading, why)
    figures: list[Markup] = []
    rows = []
    for size, records in group.sizes:
        bars = [
            Bar(
                names.record(r, records),
                ((1e3 * joules, f"bar {colour_class(names.colour(r))}"),),
                f"{significant(1e3 * joules)} mJ, {_watts(r)}",
                names.colour(r),
            )
            for r in records
            if (joules := r.joules_per_frame) is not None
        ]
        if bars:
            title = f"Energy per frame at {size_text(size)}"
            figures += bar_figures(title, size_text(size), bars, "mJ per frame")
        rows += [_energy_row(r, size, names.record(r, records), reasons) for r in records]
    explained = paragraph(
        "All that the sensor sees, the machine at rest included: nothing is subtracted."
    )
    columns = ("subject", "size", "sensor", "mJ per frame", "W", "frames", "s")
    whole = table("Energy", columns, rows, names=3)
    return section(heading, explained, plots(figures), folded("The numbers of these plots", whole))


def _watts(record: Record) -> str:
    watts = None if record.energy is None else record.energy.watts
    return "power unknown" if watts is None else f"{significant(watts)} W"


def _energy_row(record: Record, size: Size, name: str, reasons: Reasons) -> tuple[str, ...]:
    energy, joules = record.energy, record.joules_per_frame
    if energy is None or joules is None:
        return name, size_text(size), reasons.cell(record, "energy", "energy.joules"), *[""] * 4
    return (
        name,
        size_text(size),
        energy.source,
        significant(1e3 * joules),
        "" if energy.watts is None else significant(energy.watts),
        str(record.energy_frames),
        significant(energy.seconds),
    )


def phase_section(group: Group, names: Names, reasons: Reasons) -> Markup:
    """Return the phases of a call beside the whole, and the times before anything is warm."""
    figures: list[Markup] = []
    rows = []
    for size, records in group.sizes:
        split = [r for r in records if any(p in r.series for p in _PARTS)]
        if split:
            bars = [_phase_bar(r, names, names.record(r, records)) for r in split]
            title = f"Phases of a call at {size_text(size)}"
            figures += bar_figures(title, size_text(size), bars, "median, ms", key=_phase_key())
        rows += [_phase_row(r, size, names.record(r, records), reasons) for r in records]
    if figures:
        said = "Medians of each phase; that of the whole call is measured for itself."
        shown = [paragraph(said), plots(figures)]
    else:
        shown = [none_here("phases", group.records, *(f"series.{p}" for p in _PARTS))]
    columns = ("subject", "size", *(f"{_spoken(p)}, ms" for p in PHASES), "opening, ms",
               "first call, ms")  # fmt: skip
    caption = "Medians of the phases, and the times before anything is warm"
    return section("Phases and load", *shown, table(caption, columns, rows, names=2))


def _phase_key() -> Markup:
    parts, x = [], LEFT
    for phase, width in (*((p, 74.0) for p in _PARTS), ("whole", 120.0)):
        kind = "whole" if phase == "whole" else f"bar {phase}"
        parts.append(rectangle(x, 4, 10, 10, kind))
        parts.append(text(x + 14, 13, "end to end" if phase == "whole" else _spoken(phase)))
        x += width
    return joined(parts)


def _phase_bar(record: Record, names: Names, name: str) -> Bar:
    medians = [(p, record.series[p].summary.median) for p in _PARTS if p in record.series]
    whole = record.series["end_to_end"].summary.median
    return Bar(
        name,
        tuple((value, f"bar {phase}") for phase, value in medians),
        f"{milliseconds(whole)} ms",
        names.colour(record),
        whole,
        ", ".join(f"{_spoken(phase)} {milliseconds(value)}" for phase, value in medians),
    )


def _spoken(phase: str) -> str:
    return phase.replace("_", " ")


def _phase_row(record: Record, size: Size, name: str, reasons: Reasons) -> tuple[str, ...]:
    phases = [
        milliseconds(record.series[p].summary.median)
        if p in record.series
        else reasons.cell(record, f"series.{p}")
        for p in PHASES
    ]
    loads = [
        reasons.cell(record, f"load.{part}") if value is None else milliseconds(value)
        for part, value in (("open_ms", record.load.open_ms), ("first_ms", record.load.first_ms))
    ]
    return name, size_text(size), *phases, *loads


def layer_section(group: Group, names: Names) -> Markup:
    """Return the layers that take longest of every record that has a profile."""
    profiled = [r for r in group.records if r.layers is not None]
    if not profiled:
        return section("Layers", none_here("a profile of layers", group.records, "layers"))
    figures = [drawing for r in profiled for drawing in _layer_figures(r, names)]
    explained = paragraph(
        f"The {MOST_LAYERS} layers that take longest in the mean, and all others together."
    )
    tables = [_layer_table(r, names) for r in profiled]
    return section("Layers", explained, plots(figures), folded("All layers", *tables))


def _longest(layers: Sequence[Layer]) -> list[Layer]:
    return sorted(layers, key=lambda layer: -layer.mean_ms)


def _layer_figures(record: Record, names: Names) -> list[Markup]:
    layers, colour = _longest(record.layers or ()), names.colour(record)
    kind = f"bar {colour_class(colour)}"
    bars = [
        Bar(
            f"{layer.name} ({layer.type})",
            ((layer.mean_ms, kind),),
            f"{significant(layer.mean_ms)}, {100 * layer.share:.1f} %",
        )
        for layer in layers[:MOST_LAYERS]
    ]
    if rest := layers[MOST_LAYERS:]:
        total, share = sum(layer.mean_ms for layer in rest), sum(layer.share for layer in rest)
        shown = f"{significant(total)}, {100 * share:.1f} %"
        bars.append(Bar(f"{len(rest)} others", ((total, "bar rest"),), shown))
    name = f"{names.subject(record)} at {size_text(size_of(record))}"
    return bar_figures(f"Layers of {name}", name, bars, "mean, ms")


def _layer_table(record: Record, names: Names) -> Markup:
    rows = [
        (layer.name, layer.type, significant(layer.mean_ms), f"{100 * layer.share:.1f} %")
        for layer in _longest(record.layers or ())
    ]
    caption = f"{names.subject(record)} at {size_text(size_of(record))}"
    return table(caption, ("layer", "type", "mean, ms", "share"), rows, names=2)
