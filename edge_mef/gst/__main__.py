"""`eval "$(python -m edge_mef.gst)"` lets GStreamer find the element; with --check it says whether.

Leaves with 3 where something is missing.
"""

import argparse
import sys
from collections.abc import Sequence

from edge_mef.errors import EdgeMefError
from edge_mef.gst.installation import check_element, export_lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of this module; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m edge_mef.gst", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="say whether GStreamer has the element, and why not"
    )
    if not parser.parse_args(arguments).check:
        sys.stdout.write(export_lines())
        return 0
    try:
        sys.stdout.write(f"{check_element()}\n")
    except EdgeMefError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
