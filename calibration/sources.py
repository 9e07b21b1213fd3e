"""Where the brackets of a calibration set come from; they are read one at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_mef.brackets import find_brackets
from edge_mef.calibration.preprocessing import Preprocessing
from edge_mef.data.scenes import RENDERED, Scene, load_scenes
from edge_mef.errors import InputError

Frame = NDArray[np.uint8]
Progress = Callable[[str, int, int], None]

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mts", ".webm")


@dataclass(frozen=True)
class Candidate:
    """A bracket that may be chosen; `key` finds it again. Frames are as `Preprocessing` says."""

    key: int
    name: str
    frames: tuple[Frame, ...]


class Source(Protocol):
    """Brackets that can be read twice: all of them to compare, then the chosen ones."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are read."""

    @property
    def notes(self) -> list[str]:
        """Sentences on what was left out, complete once `scan` has ended."""

    def scan(self, settings: Preprocessing, progress: Progress) -> Iterator[Candidate]:
        """Yield every bracket that can be used."""

    def read(self, settings: Preprocessing, keys: Sequence[int]) -> dict[int, tuple[Frame, ...]]:
        """Return the frames of brackets that `scan` has yielded, by key."""


@dataclass
class SceneSource:
    """Scenes of a folder, a manifest or the renderer."""

    scenes: list[Scene]
    notes: list[str] = field(default_factory=list)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The pictures of all scenes."""
        return tuple(path for scene in self.scenes for path in scene.paths)

    def scan(self, settings: Preprocessing, progress: Progress) -> Iterator[Candidate]:
        """Yield every scene; one that cannot be used is noted and passed over."""
        for key, scene in enumerate(self.scenes):
            name = printable(scene.name)
            progress(name, key, len(self.scenes))
            try:
                frames = settings.prepare(scene.read(settings.longest_side))
            except InputError as error:
                self.notes.append(left_out(name, str(error)))
                continue
            yield Candidate(key, name, frames)

    def read(self, settings: Preprocessing, keys: Sequence[int]) -> dict[int, tuple[Frame, ...]]:
        """Return the frames by key; `InputError` where they can be read no more."""
        return {key: settings.prepare(self.scenes[key].read(settings.longest_side)) for key in keys}


def find_source(source: str | Path) -> Source:
    """Find out what a source is, without decoding a picture.

    Args:
        source: a folder of brackets, of which all are taken; a manifest or a folder with one, or
            "rendered:COUNT", of which those of the split calib are taken, else those of train,
            never those of val; or a video.

    Raises:
        InputError: it is none of these, or holds no bracket.
    """
    path = Path(source)
    if str(source).partition(":")[0] == RENDERED and not path.exists():
        return _split_source(source)
    if (path / "manifest.csv").is_file() or (path.is_file() and path.suffix.lower() == ".csv"):
        return _split_source(source)
    if path.is_dir():
        return _folder_source(path)
    if not path.exists():
        raise InputError(f"there is no folder, manifest or video '{path}': check the name")
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        raise InputError(
            f"expected a folder, a manifest (.csv) or a video ({' '.join(VIDEO_SUFFIXES)}), found "
            f"'{path}': name the folder of the brackets"
        )
    from edge_mef.calibration.video import VideoSource

    return VideoSource(path)


def left_out(name: str, why: str) -> str:
    """Return the note on a bracket that is not used."""
    return f"left out: {name}: {' '.join(why.split())}"


def printable(name: str) -> str:
    """Return a name that can be printed and saved; names of files need not be text."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _split_source(source: str | Path) -> SceneSource:
    scenes = load_scenes(source)
    for split in ("calib", "train"):
        chosen = [scene for scene in scenes if scene.split == split]
        if chosen:
            return SceneSource(chosen)
    raise InputError(
        f"expected scenes of the split calib or train in '{source}', found only such for "
        "validation: those must stay unseen, add others"
    )


def _folder_source(folder: Path) -> SceneSource:
    brackets = find_brackets(folder)
    scenes = [Scene(bracket.name, "calib", bracket.paths) for bracket in brackets.found]
    return SceneSource(scenes, [left_out(printable(n), why) for n, why in brackets.problems])
