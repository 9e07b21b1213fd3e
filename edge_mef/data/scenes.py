"""Where scenes come from: a folder of brackets, a manifest, or our own renderer."""

import csv
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.brackets import find_brackets
from edge_mef.errors import InputError
from edge_mef.exposures import read_exposures
from edge_mef.pictures import read_picture
from edge_mef.render.brackets import random_bracket

Split = Literal["train", "calib", "val"]
Frame = NDArray[np.uint8]

_log = logging.getLogger(__name__)

RENDERED = "rendered"
RENDERED_COUNT = 64
RENDERED_SIZE = (240, 320)
_HELD_OUT = 8  # without a manifest, every eighth scene is for validation
_COLUMNS = {"file", "task", "scene", "order", "split"}


@dataclass(frozen=True)
class Scene:
    """One scene: picture files in any order, or the seed of a rendered bracket."""

    name: str
    split: Split
    paths: tuple[Path, ...] = ()
    seed: int | None = None
    ordered: bool = False

    def read(self, longest_side: int | None = None) -> tuple[Frame, ...]:
        """Return the exposures, darkest first, (H, W, 3) uint8 RGB, reduced to `longest_side`."""
        if self.seed is not None:
            height, width = RENDERED_SIZE
            frames = random_bracket(self.seed, height=height, width=width, frames=3).exposures
        elif self.ordered:
            frames = tuple(read_picture(path).pixels for path in self.paths)
        else:
            frames = read_exposures(self.paths).frames
        if len({frame.shape for frame in frames}) > 1:
            raise InputError(f"the exposures of scene {self.name} have different sizes")
        return tuple(reduce_frame(frame, longest_side) for frame in frames)


def load_scenes(data: str | Path, *, task: str = "mef") -> list[Scene]:
    """List the scenes of a folder, a manifest or the renderer.

    Args:
        data: a folder of brackets; a folder with a manifest.csv, or such a file (columns file,
            task, scene, role, order, split; `file` relative to it; pictures whose role is
            "reference" are left out); or "rendered" or "rendered:COUNT".
        task: the manifest's rows to take.

    Raises:
        InputError: nothing there, or a manifest that lacks columns or names missing files.
    """
    if str(data).partition(":")[0] == RENDERED and not Path(data).exists():
        return _rendered_scenes(str(data))
    path = Path(data)
    manifest = path / "manifest.csv" if path.is_dir() else path
    if manifest.is_file() and manifest.suffix == ".csv":
        return _manifest_scenes(manifest, task)
    brackets = find_brackets(path)
    for name, why in brackets.problems:
        _log.warning("left out: %s: %s", name, why)
    return [
        Scene(bracket.name, _split_of(index), bracket.paths)
        for index, bracket in enumerate(brackets.found)
    ]


def data_files(data: str | Path) -> list[Path]:
    """Return every file that the data are made of: the manifest and all that it names, or frames.

    None of them may be replaced by a result.
    """
    path = Path(data)
    manifest = path / "manifest.csv" if path.is_dir() else path
    if manifest.is_file() and manifest.suffix == ".csv":
        named = [manifest.parent / row["file"] for row in _read_rows(manifest) if row["file"]]
        return [manifest, *named]
    return [path for scene in load_scenes(data) for path in scene.paths]


def choose(scenes: Iterable[Scene], split: Split) -> list[Scene]:
    """Return the scenes of one split; `InputError` where there are none."""
    chosen = [scene for scene in scenes if scene.split == split]
    if not chosen:
        raise InputError(f"the data holds no scene of the split '{split}': give more scenes")
    return chosen


def _rendered_scenes(data: str) -> list[Scene]:
    count = data.partition(":")[2] or str(RENDERED_COUNT)
    if not re.fullmatch("[0-9]{1,6}", count) or int(count) < 2:
        raise InputError(f"expected '{RENDERED}:COUNT' with 2 scenes or more, found '{data}'")
    return [Scene(f"rendered-{i}", _split_of(i), seed=i) for i in range(int(count))]


def _split_of(index: int) -> Split:
    return "val" if index % _HELD_OUT == 1 else "train"


def _read_rows(manifest: Path) -> list[dict[str, str]]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            missing = _COLUMNS - set(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:  # ValueError: not UTF-8
        raise InputError(f"{manifest} cannot be read as a table: {error}") from error
    if missing:
        raise InputError(f"{manifest} lacks the columns: {', '.join(sorted(missing))}")
    return rows


def _manifest_scenes(manifest: Path, task: str) -> list[Scene]:
    rows = _read_rows(manifest)
    rows = [row for row in rows if row["task"] == task and row.get("role") != "reference"]
    grouped: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        grouped.setdefault(row["scene"], []).append(row)
    scenes = [_manifest_scene(manifest, name, group) for name, group in sorted(grouped.items())]
    if not scenes:
        raise InputError(f"{manifest} lists no scene of the task '{task}'")
    return scenes


def _manifest_scene(manifest: Path, name: str, rows: list[Mapping[str, str]]) -> Scene:
    for row in rows:
        if not re.fullmatch("-?[0-9]{1,9}", row["order"]):
            raise InputError(
                f"{manifest}: scene {name} needs whole numbers as order, found '{row['order']}'"
            )
    ordered = sorted(rows, key=lambda row: int(row["order"]))
    paths = tuple(manifest.parent / row["file"] for row in ordered)
    for path in paths:
        if not path.is_file():
            raise InputError(f"{manifest} names a file that is not there: {path}")
    split = rows[0]["split"]
    if split not in ("train", "calib", "val") or any(row["split"] != split for row in rows):
        raise InputError(f"{manifest}: scene {name} needs one split: train, calib or val")
    if len(rows) < 2:
        raise InputError(f"{manifest}: scene {name} has one exposure, and two or more are needed")
    if len(set(paths)) < len(paths):
        raise InputError(f"{manifest}: scene {name} names one file twice")
    return Scene(name, split, paths, ordered=True)  # type: ignore[arg-type]


def reduce_frame(frame: Frame, longest_side: int | None) -> Frame:
    """Return (H, W, 3) uint8 reduced to `longest_side` by area; as it is if small enough."""
    height, width = frame.shape[:2]
    if longest_side is None or max(height, width) <= longest_side:
        return frame
    scale = longest_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def choose_evenly(frames: Sequence[Frame], count: int) -> tuple[Frame, ...]:
    """Return so many (two or more) of the frames, the extremes among them."""
    return tuple(frames[round(i * (len(frames) - 1) / (count - 1))] for i in range(count))


def resize_frames(frames: Sequence[Frame], size: tuple[int, int]) -> tuple[Frame, ...]:
    """Return frames (H, W, 3) uint8 in another (height, width)."""
    height, width = size
    if frames[0].shape[:2] == size:
        return tuple(frames)
    return tuple(
        np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        for frame in frames
    )
