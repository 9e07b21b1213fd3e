import numpy as np
import pytest

from edge_mef.render.noise import fractal_noise
from edge_mef.render.scene import Group, Solid
from edge_mef.render.shapes import Box, Ellipsoid, Frustum, Shape, inverse_directions
from edge_mef.render.textures import Plain
from edge_mef.render.tracing import Tracer
from edge_mef.render.vectors import Vectors, column, dot, normalized

SHAPES: list[Shape] = [
    Box((0.0, 0.5, 3.0), (0.6, 0.5, 0.4), 0.7),
    Box((0.0, 0.5, 3.0), (0.6, 0.5, 0.4)),
    Ellipsoid((0.0, 0.5, 3.0), (0.7, 0.5, 0.4), 0.4),
    Frustum((0.0, 0.0, 3.0), 0.6, 0.3, 1.0),
    Frustum((0.0, 0.0, 3.0), 0.2, 0.5, 1.0),
]


def rays(count: int = 4000) -> Vectors:
    rng = np.random.default_rng(1)
    aim = rng.uniform((-1, -0.6, 2.0), (1, 1.6, 4.0), (count, 3)).astype(np.float32).T
    return normalized(aim - column((0.0, 1.0, 0.0)))


@pytest.mark.parametrize("shape", SHAPES)
def test_hits_lie_on_the_surface_within_the_bounds(shape: Shape) -> None:
    origin, directions = column((0.0, 1.0, 0.0)), rays()
    distance = shape.intersect(origin, directions, inverse_directions(directions))
    hit = np.isfinite(distance)
    assert 0.1 < hit.mean() < 0.9
    points = origin + directions[:, hit] * distance[hit]
    lower, upper = shape.bounds()
    assert (points >= lower[:, None] - 1e-4).all()
    assert (points <= upper[:, None] + 1e-4).all()
    normals, _ = shape.surface(points)
    assert np.allclose(dot(normals, normals), 1, atol=1e-4)
    assert (dot(normals, directions[:, hit]) < 1e-3).mean() > 0.999


@pytest.mark.parametrize("shape", SHAPES)
def test_rays_away_from_a_shape_miss_it(shape: Shape) -> None:
    directions = rays() * column((1.0, 1.0, -1.0))
    distance = shape.intersect(column((0.0, 1.0, 0.0)), directions, inverse_directions(directions))
    assert not np.isfinite(distance).any()


def test_the_nearest_of_several_groups_is_found() -> None:
    near = Solid(Box((0.0, 1.0, 2.0), (0.2, 0.2, 0.1)), Plain((0.8, 0.1, 0.1), mottle=0))
    far = Solid(Box((0.0, 1.0, 5.0), (5.0, 5.0, 0.1)), Plain((0.1, 0.1, 0.8), mottle=0))
    tracer = Tracer.of([Group((far,)), Group((near,))])
    directions = normalized(np.array([[0, 0, 1], [0.5, 0, 1], [0, 0, -1]], np.float32).T)
    hits = tracer.hits(column((0.0, 1.0, 0.0)), directions, 0.001)
    assert hits.distance[0] == pytest.approx(1.9, abs=1e-4)
    assert hits.albedo[0, 0] > hits.albedo[2, 0]
    assert hits.albedo[2, 1] > hits.albedo[0, 1]
    assert not hits.solid[2]


def test_noise_is_repeatable_and_smooths_out() -> None:
    x, y = np.random.default_rng(0).uniform(-50, 50, (2, 5000)).astype(np.float32)
    fine = fractal_noise(x, y, octaves=5)
    assert np.array_equal(fine, fractal_noise(x, y, octaves=5))
    assert fine.mean() == pytest.approx(0.5, abs=0.02)
    assert 0.0 <= fine.min() < fine.max() <= 1.0
    assert fractal_noise(x, y, octaves=5, width=10.0).std() < 1e-6
