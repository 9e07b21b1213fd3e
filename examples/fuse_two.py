"""Fuse two pictures of one scene: python examples/fuse_two.py UNDER OVER FUSED."""

import sys

import edge_mef
from edge_mef.pictures import write_picture


def main(under: str, over: str, fused: str) -> None:
    write_picture(fused, edge_mef.fuse(under, over))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
