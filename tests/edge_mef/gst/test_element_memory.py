"""Two thousand brackets, and no more memory than for the first ones."""

import numpy as np
import pytest

from tests.edge_mef.gst.conftest import Play
from tests.edge_mef.gst.videos import FAST, Video


@pytest.mark.gstreamer
def test_memory_stays(play: Play) -> None:
    videos = [Video(n, b, width=66, height=50) for n, b in (("a", 0), ("b", 1))]
    sources = " ".join(
        f"videotestsrc num-buffers=2000 pattern=ball ! {video.caps} ! fuse." for video in videos
    )
    launch = f"edgemeffuse name=fuse bundle={FAST} threads=1 ! fakesink name=out {sources}"
    found = play(launch, timeout=90)
    assert found.fused == 2000
    # Frames are of 10,000 bytes: one that is not freed with every bracket would be 14 MB more.
    assert found.memory[-1] - found.memory[5] < 3_000_000
    assert np.diff(found.pts).min() > 0
