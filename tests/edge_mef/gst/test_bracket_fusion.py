"""Mapped buffers are fused as the library fuses arrays, in memory that is made once."""

from collections.abc import Iterator

import numpy as np
import pytest

from edge_mef.errors import InputError
from edge_mef.exposures import Exposures, Frame, align_frames
from edge_mef.fuser import Fuser
from edge_mef.gst.bracket_fusion import BracketFusion, ExposureOrder
from edge_mef.gst.formats import FORMATS, Layout, Picture
from edge_mef.render.brackets import random_bracket
from tests.conftest import noise_stack

SIZE = (40, 53)


@pytest.fixture
def fuser() -> Iterator[Fuser]:
    with Fuser.open("ffmef-edge-2", threads=1) as opened:
        yield opened


def picture(frame: Frame, name: str) -> Picture:
    layout = Layout.usual(name, frame.shape[1], frame.shape[0])
    made = Picture(bytearray(layout.size), layout)
    made.write(frame)
    return Picture(bytes(made.memory), layout)


def room(name: str, size: tuple[int, int] = SIZE) -> Picture:
    layout = Layout.usual(name, size[1], size[0])
    return Picture(bytearray(layout.size), layout)


def read(fused: Picture) -> Frame:
    return fused.read(np.empty(fused.layout.shape, np.uint8))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("width", [53, 52])
def test_pixels_are_those_of_arrays(fuser: Fuser, name: str, width: int) -> None:
    stack = noise_stack(3, (40, width))
    fused = room(name, (40, width))
    fusion = BracketFusion(fuser)
    fusion.fuse([picture(frame, name) for frame in stack], fused)
    assert np.array_equal(read(fused), fuser.fuse(*stack))


def test_brackets_of_many_sizes_and_counts(fuser: Fuser) -> None:
    fusion = BracketFusion(fuser)
    for count, size in [(2, (40, 53)), (3, (40, 53)), (2, (20, 64)), (2, (40, 53))]:
        stack, fused = noise_stack(count, size), room("BGR", size)
        fusion.fuse([picture(frame, "BGRx") for frame in stack], fused)
        assert np.array_equal(read(fused), fuser.fuse(*stack))


def test_rooms_are_made_once(fuser: Fuser, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, ...]] = []
    make = fuser.host_buffer

    def count(shape: tuple[int, ...]) -> Frame:
        made.append(shape)
        return make(shape)

    monkeypatch.setattr(fuser, "host_buffer", count)
    fusion = BracketFusion(fuser)
    stack = noise_stack(2, (40, 52))
    for _ in range(3):  # packed RGB is fused where it lies
        fusion.fuse([picture(frame, "RGB") for frame in stack], room("RGB", (40, 52)))
    assert made == []
    for _ in range(3):
        fusion.fuse([picture(frame, "BGR") for frame in stack], room("BGR", (40, 52)))
    assert made == [(40, 52, 3)] * 3


@pytest.mark.parametrize("sort", [True, False])
def test_the_order_is_found_or_given(fuser: Fuser, sort: bool) -> None:
    dark, bright = noise_stack(2, SIZE)
    fused = room("RGB")
    BracketFusion(fuser, sort=sort).fuse([picture(bright, "RGB"), picture(dark, "RGB")], fused)
    assert np.array_equal(read(fused), fuser.fuse(bright, dark, sort=sort))
    assert not np.array_equal(read(fused), fuser.fuse(bright, dark, sort=not sort))


def test_exposures_are_aligned(fuser: Fuser) -> None:
    under, over = random_bracket(5, height=96, width=128).exposures
    over = np.roll(over, (4, 3), (0, 1))
    fused = room("RGB", (96, 128))
    BracketFusion(fuser, align=True).fuse([picture(under, "RGB"), picture(over, "RGB")], fused)
    wanted = fuser.fuse_exposures(align_frames(Exposures((under, over))))
    assert np.array_equal(read(fused), wanted)
    assert not np.array_equal(wanted, fuser.fuse(under, over))


def test_what_the_bundle_does_not_take_is_refused() -> None:
    with Fuser.open("ffmef", threads=1) as fuser:
        fusion = BracketFusion(fuser)
        with pytest.raises(InputError, match="exposures"):
            fusion.prepare(3, 40, 52)


def test_the_order_is_kept_until_another_is_sure() -> None:
    def flat(*values: float) -> list[Frame]:
        frames = [np.zeros((100, 100, 3), np.uint8) for _ in values]
        for frame, value in zip(frames, values, strict=True):
            frame[:, : int(100 * value / 10)] = 10
        return frames

    order = ExposureOrder()
    assert order.of(flat(3, 2)) == [1, 0]
    assert order.of(flat(2, 2)) == [1, 0]
    assert order.of(flat(2, 2.9)) == [1, 0]  # not surely
    assert order.of(flat(2, 4)) == [0, 1]
    assert order.of(flat(2.9, 2)) == [0, 1]
    assert order.of(flat(3, 1, 2)) == [1, 2, 0]


def test_it_closes_the_fuser(fuser: Fuser) -> None:
    fusion = BracketFusion(fuser)
    fusion.close()
    fusion.close()
    stack = noise_stack(2, SIZE)
    with pytest.raises(Exception, match="closed"):
        fusion.fuse([picture(frame, "RGB") for frame in stack], room("RGB"))
