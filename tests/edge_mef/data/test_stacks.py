"""Training samples of 2 to 7 exposures."""

from collections import Counter

import numpy as np
import pytest
import torch

from edge_mef.data.scenes import Scene, load_scenes
from edge_mef.data.stacks import COUNTS, StackDataset, choose_stack
from edge_mef.errors import InputError
from edge_mef.exposures import Frame
from edge_mef.render.brackets import random_bracket
from edge_mef.saving import write_picture
from edge_mef.train_settings import CropSettings

CROPS = CropSettings(size=64)


@pytest.fixture(scope="module")
def shots() -> tuple[Frame, ...]:
    return random_bracket(2, height=32, width=48, frames=5).exposures


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    """Two small scenes of three and of two exposures, as files."""
    folder = tmp_path_factory.mktemp("scenes")
    for seed, count in ((0, 3), (1, 2)):
        (folder / f"s{seed}").mkdir()
        for index, frame in enumerate(
            random_bracket(seed, height=48, width=64, frames=count).exposures
        ):
            write_picture(folder / f"s{seed}" / f"{index}.png", frame)
    return list(load_scenes(folder))


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def test_a_sample_depends_on_seed_epoch_and_index_alone(scenes: list[Scene]) -> None:
    one, other = (StackDataset(scenes, CROPS, seed=1) for _ in range(2))
    _ = one[1]
    assert torch.equal(one[0], other[0])
    other.epoch = 1
    changed = other[0]
    assert one[0].shape != changed.shape or not torch.equal(one[0], changed)
    elsewhere = StackDataset(scenes, CROPS, seed=2)[0]
    assert one[0].shape != elsewhere.shape or not torch.equal(one[0], elsewhere)


def test_samples_are_stacks_darkest_first(scenes: list[Scene]) -> None:
    samples = StackDataset(scenes, CROPS, seed=1)
    assert len(samples) == 2
    counts: Counter[int] = Counter()
    for epoch in range(60):
        samples.epoch = epoch
        stack = samples[epoch % 2]
        counts[len(stack)] += 1
        assert stack.shape[1:] == (3, 64, 64)
        assert stack.dtype == torch.float32
        assert stack.min() >= 0
        assert stack.max() <= 255
        means = stack.mean((1, 2, 3))
        # They are put in order before they are cropped: in a part it may be a little otherwise.
        assert (means.diff() > -10).all()
        assert means[-1] > means[0]
    assert counts.keys() <= COUNTS.keys()
    assert counts[2] > counts[3] > 0
    assert len(counts) > 3


def test_numbers_of_exposures_are_those_of_the_table() -> None:
    assert sum(COUNTS.values()) == pytest.approx(1.0)
    assert (min(COUNTS), max(COUNTS)) == (2, 7)


@pytest.mark.parametrize("count", range(2, 8))
@pytest.mark.parametrize("given", [2, 5])
def test_so_many_darkest_first(shots: tuple[Frame, ...], given: int, count: int) -> None:
    frames = [shots[0], shots[-1]] if given == 2 else shots
    for seed in range(5):
        chosen = choose_stack(frames, count, generator(seed), 0.5)
        assert len(chosen) == count
        means = [float(frame.mean()) for frame in chosen]
        assert means == sorted(means)
        real = [frame for frame in chosen if any(frame is one for one in frames)]
        assert len(real) == min(count, given), "all that were taken are used before others are made"
        assert len({frame.tobytes() for frame in real}) == len(real), "none is used twice"


def test_the_extremes_are_taken_as_often_as_asked(shots: tuple[Frame, ...]) -> None:
    def has_ends(seed: int, extremes: float) -> bool:
        chosen = choose_stack(shots, 2, generator(seed), extremes)
        return chosen[0] is shots[0] and chosen[-1] is shots[-1]

    assert all(has_ends(seed, 1.0) for seed in range(40))
    # One in ten of any two are the extremes as well.
    assert 0 < sum(has_ends(seed, 0.0) for seed in range(100)) < 30
    for seed in range(20):
        chosen = choose_stack(shots, 3, generator(seed), 1.0)
        assert chosen[0] is shots[0]
        assert chosen[-1] is shots[-1]


def test_made_exposures_are_other_exposures(shots: tuple[Frame, ...]) -> None:
    chosen = choose_stack([shots[1], shots[3]], 7, generator(4), 0.5)
    made = [frame for frame in chosen if frame is not shots[1] and frame is not shots[3]]
    assert len(made) == 5
    assert all(not np.array_equal(frame, shots[i]) for frame in made for i in (1, 3))


def test_a_scene_too_small_to_crop_is_named(scenes: list[Scene]) -> None:
    with pytest.raises(InputError, match="too small to crop: 16 pixels"):
        StackDataset(scenes, CROPS, 0, longest_side=12)
