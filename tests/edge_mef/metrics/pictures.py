"""Planes that the tests of several metrics measure."""

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]


def soft_noise(seed: int, shape: tuple[int, int] = (72, 90)) -> Plane:
    """A soft random picture that uses the whole range."""
    noise = np.random.default_rng(seed).normal(size=shape)
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.0), np.float64)
    scene: Plane = np.round((soft - soft.min()) / np.ptp(soft) * 255)
    return scene
