"""Folders of small brackets, and videos that alternate in exposure."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_mef.exposures import Frame
from edge_mef.saving import write_picture

Brackets = list[tuple[Frame, ...]]


def invented_bracket(seed: int) -> tuple[Frame, ...]:
    """Return three exposures of soft colours under a grey grain, (48, 64), darkest first.

    Brightness, grain and the step between the exposures are the seed's.
    """
    rng = np.random.default_rng(seed)
    soft = cv2.resize(rng.uniform(20, 120, (3, 4, 3)), (64, 48), interpolation=cv2.INTER_CUBIC)
    scene = soft * rng.uniform(0.7, 1.3) + rng.normal(0, rng.uniform(1, 12), (48, 64, 1))
    steps = rng.uniform(1.4, 3.5) ** np.array([-1.0, 0.0, 1.0])
    return tuple(np.clip(scene * step, 0, 255).astype(np.uint8) for step in steps)


@pytest.fixture(scope="session")
def brackets() -> Brackets:
    """Twelve brackets of three exposures, (48, 64), darkest first."""
    return [invented_bracket(seed) for seed in range(12)]


def write_brackets(folder: Path, brackets: Sequence[Sequence[Frame]], prefix: str = "s") -> Path:
    """Write each bracket into a subfolder of its own."""
    for number, frames in enumerate(brackets):
        place = folder / f"{prefix}{number}"
        place.mkdir(parents=True)
        for order, frame in enumerate(frames):
            write_picture(place / f"{order}.png", frame)
    return folder


@pytest.fixture
def folder(tmp_path: Path, brackets: Brackets) -> Path:
    """The twelve brackets in subfolders s0 to s11."""
    return write_brackets(tmp_path / "brackets", brackets)


def write_video(path: Path, frames: Sequence[Frame]) -> Path:
    """Write frames (H, W, 3) uint8 RGB as a Motion JPEG; skips where OpenCV cannot."""
    height, width, _ = frames[0].shape
    codec = cv2.VideoWriter_fourcc(*"MJPG")  # type: ignore[attr-defined]
    writer = cv2.VideoWriter(str(path), codec, 25.0, (width, height))
    if not writer.isOpened():
        pytest.skip("this OpenCV cannot write a Motion JPEG video")
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path
