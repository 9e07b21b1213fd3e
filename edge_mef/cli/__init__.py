"""The command line: each command parses, calls one library function, and prints.

Command modules import their libraries when they run, so that `--help` stays fast.
"""

from edge_mef.cli.app import main

__all__ = ["main"]
