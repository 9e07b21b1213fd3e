"""How much memory a frame needs, and how much there is."""

from pathlib import Path

import psutil

from edge_mef.errors import FrameTooLargeError
from edge_mef.manifest import Manifest

# What the runtime takes besides the frame: weights, thread stacks, its own code.
_BASE_BYTES = 64 * 2**20
_CGROUP = Path("/sys/fs/cgroup")


def estimate_bytes(manifest: Manifest, height: int, width: int) -> int:
    """Return the peak memory in bytes of fusing one bracket of this size with a bundle."""
    return _BASE_BYTES + round(manifest.memory_bytes_per_pixel * height * width)


def available_bytes() -> int:
    """Return the memory in bytes that this process may still take, containers considered."""
    free = int(psutil.virtual_memory().available)
    limit, used = _read_number("memory.max"), _read_number("memory.current")
    if limit is not None and used is not None:
        # Cached files count as used there, but give way when memory is asked for.
        free = min(free, max(0, limit - max(0, used - _cached_files())))
    return free


def check_memory(manifest: Manifest, height: int, width: int, limit: int | None = None) -> None:
    """Raise `FrameTooLargeError` if a frame needs more than `limit` bytes, or than is available."""
    needed = estimate_bytes(manifest, height, width)
    there = available_bytes() if limit is None else limit
    if needed > there:
        raise FrameTooLargeError(
            f"fusing {height}x{width} with {manifest.name} needs about {_gib(needed)} of memory, "
            f"and {_gib(there)} are {'available' if limit is None else 'allowed'}: reduce the "
            "frames, or fuse on a machine with more memory"
        )


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _cached_files() -> int:
    try:
        lines = (_CGROUP / "memory.stat").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    except (OSError, ValueError, IndexError, StopIteration):
        return 0


def _read_number(name: str) -> int | None:
    try:
        return int((_CGROUP / name).read_text())
    except (OSError, ValueError):
        return None
