"""From a scene to a picture: linear radiance in cd/m2, antialiased, through a plain lens.

Sharp things (edges, textures, sun shadows) are worked out for 2 x 2 samples per pixel, soft light
on a coarser grid that follows the surfaces.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError
from edge_mef.render.guided import soft_irradiance
from edge_mef.render.lighting import Lighting, sunlight
from edge_mef.render.noise import value_noise
from edge_mef.render.scene import Hits, Scene
from edge_mef.render.shapes import EPSILON
from edge_mef.render.tracing import Tracer
from edge_mef.render.vectors import Vectors, column, dot, in_chunks, normalized

SAMPLES = 2
SMALLEST = 16


def render(scene: Scene, height: int, width: int, stride: int = 2) -> NDArray[np.float32]:
    """Return the (height, width, 3) radiance in cd/m2 (linear RGB) that the scene's eye sees.

    `stride` is the distance in pixels between the points at which soft light is worked out.
    Raises `InputError` for a size below 16.
    """
    if min(height, width) < SMALLEST:
        raise InputError(
            f"a rendered picture needs at least {SMALLEST}x{SMALLEST} pixels, "
            f"found {height}x{width}: ask for a larger one"
        )
    rows, columns = height * SAMPLES, width * SAMPLES
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32).reshape(2, -1)
    half = np.float32(0.5)
    directions = scene.eye.directions((x + half) / SAMPLES, (y + half) / SAMPLES, height, width)
    tracer = Tracer.of(scene.groups)
    lighting = Lighting.of(scene, tracer)
    angle = scene.eye.pixel_angle(width)
    origin = column(scene.eye.position)
    hits = tracer.hits(origin, directions, angle)
    radiance = np.zeros_like(directions)
    seen = np.flatnonzero(hits.solid)
    if seen.size:
        radiance[:, seen] = _surfaces(lighting, hits, directions, seen, (rows, columns), stride)
    _add_background(scene, origin, directions, np.flatnonzero(~hits.solid), angle, radiance)
    fine = radiance.reshape(3, height, SAMPLES, width, SAMPLES).mean(axis=(2, 4))
    picture = np.ascontiguousarray(fine.transpose(1, 2, 0), dtype=np.float32)
    return through_lens(picture)


def _surfaces(
    lighting: Lighting,
    hits: Hits,
    directions: Vectors,
    seen: NDArray[np.intp],
    shape: tuple[int, int],
    stride: int,
) -> Vectors:
    """Return the radiance of the samples that meet a solid."""
    light = soft_irradiance(lighting, hits, shape, stride * SAMPLES)[:, seen]
    points, normals = hits.points[:, seen], hits.normals[:, seen]
    sun = column(lighting.scene.sun.irradiance)
    light = light + sun * sunlight(lighting, points, normals)
    radiance = hits.albedo[:, seen] * light / np.float32(np.pi) + hits.emission[:, seen]
    glossy = np.flatnonzero(hits.gloss[seen] > 0)
    if glossy.size:
        gloss = hits.gloss[seen[glossy]]
        mirrored, share = _reflections(
            lighting, points[:, glossy], normals[:, glossy], directions[:, seen[glossy]]
        )
        radiance[:, glossy] += (mirrored - radiance[:, glossy]) * (share * gloss)
    return np.asarray(radiance, dtype=np.float32)


def _reflections(
    lighting: Lighting, points: Vectors, normals: Vectors, directions: Vectors
) -> tuple[Vectors, Vectors]:
    """Return mirrored radiance and the Fresnel share of a clear coat (Schlick)."""
    x, z = points[0] * 14, points[2] * 3
    half, none = np.float32(0.5), np.zeros_like(x)
    bumps = np.stack((value_noise(x, z) - half, none, value_noise(x, z, 50) - half))
    bumpy = normalized(normals + np.float32(0.02) * bumps)
    cosine = np.clip(-dot(bumpy, directions), 0, 1)
    mirrored = directions + 2 * cosine * bumpy
    start = points + normals * (2 * EPSILON)
    hits = lighting.tracer.hits(start, mirrored, 0.02)
    light = lighting.ambient_at(hits.normals) * np.float32(1.2)
    seen = hits.albedo * light / np.float32(np.pi) + hits.emission
    outside = lighting.scene.surroundings.glow(mirrored)
    share = np.float32(0.04) + np.float32(0.96) * (1 - cosine) ** 5
    return np.where(hits.solid, seen, outside).astype(np.float32), share


def _add_background(
    scene: Scene,
    origin: Vectors,
    directions: Vectors,
    rays: NDArray[np.intp],
    angle: float,
    radiance: Vectors,
) -> None:
    def work(part: slice) -> None:
        some = rays[part]
        radiance[:, some] = scene.surroundings.radiance(origin, directions[:, some], angle)

    in_chunks(work, rays.size, 65536)


def through_lens(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the picture with the slight blur and the veiling glare of a real lens."""
    height, width = picture.shape[:2]
    sharp = cv2.GaussianBlur(picture, (3, 3), 0.5)
    small = cv2.resize(
        sharp, (max(width // 4, 4), max(height // 4, 4)), interpolation=cv2.INTER_AREA
    )
    glare: NDArray[np.float32] = np.zeros_like(picture)
    for share, spread in ((0.006, 0.01), (0.004, 0.06)):
        sigma = max(spread * small.shape[1], 0.8)
        veil = cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        glare = glare + np.float32(share) * cv2.resize(veil, (width, height))
    result: NDArray[np.float32] = np.maximum(sharp * np.float32(0.99) + glare, 0)
    return result.astype(np.float32)
