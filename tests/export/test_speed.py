"""The export against the authors' formulation in torch, on the same frames and threads."""

import numpy as np
import pytest
import torch

from edge_mef.benchmarks.peers.published_ffmef import UnfoldedFFMEF
from edge_mef.benchmarks.timing import time_interleaved
from edge_mef.bundle import load_bundle
from edge_mef.fuser import Fuser
from edge_mef.models import create_model
from edge_mef.models.ffmef import FFMEF
from edge_mef.pipeline import FusionPipeline
from edge_mef.validation import torch_fuse

THREADS = 2
# Well below what was measured (docs/networks.md), because shared machines disturb both sides.
LEAST = {(1080, 1920): 1.5, (551, 707): 1.2}


@pytest.mark.timing
@pytest.mark.parametrize("size", LEAST)
def test_the_export_is_faster_than_the_published_formulation(size: tuple[int, int]) -> None:
    bundle = load_bundle("ffmef")
    network = create_model("ffmef", weights=bundle.folder / bundle.manifest.network.weights_file)
    assert isinstance(network, FFMEF)
    published = torch_fuse(FusionPipeline(UnfoldedFFMEF(network)).eval())
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(2)]
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        with Fuser.open("ffmef", threads=THREADS) as fuser:
            ours, theirs = time_interleaved(
                [lambda: fuser.fuse(*frames, sort=False), lambda: published(*frames)],
                repeats=3,
                warmup=1,
            )
    finally:
        torch.set_num_threads(before)
    pairs = zip(ours.samples, theirs.samples, strict=True)
    ratio = float(np.median([b / a for a, b in pairs]))
    print(f"{size}: {ours.median:.0f} ms against {theirs.median:.0f} ms, ratio {ratio:.2f}")
    assert ratio >= LEAST[size]
