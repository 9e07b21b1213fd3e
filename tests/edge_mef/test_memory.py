"""Memory: what a frame needs, what there is, and the refusal in between."""

from pathlib import Path

import psutil
import pytest

from edge_mef import memory
from edge_mef.bundle import load_bundle
from edge_mef.errors import FrameTooLargeError, InputError
from edge_mef.manifest import Manifest


@pytest.fixture
def manifest() -> Manifest:
    return load_bundle("ffmef").manifest


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    return tmp_path


def test_the_estimate_grows_with_the_pixels(manifest: Manifest) -> None:
    base = memory.estimate_bytes(manifest, 0, 0)
    small, large = (memory.estimate_bytes(manifest, side, 1000) for side in (1000, 3000))
    assert large - base == pytest.approx(3 * (small - base))
    assert small - base == pytest.approx(manifest.memory_bytes_per_pixel * 1e6)


def test_a_container_limits_what_is_available(cgroup: Path) -> None:
    (cgroup / "memory.max").write_text("5000000\n")
    (cgroup / "memory.current").write_text("2000000\n")
    assert memory.available_bytes() == 3000000
    (cgroup / "memory.current").write_text("6000000\n")
    assert memory.available_bytes() == 0


@pytest.mark.parametrize("limit", ["max\n", "", None])
def test_without_a_limit_the_machine_counts(cgroup: Path, limit: str | None) -> None:
    if limit is not None:
        (cgroup / "memory.max").write_text(limit)
        (cgroup / "memory.current").write_text("1000\n")
    assert 0 < memory.available_bytes() <= psutil.virtual_memory().total


def test_a_large_frame_is_refused_with_numbers(manifest: Manifest) -> None:
    needed = memory.estimate_bytes(manifest, 3000, 4000)
    memory.check_memory(manifest, 3000, 4000, limit=needed)
    with pytest.raises(FrameTooLargeError, match=r"3000x4000 .* about 11\.4 GiB .* 512 MiB are al"):
        memory.check_memory(manifest, 3000, 4000, limit=512 * 2**20)
    with pytest.raises(FrameTooLargeError, match="allowed: reduce"):
        memory.check_memory(manifest, 3000, 4000, limit=needed - 1)


def test_what_is_available_is_the_limit_otherwise(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**30)
    memory.check_memory(manifest, 100, 100)
    with pytest.raises(InputError, match=r"1\.0 GiB are available"):
        memory.check_memory(manifest, 3000, 4000)


def test_cached_files_are_not_used_memory(cgroup: Path) -> None:
    (cgroup / "memory.max").write_text("5000000\n")
    (cgroup / "memory.current").write_text("4900000\n")
    (cgroup / "memory.stat").write_text("anon 100\ninactive_file 3000000\n")
    assert memory.available_bytes() == 3100000
