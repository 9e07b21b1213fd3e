"""Brackets whose motion is known: rendered scenes that a camera takes still, or moved by so much.

A scene is rendered a little larger than the frame, so that the camera can shift and pan over it. An
object is a piece of another scene with a round outline.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.motion_camera import Take, take
from edge_mef.render.camera import metered_ev
from edge_mef.render.outdoor import render_outdoor
from edge_mef.render.room import render_room

Frame = NDArray[np.uint8]
Radiance = NDArray[np.float32]

SHIFTS = (1, 2, 3, 5, 10)  # pixels of a frame 1280 wide
AREAS = (0.5, 1.0, 2.0, 5.0, 10.0)  # percent of the frame
SETTINGS = tuple((frames, stops) for frames in (2, 3) for stops in (2.0, 4.0, 6.0))
"""(exposures, stops from the darkest to the brightest) of the brackets."""

_MARGIN = 0.125  # of the frame on each side, for shifts and pans
_DETAIL = 3  # a scene is rendered at a third of the frame's size
_PAN = 0.08  # of the frame's width


Group = Literal["still", "uneven", "moved"]


@dataclass(frozen=True)
class Case:
    """A bracket: exposures (H, W, 3) uint8 RGB, darkest first, and what is the matter with it."""

    kind: str
    group: Group
    exposures: tuple[Frame, ...]


@dataclass(frozen=True)
class Stage:
    """What cases are made of: two wide scenes in cd/m2 and the size of the frame."""

    scene: Radiance
    other: Radiance
    height: int
    width: int

    def frame(self, scene: Radiance, right: float = 0.0, down: float = 0.0) -> Radiance:
        """Return the frame-sized part of a wide scene, moved by so many pixels of 1280."""
        dx, dy = (round(step * self.width / 1280) for step in (right, down))
        top = (scene.shape[0] - self.height) // 2 + dy
        left = (scene.shape[1] - self.width) // 2 + dx
        return scene[top : top + self.height, left : left + self.width]


def render_stage(seed: int, height: int, width: int) -> Stage:
    """Render the scene of a seed and another one, for frames (height, width)."""
    scene, other = (_render_wide(2 * seed + part, height, width) for part in (0, 1))
    # Lit alike: what is black or white in every exposure cannot be seen to have changed.
    level = np.float32(2 ** (metered_ev(other) - metered_ev(scene)))
    return Stage(scene, other * level, height, width)


def _render_wide(seed: int, height: int, width: int) -> Radiance:
    wide = [round(side * (1 + 2 * _MARGIN)) for side in (height, width)]
    small = [max(16, side // _DETAIL) for side in wide]
    # Parity alone would make one scene of a stage a room and the other none.
    inside = np.random.default_rng([seed, 11]).random() < 0.5
    scene = (render_room if inside else render_outdoor)(seed, *small)
    # A cubic overshoots at the edge of a lamp, and light is never negative.
    large = cv2.resize(scene, (wide[1], wide[0]), interpolation=cv2.INTER_CUBIC)
    return np.maximum(large, np.float32(scene.min()))


def all_cases(stage: Stage, seed: int) -> Iterator[Case]:
    """Yield every bracket of a stage; the seed draws cameras, exposures and directions."""
    yield from _still_cases(stage, seed)
    yield from _moved_cases(stage, seed)


def _still_cases(stage: Stage, seed: int) -> Iterator[Case]:
    """Yield brackets in which nothing moves: every setting, then what else may fool a guard."""
    still = stage.frame(stage.scene)
    for frames, stops in SETTINGS:
        rng = np.random.default_rng([seed, frames, int(stops)])
        kind = f"{frames} exposures, {stops:g} stops"
        yield Case(kind, "still", take([still] * frames, Take(stops), rng))
    variants = {
        "JPEG, quality 75": Take(4.0, jpeg=75),
        "noise of 2000 electrons": Take(4.0, full_well=2000.0),
        "vignetting of 1.5 stops": Take(4.0, vignetting=1.5),
        "light that changes by 1 stop": Take(4.0, flicker=1.0),
        "overexposed by 2 stops": Take(4.0, bias=2.0),
        "banding of 10 %": Take(4.0, banding=0.1),
    }
    for number, (kind, how) in enumerate(variants.items()):
        rng = np.random.default_rng([seed, 20 + number])
        group: Group = "uneven" if how.banding else "still"
        yield Case(kind, group, take([still] * 2, how, rng))
    rng = np.random.default_rng([seed, 30])
    yield Case("flat scene", "still", take([_flat(still, rng)] * 2, Take(4.0), rng))


def _moved_cases(stage: Stage, seed: int) -> Iterator[Case]:
    """Yield brackets in which the camera or something in the scene moved between two exposures."""
    rng = np.random.default_rng([seed, 40])
    still = stage.frame(stage.scene)
    for pixels in SHIFTS:
        angle = rng.uniform(0, 2 * np.pi)
        right, down = pixels * np.cos(angle), pixels * np.sin(angle)
        moved = stage.frame(stage.scene, right, down)
        yield _case(f"shift of {pixels} px", still, moved, rng)
    for percent in AREAS:
        yield _case(f"object of {percent:g} %", *_with_object(stage, percent, rng), rng)
    yield _case("pan", still, stage.frame(stage.scene, 1280 * _PAN), rng)
    yield _case("scene cut", still, stage.frame(stage.other), rng)


def moved_object(stage: Stage, seed: int, percent: float, stops: float) -> Case:
    """Return two exposures so many stops apart, between which an object moved."""
    rng = np.random.default_rng([seed, 50])
    scenes = _with_object(stage, percent, rng)
    return Case(f"object of {percent:g} %", "moved", take(scenes, Take(stops), rng))


def _case(kind: str, before: Radiance, after: Radiance, rng: np.random.Generator) -> Case:
    """Take a bracket of a random setting; what moved, moved before one of its exposures."""
    frames, stops = SETTINGS[int(rng.integers(len(SETTINGS)))]
    since = int(rng.integers(1, frames))
    scenes = [after if index >= since else before for index in range(frames)]
    return Case(kind, "moved", take(scenes, Take(stops), rng))


def _with_object(
    stage: Stage, percent: float, rng: np.random.Generator
) -> tuple[Radiance, Radiance]:
    """Return the scene with a round object, and with the object moved by its own width."""
    radius = np.sqrt(percent / 100 * stage.height * stage.width / np.pi)
    angle = rng.uniform(0, 2 * np.pi)
    step = 2 * radius * np.array([np.cos(angle), np.sin(angle)])
    room = np.array([stage.width, stage.height]) / 2
    reach = np.maximum(room - radius - np.abs(step) / 2, 0)
    middle = room + reach * rng.uniform(-1, 1, 2)
    texture, scene = stage.frame(stage.other), stage.frame(stage.scene)
    # A camera metered for the scene: the object is about as bright as things in it are.
    target = np.percentile(scene.mean(axis=2), rng.uniform(20, 80))
    lit = texture * np.float32(target / max(float(np.median(texture)), 1e-6))
    place: Callable[..., Radiance] = partial(_paste, scene, lit, radius)
    return place(middle - step / 2, step / 2), place(middle + step / 2, -step / 2)


def _paste(
    scene: Radiance,
    texture: Radiance,
    radius: float,
    centre: NDArray[np.float64],
    moved: NDArray[np.float64],
) -> Radiance:
    """Return the scene with a disc of the texture, which moves with the disc."""
    height, width = scene.shape[:2]
    shift = np.array([[1, 0, -moved[0]], [0, 1, -moved[1]]], np.float32)
    piece = cv2.warpAffine(texture, shift, (width, height), borderMode=cv2.BORDER_REFLECT)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot(x - np.float32(centre[0]), y - np.float32(centre[1]))
    cover = np.clip(np.float32(radius + 0.5) - distance, 0, 1)[..., np.newaxis]
    return np.asarray(scene + (piece - scene) * cover, np.float32)


def _flat(scene: Radiance, rng: np.random.Generator) -> Radiance:
    """Return an evenly lit wall, twice as bright on one side as on the other."""
    height, width = scene.shape[:2]
    slope = np.linspace(1.0, rng.uniform(1.0, 2.0), width, dtype=np.float32)
    level = np.float32(np.median(scene))
    colour = rng.uniform(0.6, 1.4, 3).astype(np.float32)
    return np.ascontiguousarray(
        np.broadcast_to(slope[:, None] * level * colour, (height, width, 3))
    )
