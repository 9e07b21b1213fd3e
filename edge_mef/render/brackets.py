"""Exposure brackets of rendered scenes: the demonstration bracket and endless training data."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError
from edge_mef.render.camera import CameraResponse, expose, metered_ev, random_response
from edge_mef.render.demo_room import window_lit_room
from edge_mef.render.outdoor import render_outdoor
from edge_mef.render.room import render_room

ROOMS = 0.55


@dataclass(frozen=True)
class Bracket:
    """Aligned exposures of one scene.

    `exposures` are (H, W, 3) uint8 RGB, darkest first; `evs` their exposures in stops relative to
    the metered one; `radiance` the (H, W, 3) float32 scene in cd/m2, if it was kept, perhaps
    read-only.
    """

    name: str
    exposures: tuple[NDArray[np.uint8], ...]
    evs: tuple[float, ...]
    radiance: NDArray[np.float32] | None = None


def demo_bracket(
    height: int = 600, width: int = 800, evs: tuple[float, ...] = (-4.3, 1.0)
) -> Bracket:
    """Return the window-lit room: dark frames show the country outside, bright ones the room.

    `evs` are relative to the metered exposure and sorted darkest first. Raises `InputError` for a
    size below 16 or fewer than two frames.
    """
    _check_frames(len(evs))
    radiance = _demo_radiance(height, width)
    rng = np.random.Generator(np.random.PCG64(2024))
    response = CameraResponse(full_well=30000.0, read_noise=3.0, tint=(0.95, 1.0, 1.07))
    return _taken("window-lit-room", radiance, tuple(sorted(evs)), response, rng)


@lru_cache(maxsize=2)
def _demo_radiance(height: int, width: int) -> NDArray[np.float32]:
    radiance = window_lit_room(height, width)
    radiance.setflags(write=False)
    return radiance


def random_bracket(seed: int, *, height: int, width: int, frames: int = 2) -> Bracket:
    """Return the training bracket of a seed: random scene, camera, noise and exposures.

    The exposures span 3 to 8 stops. The same seed gives the same bytes. Raises `InputError` for a
    size below 16, fewer than two frames or a negative seed.
    """
    _check_frames(frames)
    if seed < 0:
        raise InputError(f"a seed of 0 or more was expected, found {seed}: choose another one")
    rng = np.random.Generator(np.random.PCG64([seed, 7]))
    inside = bool(rng.random() < ROOMS)
    radiance = (render_room if inside else render_outdoor)(seed, height, width)
    evs = _random_evs(radiance, frames, rng)
    name = f"{'room' if inside else 'outdoor'}-{seed}"
    return _taken(name, radiance, evs, random_response(rng), rng)


def _random_evs(
    radiance: NDArray[np.float32], frames: int, rng: np.random.Generator
) -> tuple[float, ...]:
    """Return exposures, darkest first, about as far apart as the scene's light asks for.

    The darkest frame roughly keeps the highlights, the brightest one roughly shows the shadows;
    both miss by up to a stop or two, as people's brackets do.
    """
    level = radiance.mean(axis=2)
    dark, bright = np.log2(np.maximum(np.percentile(level, (15, 98)), 1e-4)) + metered_ev(radiance)
    low = float(-0.8 - bright + rng.normal(0.0, 0.9))
    high = float(np.log2(0.2) - dark + rng.normal(0.0, 0.8))
    span = float(np.clip(high - low, 3.0, 8.0))
    middle = (low + high) / 2
    evs = np.linspace(middle - span / 2, middle + span / 2, frames)
    if frames > 2:
        evs[1:-1] += rng.uniform(-0.25, 0.25, frames - 2) * span / (frames - 1)
    return tuple(float(ev) for ev in evs)


def _taken(
    name: str,
    radiance: NDArray[np.float32],
    evs: tuple[float, ...],
    response: CameraResponse,
    rng: np.random.Generator,
) -> Bracket:
    metered = metered_ev(radiance)
    exposures = tuple(expose(radiance, metered + ev, response, rng) for ev in evs)
    return Bracket(name, exposures, evs, radiance)


def _check_frames(frames: int) -> None:
    if frames < 2:
        raise InputError(
            f"a bracket needs at least 2 exposures, found {frames}: ask for more frames"
        )
