"""Fuse arrays as they come from a camera: python examples/fuse_arrays_from_camera.py FOLDER.

The camera is a stand-in that renders its frames. It knows which exposure is the darker one, so
nothing needs to be sorted: sort=False. The bundle is opened once for all brackets.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef import Fuser
from edge_mef.pictures import write_picture
from edge_mef.render.brackets import random_bracket

Frame = NDArray[np.uint8]


def take_brackets(count: int) -> Iterator[tuple[Frame, Frame]]:
    """Yield (under, over), each (H, W, 3) uint8 RGB; put your camera here.

    OpenCV's cameras give BGR: turn it round with cv2.cvtColor(frame, cv2.COLOR_BGR2RGB).
    """
    for seed in range(count):
        under, over = random_bracket(seed, height=120, width=160).exposures
        yield under, over


def main(output: Path, count: int = 3) -> None:
    output.mkdir(parents=True, exist_ok=True)
    with Fuser.open() as fuser:
        for number, (under, over) in enumerate(take_brackets(count)):
            fused = fuser.fuse(under, over, sort=False)
            write_picture(output / f"fused-{number}.png", fused)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
