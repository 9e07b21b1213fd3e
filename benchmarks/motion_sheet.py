"""Pictures of what the motion guard is for: fused although something moved, and what is shown.

    python -m edge_mef.benchmarks.motion_sheet motion.jpg --seed 3 --seed 9

renders a scene for each seed, moves an object in it between two exposures, fuses them with the
default bundle, and lays both exposures, the fused picture and the one that is shown side by side.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.command import Parser, frame_size, run, whole_number
from edge_mef.benchmarks.motion_scenes import moved_object, render_stage
from edge_mef.errors import InputError
from edge_mef.fuser import Fuser
from edge_mef.saving import check_output, write_picture
from edge_mef.sheet import contact_sheet
from edge_mef.stream.motion import MotionGuard, MotionReport

Frame = NDArray[np.uint8]

_PERCENT, _STOPS = 5.0, 4.0
_CELL = 300  # pixels: the width of a picture on the sheet
_RED = (255, 40, 40)
_MOST_SEEDS = 100_000
_QUALITY = 85


def draw_sheet(seeds: Sequence[int], size: tuple[int, int]) -> Frame:
    """Return a sheet (H, W, 3) uint8 RGB with a row for every seed, of frames (height, width)."""
    rows, captions = [], []
    with Fuser.open() as fuser:
        for seed in seeds:
            case = moved_object(render_stage(seed, *size), seed, _PERCENT, _STOPS)
            dark, bright = case.exposures
            fused = fuser.fuse(dark, bright, sort=False)
            report = MotionGuard().check(case.exposures)
            shown = fused if report.show is None else case.exposures[report.show]
            rows.append([dark, _framed(bright, report), fused, shown])
            captions.append(
                ["dark", f"bright; moved: {report.score:.1%}", "fused", _name(report.show)]
            )
    return contact_sheet(rows, captions, cell_width=_CELL)


def _framed(frame: Frame, report: MotionReport) -> Frame:
    """Draw an outline around the blocks that moved."""
    height, width = frame.shape[:2]
    blocks = report.where.astype(np.uint8)
    large = cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return np.asarray(cv2.drawContours(frame.copy(), outlines, -1, _RED, width // 160), np.uint8)


def _name(shown: int | None) -> str:
    return "shown: fused" if shown is None else f"shown: {('dark', 'bright')[shown]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of this module."""
    parser = Parser(prog="edge_mef.benchmarks.motion_sheet", description=__doc__)
    parser.add_argument("output", type=Path, help="the sheet, a .jpg or .png file")
    parser.add_argument("--seed", type=whole_number(_MOST_SEEDS), action="append")
    parser.add_argument("--size", default="720x1280", help="height x width of rendered frames")
    return run(partial(_run, parser.parse_args(arguments)))


def _run(given: argparse.Namespace) -> str:
    if not given.seed:
        raise InputError("expected a scene or more to draw, found none: give --seed NUMBER")
    check_output(given.output, inputs=(), endings=(".jpg", ".png"))
    write_picture(given.output, draw_sheet(given.seed, frame_size(given.size)), quality=_QUALITY)
    return f"{given.output}\n"


if __name__ == "__main__":
    sys.exit(main())
