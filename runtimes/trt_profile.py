"""Times of layers, as TensorRT reports them after every run."""

import json
from typing import Any

from edge_mef.runtimes.profile import LayerTotals


def attach_profiler(trt: Any, engine: Any, context: Any, totals: LayerTotals) -> Any:
    """Have the times of a context's layers added to `totals`, whenever it is told to report.

    The profiler that is returned must be kept as long as the context.
    """
    kinds = _kinds(trt, engine)

    class Profiler(trt.IProfiler):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProfiler.__init__(self)  # the bindings do not follow super()

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            totals.add([(layer_name, kinds.get(layer_name, "not told"), float(ms))])

    profiler = Profiler()
    context.profiler = profiler
    # Else every enqueue would wait for its end, and a call could not be told apart from it.
    context.enqueue_emits_profile = False
    return profiler


def _kinds(trt: Any, engine: Any) -> dict[str, str]:
    """Return what kind of layer each name is, where the engine inspector tells it."""
    inspector = engine.create_engine_inspector()
    text = str(inspector.get_engine_information(trt.LayerInformationFormat.JSON))
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    layers = found.get("Layers", []) if isinstance(found, dict) else []
    return {
        str(layer["Name"]): str(layer["LayerType"])
        for layer in layers
        if isinstance(layer, dict) and "Name" in layer and "LayerType" in layer
    }
