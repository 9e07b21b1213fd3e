"""What the command lines of the benchmarks share: checked numbers, errors in one sentence."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from edge_mef.benchmarks.peers.table import PEERS
from edge_mef.cli.options import parse_size
from edge_mef.contract import LARGEST_SIDE
from edge_mef.errors import EdgeMefError, FrameTooLargeError, InputError
from edge_mef.memory import available_bytes

INTERRUPTED = 130
_MOST_REPEATS, _MOST_THREADS = 10_000, 256
_LARGEST_PEER = "mertens"  # its pyramids take most of what is run here


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and leaves with 2."""

    def error(self, message: str) -> NoReturn:
        """Leave with the message."""
        self.exit(2, f"error: {message}\n")


def add_timing(parser: argparse.ArgumentParser, repeats: int) -> None:
    """Add --size, --bundle, --threads, --repeats and --json."""
    parser.add_argument("--size", default="1080x1920", help="height x width of the timed frame")
    parser.add_argument("--bundle", action="append", help="default: the default bundle")
    parser.add_argument("--threads", type=whole_number(_MOST_THREADS), default=2)
    parser.add_argument("--repeats", type=whole_number(_MOST_REPEATS), default=repeats)
    parser.add_argument("--json", action="store_true")


def frame_size(text: str, exposures: int = 2) -> tuple[int, int]:
    """Read a height and a width of frames that can be made and fused here.

    Raises:
        InputError: no size, or sides that are 0 or too long.
        FrameTooLargeError: they need more memory than there is.
    """
    size = parse_size(text)
    if size is None or not all(1 <= side <= LARGEST_SIDE for side in size):
        raise InputError(
            f"expected a size such as 1080x1920 with sides of 1 to {LARGEST_SIDE}, found '{text}'"
        )
    needed = PEERS[_LARGEST_PEER].bytes_for(exposures, *size)
    if needed > available_bytes():
        raise FrameTooLargeError(
            f"comparing methods on frames of {text} needs about {needed / 2**30:.1f} GiB of "
            "memory, more than there is: choose a smaller --size"
        )
    return size


def run(work: Callable[[], str]) -> int:
    """Print what `work` returns; return the exit code."""
    try:
        sys.stdout.write(work())
    except EdgeMefError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return INTERRUPTED
    return 0


def whole_number(most: int) -> Callable[[str], int]:
    """Return what reads an argument from 1 to `most`."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"expected 1 to {most}, found '{text}'")
        return int(text)

    return parse
