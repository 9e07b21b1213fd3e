"""Fuse every bracket of a folder: python examples/fuse_folder.py FOLDER OUTPUT.

Brackets may have two to nine pictures each. A second run fuses only what is missing.
"""

import sys
from pathlib import Path

from edge_mef import Fuser
from edge_mef.batch import FuseOptions, fuse_folder


def main(folder: Path, output: Path) -> bool:
    options = FuseOptions(suffix=".jpg")
    with Fuser.open() as fuser:
        result = fuse_folder(fuser, folder, output, options, print_progress)
    print(f"{len(result.fused)} fused, {len(result.kept)} were there, {len(result.failed)} failed")
    for name, why in result.failed:
        print(f"{name}: {why}", file=sys.stderr)
    return not result.failed


def print_progress(name: str, done: int, total: int) -> None:
    print(f"{done + 1} of {total}: {name}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if main(Path(sys.argv[1]), Path(sys.argv[2])) else 2)
