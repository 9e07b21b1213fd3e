"""Buffers are paired by their times, and the fused video has those of the first one."""

from pathlib import Path

import pytest

from tests.edge_mef.gst.conftest import Play
from tests.edge_mef.gst.videos import (
    FAST,
    FRAME,
    HEIGHT,
    WIDTH,
    Video,
    fused,
    pipeline,
    read_video,
    same,
)

pytestmark = pytest.mark.gstreamer
DARK, BRIGHT = Video("a", 0, buffers=5), Video("b", 1, buffers=5)


def check_pairs(folder: Path, first: list[int], second: list[int]) -> None:
    """The frames written are those of these frames of the two videos."""
    dark, bright = DARK.frames(folder), BRIGHT.frames(folder)
    wanted = fused([dark[index] for index in first], [bright[index] for index in second])
    assert same(read_video(folder / "out.raw", "RGB", WIDTH, HEIGHT), wanted)


def starts(*numbers: int) -> list[int]:
    """When frames of these numbers begin, as videotestsrc rounds it."""
    return [number * 1_000_000_000 // 30 for number in numbers]


def test_times_are_kept(play: Play, tmp_path: Path) -> None:
    found = play(pipeline([DARK, BRIGHT]))
    assert found.pts == starts(0, 1, 2, 3, 4)
    assert [dts for _, dts, _ in found.times] == [-1] * 5
    assert {duration for _, _, duration in found.times} == {FRAME, FRAME + 1}
    assert sum(duration for _, _, duration in found.times) == starts(5)[0]
    check_pairs(tmp_path, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4])


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_lost_buffer_does_not_shift_the_pairs(play: Play, tmp_path: Path, name: str) -> None:
    found = play(pipeline([DARK, BRIGHT]), lose={name: [1]})
    assert (found.ended, found.fused, found.dropped) == ("eos", 4, 1)
    assert found.pts == starts(0, 2, 3, 4)
    check_pairs(tmp_path, [0, 2, 3, 4], [0, 2, 3, 4])


def test_buffers_lost_on_both(play: Play, tmp_path: Path) -> None:
    found = play(pipeline([DARK, BRIGHT]), lose={"a": [0, 3], "b": [1]})
    assert found.pts == starts(2, 4)
    check_pairs(tmp_path, [2, 4], [2, 4])


def test_less_than_half_a_frame_apart_is_one_instant(play: Play, tmp_path: Path) -> None:
    found = play(pipeline([DARK, BRIGHT]), shift={"b": 16_000_000})
    assert (found.pts, found.dropped) == (starts(0, 1, 2, 3, 4), 0)
    check_pairs(tmp_path, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4])


def test_more_than_half_a_frame_apart_is_the_next_instant(play: Play, tmp_path: Path) -> None:
    found = play(pipeline([DARK, BRIGHT]), shift={"b": 18_000_000})
    assert found.pts == starts(1, 2, 3, 4)
    check_pairs(tmp_path, [1, 2, 3, 4], [0, 1, 2, 3])


def test_the_tolerance_can_be_given(play: Play) -> None:
    found = play(pipeline([DARK, BRIGHT], tolerance=5_000_000), shift={"b": 6_000_000})
    assert (found.ended, found.fused, found.times) == ("eos", 0, [])
    assert found.dropped == 9  # the last is dropped with the end
    assert len(found.warnings) == 1
    assert "no two buffers had the same time: synchronise the cameras" in found.warnings[0]


def test_cameras_out_of_step_are_told(play: Play) -> None:
    videos = [Video(n, b, buffers=40, width=16, height=16) for n, b in (("a", 0), ("b", 1))]
    found = play(pipeline(videos, tolerance=1_000_000), shift={"b": 6_000_000})
    assert (found.ended, found.fused) == ("eos", 0)
    assert len(found.warnings) == 1
    assert "60 buffers in a row had no partner" in found.warnings[0]


def test_a_faster_video_is_thinned_out(play: Play, tmp_path: Path) -> None:
    fast = Video("b", 1, buffers=9, rate="60/1")
    found = play(pipeline([DARK, fast]))
    assert found.pts == starts(0, 1, 2, 3, 4)
    assert "framerate=(fraction)30/1" in found.caps[0]
    dark, bright = DARK.frames(tmp_path), fast.frames(tmp_path)
    assert same(read_video(tmp_path / "out.raw", "RGB", WIDTH, HEIGHT), fused(dark, bright[::2]))


@pytest.mark.parametrize("early", [0, 1])
def test_the_end_of_one_is_the_end(play: Play, tmp_path: Path, early: int) -> None:
    counts = [5, 5]
    counts[early] = 3
    videos = [Video(n, b, buffers=counts[b]) for n, b in (("a", 0), ("b", 1))]
    found = play(pipeline(videos))
    assert (found.ended, found.pts) == ("eos", starts(0, 1, 2))


def test_after_a_seek_times_and_running_times_hold(play: Play) -> None:
    sources = " ".join(f"videotestsrc num-buffers=10 ! {v.caps} ! fuse." for v in (DARK, BRIGHT))
    found = play(
        f"edgemeffuse name=fuse bundle={FAST} ! fakesink name=out {sources}", seek=200_000_000
    )
    assert (found.ended, found.pts[:3]) == ("eos", [0, *starts(6, 7)])  # the first is before it
    assert found.running[1:] == [pts - 200_000_000 for pts in found.pts[1:]]


def test_the_size_may_change(play: Play, tmp_path: Path) -> None:
    first, second = Video("a").caps, Video("a", width=34, height=20).caps
    parts = []
    for name, brightness in (("a", "0xff202020"), ("b", "0xffa0a0a0")):
        source = f"videotestsrc pattern=ball num-buffers=2 background-color={brightness}"
        parts.append(
            f"{source} ! {first} ! c{name}. {source} ! {second} ! c{name}. "
            f"concat name=c{name} ! fuse."
        )
    launch = f"edgemeffuse name=fuse bundle={FAST} ! filesink name=out location=out.raw "
    found = play(launch + " ".join(parts))
    assert (found.ended, found.fused) == ("eos", 4)
    assert [("width=(int)65" in caps, "width=(int)34" in caps) for caps in found.caps] == [
        (True, False),
        (False, True),
    ]
    assert (tmp_path / "out.raw").stat().st_size == 2 * (196 * 49 + 104 * 20)
    assert found.running == pytest.approx(starts(0, 1, 2, 3), abs=1)


def test_it_plays_again(play: Play, tmp_path: Path) -> None:
    found = play(pipeline([DARK, BRIGHT]), again=True)
    assert (found.ended, found.fused, found.dropped) == ("eos", 5, 0)
    assert found.pts == 2 * starts(0, 1, 2, 3, 4)
    check_pairs(tmp_path, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4])


def test_live_sources(play: Play, tmp_path: Path) -> None:
    videos = [Video(n, b, buffers=8, live=True) for n, b in (("a", 0), ("b", 1))]
    launch = pipeline(videos).replace("! filesink name=out", "! filesink sync=true name=out")
    found = play(launch)
    assert found.ended == "eos"
    assert found.fused + found.dropped / 2 >= 7
    assert found.latency is not None
    live, least, _ = found.latency
    # A frame of the source's, which waits until it is full, and one of ours.
    assert live
    assert least >= 2 * FRAME
    written = read_video(tmp_path / "out.raw", "RGB", WIDTH, HEIGHT)
    assert len(written) == found.fused
