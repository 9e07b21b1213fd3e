"""Whatever is wrong becomes one sentence on the bus: no crash, no hang, no traceback."""

from pathlib import Path
from typing import Any

import pytest

from tests.edge_mef.gst.conftest import Play
from tests.edge_mef.gst.videos import Video, Watched, pipeline

pytestmark = pytest.mark.gstreamer
VIDEOS = (Video("a", 0), Video("b", 1))


def sentence(found: Watched) -> str:
    assert (found.ended, found.source, found.times) == ("error", "fuse", [])
    assert "\n" not in found.error
    return found.error


def test_sizes_that_differ(play: Play) -> None:
    found = play(pipeline([VIDEOS[0], Video("b", 1, width=64)]))
    assert sentence(found) == (
        "expected exposures of one size, but sink_0 is 65x49 and sink_1 is 64x49: put videoscale "
        "before one of them"
    )


def test_a_missing_bundle(play: Play) -> None:
    assert "no-such-bundle" in sentence(play(pipeline(VIDEOS, bundle="no-such-bundle")))


def test_a_damaged_bundle(play: Play, bundle: Path) -> None:
    model = next(bundle.glob("*.onnx"))
    model.write_bytes(model.read_bytes()[:-100])
    text = sentence(play(pipeline(VIDEOS, bundle=bundle)))
    assert model.name in text


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"runtime": "abacus"}, "there is no runtime called 'abacus'"),
        ({"order": "random"}, "expected an order of auto, pads, found 'random'"),
        ({"threads": 1000}, "expected 1 to 64 threads, found 1000"),
    ],
)
def test_wrong_properties(play: Play, properties: dict[str, Any], text: str) -> None:
    assert text in sentence(play(pipeline(VIDEOS, **properties)))


def test_one_pad_alone(play: Play) -> None:
    assert "expected two or more linked pads sink_%u, found 1" in sentence(
        play(pipeline(VIDEOS[:1]))
    )


def test_more_exposures_than_the_bundle_takes(play: Play, bundle: Path) -> None:
    text = sentence(play(pipeline([*VIDEOS, Video("c", 2)], bundle=bundle)))
    assert "exposures" in text
    assert "3" in text


def test_buffers_without_times(play: Play) -> None:
    text = sentence(play(pipeline(VIDEOS), strip=["b"]))
    assert "expected buffers with timestamps on sink_1" in text


def test_what_is_behind_takes_another_size(play: Play) -> None:
    found = play(pipeline(VIDEOS, behind="video/x-raw,width=10"))
    assert (found.ended, found.error) == ("error", "could not link a to fuse")


def test_an_exception_that_nobody_expected(play: Play) -> None:
    assert sentence(play(pipeline(VIDEOS), fail="planted")) == "ZeroDivisionError: planted"


def test_edge_mef_cannot_be_imported(play: Play, tmp_path: Path) -> None:
    text = sentence(play(pipeline(VIDEOS), variables={"PYTHONPATH": str(tmp_path)}))
    assert "does not find EdgeMEF or what it needs (No module named 'edge_mef')" in text
    assert "python -m edge_mef.gst" in text
