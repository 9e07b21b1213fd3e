"""Fuse brackets for ever, ten lines: python examples/stream_brackets.py FOLDER.

`camera` is a stand-in that renders; put yours there. While one bracket is fused the next is taken
and the one before is written. A fused frame is lent until the next one comes: copy what you keep.
"""

import sys
from pathlib import Path

from edge_mef import Fuser
from edge_mef.pictures import write_picture
from edge_mef.render.brackets import random_bracket


def main(output: Path, count: int = 6) -> None:
    output.mkdir(parents=True, exist_ok=True)
    camera = (random_bracket(seed, height=120, width=160).exposures for seed in range(count))
    with Fuser.open() as fuser, fuser.stream() as stream:
        for fused in stream.fuse_all(camera):  # darkest first; or fuser.stream(sort=True)
            write_picture(output / f"{fused.number:04}.png", fused.pixels)
        print(f"{stream.statistics.fps:.1f} fps, p99 {stream.statistics.p99:.1f} ms")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
