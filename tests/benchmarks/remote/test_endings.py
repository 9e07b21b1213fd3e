"""Measuring on another machine that ends early: Ctrl-C, a lost connection, an error of ours."""

import os
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from edge_mef.benchmarks import remote, remote_script
from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.remote import RemoteResult, bench_remote
from edge_mef.bundle import Bundle
from edge_mef.errors import MissingError
from tests.benchmarks.remote.remote_device import Device

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the other machine needs sh")
HOST = "orin"


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Have SIGINT raise, also where the tests run in the background and it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_connection_is_lost(device: Device, ours: Bundle, record: Record) -> None:
    device.plan([record], seconds=60, lose=True)
    with pytest.raises(MissingError) as found:
        bench_remote(HOST, [ours], [])
    assert str(found.value) == (
        "the connection to orin was lost while it measured, and what had not come back by then is "
        "lost: run it again"
    )
    assert device.is_clean(seconds=5)


@pytest.mark.parametrize("rest", ["", '{"document": "edge-mef rec'])
def test_what_came_back_before_the_connection_was_lost_is_kept(
    device: Device, ours: Bundle, record: Record, rest: str
) -> None:
    early = f"{record.model_dump_json()}\n{rest}"
    device.plan(seconds=60, lose=True, early=early)
    result = bench_remote(HOST, [ours], [])
    assert (result.records, result.exit_code) == ((record,), 3)
    assert result.notes[-1].startswith("the connection to orin was lost while it measured")
    assert device.is_clean(seconds=5)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("in_a_call", [True, False])
def test_ctrl_c_brings_what_was_measured(
    device: Device, ours: Bundle, record: Record, in_a_call: bool
) -> None:
    device.plan([record], seconds=60, lines=["measuring"])

    def hear(line: str) -> None:
        if in_a_call:
            press_ctrl_c()
        else:
            threading.Timer(0.3, press_ctrl_c).start()

    result = bench_remote(HOST, [ours], [], on_line=hear)
    assert result == RemoteResult((record,), 130, ("orin was interrupted",))
    assert device.is_clean()


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_and_it_does_not_end(
    device: Device, ours: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "GRACE", 0.3)
    monkeypatch.setattr(remote_script, "PATIENCE", 1)
    device.plan(seconds=60, deaf=True, lines=["measuring"])
    result = bench_remote(HOST, [ours], [], on_line=lambda _: press_ctrl_c())
    assert (result.records, result.exit_code) == ((), 130)
    assert result.notes[0] == "orin did not end within 0.3 s, and was left to end by itself"
    assert device.is_measuring()
    assert device.is_clean(seconds=8)


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_ctrl_c_does_not_wait(device: Device, ours: Bundle) -> None:
    device.plan(seconds=60, deaf=True, lines=["measuring"])
    threading.Timer(0.8, press_ctrl_c).start()

    def hear(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench_remote(HOST, [ours], [], on_line=hear)
    os.kill(int((device.root / "pid").read_text()), signal.SIGKILL)
    assert device.is_clean(seconds=8)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_before_it_measures(device: Device, ours: Bundle) -> None:
    (device.root / "bin" / "edge-mef").write_text("#!/bin/sh\nsleep 1\necho edge-mef 0.1.0\n")
    threading.Timer(0.4, press_ctrl_c).start()
    with pytest.raises(KeyboardInterrupt):
        bench_remote(HOST, [ours], [])
    assert device.is_clean(seconds=5)


def test_an_error_of_the_caller_ends_it_there(device: Device, ours: Bundle) -> None:
    device.plan(seconds=60, lines=["measuring"])

    def fail(line: str) -> None:
        raise RuntimeError(line)

    with pytest.raises(RuntimeError, match="measuring"):
        bench_remote(HOST, [ours], [], on_line=fail)
    assert device.is_clean(seconds=5)
