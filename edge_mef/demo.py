"""The demonstration: a rendered bracket through export, verification and fusion, side by side."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.peers.mertens import MertensFusion
from edge_mef.benchmarks.timing import Timing, time_interleaved
from edge_mef.errors import GateError, OutputError
from edge_mef.export.build import export_bundle
from edge_mef.export.parity import verify_bundle
from edge_mef.fuser import Fuser
from edge_mef.render.brackets import demo_bracket
from edge_mef.saving import write_picture
from edge_mef.sheet import contact_sheet

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration made and measured."""

    folder: Path
    sheet: Path
    bundle: Path
    size: tuple[int, int]
    bundle_bytes: int
    checks: int
    ours: Timing
    mertens: Timing


def run_demo(output: str | Path, *, height: int = 600, width: int = 800) -> DemoResult:
    """Render a window-lit room as a bracket, export `ffmef-edge`, verify it, fuse, and compare.

    The folder `output` gets the two exposures, both fused pictures, the bundle, and
    side-by-side.png.

    Raises:
        GateError: the exported bundle does not compute what the network does.
        OutputError: the folder cannot be written to.
    """
    folder = Path(output)
    sheet_path = folder / "side-by-side.png"
    if folder.is_dir() and any(folder.iterdir()) and not sheet_path.is_file():
        raise OutputError(f"'{folder}' holds something else than a demonstration: choose another")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder '{folder}' cannot be made: {error.strerror}") from error
    under, over = demo_bracket(height, width).exposures
    bundle = export_bundle(folder / "ffmef-edge")
    verified = verify_bundle(bundle.folder)
    if not verified.verification.passed:
        raise GateError(f"the exported bundle failed: edge-mef verify {bundle.folder} says where")
    merge = MertensFusion()
    with Fuser.open(bundle.folder) as fuser:
        fused, peer = fuser.fuse(under, over), merge(under, over)
        ours, mertens = time_interleaved(
            [lambda: fuser.fuse(under, over), lambda: merge(under, over)], repeats=5
        )
    captions = [
        ["under", "over"],
        [
            f"EdgeMEF {bundle.manifest.network.name}, {ours.median:.0f} ms",
            f"{merge.name}, {mertens.median:.0f} ms",
        ],
    ]
    sheet = contact_sheet([[under, over], [fused, peer]], captions, cell_width=width)
    pictures = {
        "under": under,
        "over": over,
        "fused": fused,
        "mertens": peer,
        "side-by-side": sheet,
    }
    for name, pixels in pictures.items():
        write_picture(folder / f"{name}.png", pixels)
    return DemoResult(
        folder=folder,
        sheet=sheet_path,
        bundle=bundle.folder,
        size=(height, width),
        bundle_bytes=sum(entry.size for entry in bundle.manifest.files.values()),
        checks=len(verified.verification.checks),
        ours=ours,
        mertens=mertens,
    )
