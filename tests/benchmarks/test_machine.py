"""The fingerprint of a machine: right on recorded trees, and silent about its owner."""

import getpass
import platform
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge_mef.benchmarks.machine import machine_fingerprint
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError
from tests.benchmarks.recorded_machines import JETSON, MACOS, SECRETS, X86, plant


def no_program(words: Sequence[str]) -> str:
    raise NotMeasuredError(f"{words[0]} is not there")


def sysctl(words: Sequence[str]) -> str:
    assert words[:2] == ("sysctl", "-n")
    if words[2] not in MACOS:
        raise NotMeasuredError("unknown oid")
    return MACOS[words[2]] + "\n"


def test_a_laptop(tmp_path: Path) -> None:
    found = machine_fingerprint(plant(tmp_path, X86), run=no_program)
    assert found.cpu == "Intel(R) Core(TM) i7-1185G7 @ 3.00GHz"
    assert (found.physical_cores, found.logical_cores, found.usable_cores) == (4, 8, 4)
    assert (found.cpu_limit, found.memory_bytes) == (None, 32580908 * 1024)
    assert found.gpus == ("Intel GPU 8086:9a49", "NVIDIA GeForce RTX 3050 Laptop GPU")
    assert (found.os, found.kernel) == ("Ubuntu 24.04.1 LTS", "6.8.0-51-generic")
    assert (found.architecture, found.board) == ("x86_64", None)
    assert (found.driver, found.cuda, found.tensorrt) == ("550.120", None, "8.6.1")
    assert (found.l4t, found.jetpack, found.container) == (None, None, False)
    assert found.python == platform.python_version()


def test_a_jetson(tmp_path: Path) -> None:
    found = machine_fingerprint(plant(tmp_path, JETSON), run=no_program)
    assert (found.cpu, found.architecture) == ("Cortex-A78AE", "aarch64")
    assert (found.physical_cores, found.logical_cores, found.usable_cores) == (12, 12, 12)
    assert found.board == "NVIDIA Jetson AGX Orin Developer Kit"
    assert (found.l4t, found.jetpack) == ("R36.4.3", "6.2+b77")
    assert (found.cuda, found.tensorrt) == ("12.6.20240801", "10.9.0")
    assert found.gpus == ()


def test_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    found = machine_fingerprint(run=sysctl)
    assert (found.cpu, found.gpus) == ("Apple M2 Pro", ("Apple M2 Pro",))
    assert (found.physical_cores, found.logical_cores, found.usable_cores) == (10, 10, 10)
    assert (found.memory_bytes, found.board) == (16 * 2**30, "Mac14,9")
    assert (found.os, found.kernel, found.architecture) == ("macOS 15.2", "24.2.0", "arm64")
    assert not any(secret in found.model_dump_json() for secret in SECRETS)


@pytest.mark.parametrize("tree", [X86, JETSON])
def test_no_names_and_numbers_of_persons(tmp_path: Path, tree: dict[str, str]) -> None:
    text = machine_fingerprint(plant(tmp_path, tree), run=no_program).model_dump_json()
    assert not any(secret in text for secret in SECRETS)
    assert str(tmp_path) not in text


def test_nothing_is_known_of_an_empty_tree(tmp_path: Path) -> None:
    found = machine_fingerprint(tmp_path, run=no_program)
    known = found.model_dump(exclude_none=True)
    assert known.keys() == {
        *("gpus", "os", "kernel", "architecture", "python", "container", "digest")
    }
    assert (found.gpus, found.os, found.kernel) == ((), "unknown", "unknown")


def test_this_machine() -> None:
    found = machine_fingerprint()
    assert found == machine_fingerprint()
    assert found.architecture == platform.machine()
    assert (found.logical_cores or 0) >= (found.usable_cores or 0) >= 1
    told = [value for value in found.model_dump().values() if isinstance(value, str)]
    assert platform.node() not in told
    assert getpass.getuser() not in told


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("etc/os-release", 'PRETTY_NAME="Ubuntu 24.04.2 LTS"\n'),
        ("proc/sys/kernel/osrelease", "6.8.0-52-generic\n"),
        ("proc/driver/nvidia/version", "Kernel Module  560.35.03\n"),
        ("proc/meminfo", "MemTotal:       32580100 kB\n"),
    ],
)
def test_updates_leave_the_digest(tmp_path: Path, file: str, text: str) -> None:
    before = machine_fingerprint(plant(tmp_path, X86), run=no_program)
    after = machine_fingerprint(plant(tmp_path, {file: text}), run=no_program)
    assert after != before
    assert after.digest == before.digest


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("proc/meminfo", "MemTotal:       16000000 kB\n"),
        ("proc/self/status", "Cpus_allowed_list:\t0\n"),
        ("sys/fs/cgroup/cpu.max", "150000 100000\n"),
        (".dockerenv", ""),
        ("proc/driver/nvidia/gpus/0000:02:00.0/information", "Model: \t NVIDIA H200\n"),
        ("proc/device-tree/model", "NVIDIA Jetson Nano"),
    ],
)
def test_other_hardware_and_limits_do_not(tmp_path: Path, file: str, text: str) -> None:
    before = machine_fingerprint(plant(tmp_path, X86), run=no_program)
    after = machine_fingerprint(plant(tmp_path, {file: text}), run=no_program)
    assert after.digest != before.digest


@pytest.mark.parametrize(
    ("tree", "limit"),
    [
        ({"sys/fs/cgroup/cpu.max": "150000 100000"}, 1.5),
        ({"sys/fs/cgroup/cpu.max": "max 100000"}, None),
        ({"sys/fs/cgroup/cpu.max": "nonsense"}, None),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            2.0,
        ),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            None,
        ),
    ],
)
def test_limits_of_a_container(tmp_path: Path, tree: dict[str, str], limit: float | None) -> None:
    assert machine_fingerprint(plant(tmp_path, tree), run=no_program).cpu_limit == limit


@pytest.mark.parametrize(
    "tree",
    [
        {".dockerenv": ""},
        {"run/.containerenv": ""},
        {"proc/1/cgroup": "12:cpu:/kubepods/burstable/pod1\n"},
        {"proc/self/mounts": "overlay / overlay rw,lowerdir=/x 0 0\n"},
    ],
)
def test_marks_of_a_container(tmp_path: Path, tree: dict[str, str]) -> None:
    assert machine_fingerprint(plant(tmp_path, tree), run=no_program).container


def test_unknown_arm_parts_and_mixed_cores(tmp_path: Path) -> None:
    text = "".join(
        f"processor\t: {n}\nCPU implementer\t: {maker}\nCPU part\t: {part}\n\n"
        for n, (maker, part) in enumerate([("0x4e", "0x003"), ("0x41", "0xd07"), ("0x51", "0x802")])
    )
    found = machine_fingerprint(plant(tmp_path, {"proc/cpuinfo": text}), run=no_program)
    assert found.cpu == "NVIDIA Denver 2, Cortex-A57, ARM part 0x802 of implementer 0x51"
    assert found.logical_cores == 3
