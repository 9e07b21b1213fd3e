"""Fused frames as pictures in a folder."""

import re
from collections.abc import Sequence
from pathlib import Path

from edge_mef.errors import OutputError
from edge_mef.metadata import Metadata
from edge_mef.saving import write_picture
from edge_mef.stream.sinks.base import Frame, Sink, check_apart

_NAME = re.compile(r"\d{6,}\.png")


class PictureSink(Sink):
    """Writes 000000.png, 000001.png and so on, each whole or not at all."""

    def __init__(
        self, folder: Path, *, inputs: Sequence[Path] = (), like: Metadata | None = None
    ) -> None:
        """Make the folder; pictures say what `like` says.

        Raises:
            OutputError: it cannot be made, holds such pictures already, or is one of the inputs.
        """
        check_apart([folder], inputs)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            there = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)]
        except OSError as error:
            raise OutputError(f"cannot make '{folder}': {error.strerror or error}") from error
        if there:
            raise OutputError(
                f"'{folder}' holds pictures such as {min(there)} already: choose another folder"
            )
        self._folder, self._number, self._like = folder, 0, like

    def write(self, pixels: Frame) -> None:
        """Write the next picture."""
        path = self._folder / f"{self._number:06}.png"
        if path.exists():
            raise OutputError(
                f"another program has written '{path}' meanwhile: choose a folder of its own"
            )
        write_picture(path, pixels, like=self._like)
        self._number += 1

    def close(self) -> None:
        """Do nothing: every picture is complete."""
