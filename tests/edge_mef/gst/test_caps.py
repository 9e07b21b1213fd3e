"""Caps, read from a structure that answers as GStreamer's do."""

from typing import Any

import pytest

from edge_mef.errors import InputError
from edge_mef.gst.caps import check_sizes, read_caps
from edge_mef.gst.formats import Layout


class MadeStructure:
    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def get_string(self, name: str) -> str | None:
        return self.fields.get(name)

    def get_int(self, name: str) -> tuple[bool, int]:
        return name in self.fields, self.fields.get(name, 0)

    def get_fraction(self, name: str) -> tuple[bool, int, int]:
        return (True, *self.fields[name]) if name in self.fields else (False, 0, 0)


def test_a_camera() -> None:
    caps = read_caps(MadeStructure(format="BGRx", width=5, height=4, framerate=(30000, 1001)))
    assert caps.layout == Layout("BGRx", 5, 4, 20)
    assert caps.interval == 33_366_666
    assert str(caps) == "5x4 with 30000/1001 frames/s"


@pytest.mark.parametrize("fields", [{}, {"framerate": (0, 1)}])
def test_a_framerate_that_varies(fields: dict[str, Any]) -> None:
    caps = read_caps(MadeStructure(format="RGB", width=5, height=4, **fields))
    assert (caps.framerate, caps.interval) == (None, None)
    assert str(caps) == "5x4 with any framerate"


def test_caps_without_a_size() -> None:
    with pytest.raises(InputError, match="expected width and height in the caps"):
        read_caps(MadeStructure(format="RGB", width=5))


@pytest.mark.parametrize("fields", [{"format": "I420"}, {}])
def test_another_format(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="put videoconvert before"):
        read_caps(MadeStructure(width=5, height=4, **fields))


def test_sizes_are_compared_and_nothing_else() -> None:
    layouts = [Layout.usual("RGB", 6, 4), Layout.usual("BGRx", 6, 4), Layout.usual("RGB", 4, 6)]
    check_sizes(["a", "b"], layouts[:2])
    with pytest.raises(InputError, match=r"but a is 6x4 and c is 4x6: put videoscale before"):
        check_sizes(["a", "b", "c"], layouts)
