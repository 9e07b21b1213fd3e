"""Raw video in memory: strides, offsets, the order of colours, and memory that is too short."""

import ast

import numpy as np
import pytest

from edge_mef.errors import InputError
from edge_mef.gst.formats import FORMATS, Layout, Picture
from edge_mef.gst.installation import PLUGINS
from tests.conftest import noise_stack

ORDERS = {"RGB": [0, 1, 2], "BGR": [2, 1, 0], "RGBx": [0, 1, 2], "BGRx": [2, 1, 0]}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("width", "more", "offset"), [(5, 0, 0), (8, 0, 0), (5, 9, 3)])
def test_a_frame_is_written_and_read(name: str, width: int, more: int, offset: int) -> None:
    usual = Layout.usual(name, width, 4)
    layout = Layout(name, width, 4, usual.stride + more, offset)
    frame, *_ = noise_stack(2, (4, width))
    memory = bytearray(b"\x07" * layout.size)
    Picture(memoryview(memory), layout).write(frame)
    rows = np.frombuffer(memory, np.uint8, offset=offset).reshape(4, layout.stride)
    channels = FORMATS[name].channels
    pixels = rows[:, : width * channels].reshape(4, width, channels)
    assert np.array_equal(pixels[..., ORDERS[name]], frame)
    assert (pixels[..., 3:] == 255).all()
    assert not rows[:, width * channels :].any()
    assert memory[:offset] == b"\x07" * offset
    room = np.zeros_like(frame)
    assert Picture(bytes(memory), layout).read(room) is room
    assert np.array_equal(room, frame)


@pytest.mark.parametrize(
    ("name", "width", "stride"), [("RGB", 5, 16), ("RGB", 8, 24), ("BGR", 1, 4), ("BGRx", 5, 20)]
)
def test_rows_begin_at_multiples_of_four(name: str, width: int, stride: int) -> None:
    layout = Layout.usual(name, width, 3)
    assert (layout.stride, layout.size, layout.shape) == (stride, 3 * stride, (3, width, 3))


def test_packed_rgb_is_used_where_it_lies() -> None:
    memory = bytearray(range(72))
    packed = Picture(memoryview(memory), Layout.usual("RGB", 8, 3)).packed()
    assert packed is not None
    memory[0] = 99
    assert packed[0, 0, 0] == 99


@pytest.mark.parametrize(("name", "width"), [("RGB", 5), ("BGR", 8), ("RGBx", 8)])
def test_what_is_not_packed_rgb_needs_a_copy(name: str, width: int) -> None:
    layout = Layout.usual(name, width, 3)
    assert Picture(bytes(layout.size), layout).packed() is None


def test_the_last_row_may_end_with_its_pixels() -> None:
    layout = Layout.usual("RGB", 5, 2)
    assert layout.pixels(bytes(16 + 15)).shape == (2, 5, 3)
    with pytest.raises(InputError, match=r"expected 31 bytes for RGB of 5x2, found 30: the caps"):
        layout.pixels(bytes(30))


def test_a_stride_shorter_than_a_row_is_refused() -> None:
    with pytest.raises(InputError, match="the caps do not tell"):
        Layout("RGB", 5, 2, 12).pixels(bytes(100))


def test_another_format_is_refused() -> None:
    with pytest.raises(InputError, match="expected a format of RGB, BGR, RGBx, BGRx, found NV12"):
        Layout.usual("NV12", 8, 8)


def test_the_element_has_the_same_formats() -> None:
    """It names them itself, as it must be loaded where EdgeMEF cannot be imported."""
    source = (PLUGINS / "python" / "edgemeffuse.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FORMATS":
            assert set(ast.literal_eval(node.value)) == set(FORMATS)
            return
    pytest.fail("the element names no FORMATS")
