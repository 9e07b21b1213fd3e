"""A folder of pictures, one exposure after another, as if a camera delivered them."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from edge_mef.errors import EdgeMefError, InputError
from edge_mef.metadata import Metadata
from edge_mef.pictures import PICTURE_SUFFIXES, Picture, read_metadata, read_picture
from edge_mef.stream.frames import CameraFrame, measured_exposure
from edge_mef.stream.sources.base import BadFrameError, Source

FPS = 30.0


class PictureSource(Source):
    """The pictures of a folder in the order of their names, numbers by value, `loops` times.

    Exposures are those of EXIF where the first picture has one, and measured otherwise. Hidden
    files are passed over.
    """

    fps = FPS

    def __init__(self, folder: Path, loops: int = 1) -> None:
        """Find the pictures.

        Raises:
            InputError: there are none.
        """
        found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
        self._paths = sorted((p for p in found if not p.name.startswith(".")), key=_natural)
        if not self._paths:
            raise InputError(f"expected pictures in '{folder}', found none")
        first = _first_metadata(self._paths)
        self._metered = first.exposure is not None
        self.metadata = Metadata(icc_profile=first.icc_profile)
        self._place, self._last = 0, len(self._paths) * loops

    def read(self) -> CameraFrame | None:
        """Decode the next picture."""
        if self._place >= self._last:
            return None
        place, self._place = self._place, self._place + 1
        path = self._paths[place % len(self._paths)]
        try:
            picture = read_picture(path)
        except EdgeMefError as error:
            raise BadFrameError(str(error)) from error
        if picture.metadata.icc_profile != self.metadata.icc_profile:
            raise BadFrameError(f"'{path}' has another colour profile than the first picture")
        return CameraFrame(picture.pixels, place, place / FPS, self._exposure(picture))

    def _exposure(self, picture: Picture) -> float | None:
        if not self._metered:
            return measured_exposure(picture.pixels)
        exposure = picture.metadata.exposure
        return math.log2(exposure) if exposure else None

    def close(self) -> None:
        """Deliver nothing more."""
        self._place = self._last


def _first_metadata(paths: Sequence[Path]) -> Metadata:
    """Return what the first picture that can be read says of itself."""
    for path in paths:
        try:
            return read_metadata(path)
        except InputError:
            continue  # it is told when it is its turn
    return Metadata()


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Order 9.png before 10.png, and 01.png before 1.png."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name
