"""Measuring over a real connection: an sshd of our own on this machine, and a stand-in edge-mef."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.remote import RemoteResult, bench_remote
from edge_mef.bundle import load_bundle
from edge_mef.errors import InputError, MissingError
from tests.benchmarks.remote.remote_device import Device, make_device

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the other machine needs sh")
_PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
_START = 5.0  # seconds

SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {root}/host_key
AuthorizedKeysFile {root}/known_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv PATH={root}/device/bin:/usr/bin:/bin TMPDIR={root}/device/tmp
"""
HOSTS = """
Host *
  HostName 127.0.0.1
  Port {port}
  IdentitiesOnly yes
  IdentityFile {root}/%n_key
  UserKnownHostsFile {root}/%n_hosts
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[psutil.Process]:
    """An sshd, and three names of it: "known", "refused" by its user key, "changed" by its own."""
    program = shutil.which("sshd", path=_PLACES)
    if program is None or shutil.which("ssh") is None:
        pytest.skip("OpenSSH's sshd is not installed")
    for name in ("host", "known", "refused"):
        key = str(tmp_path / f"{name}_key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (tmp_path / "config").write_text(HOSTS.format(port=port, root=tmp_path))
    (tmp_path / "sshd_config").write_text(SSHD.format(port=port, root=tmp_path))
    for host, name in (("known", "host"), ("refused", "host"), ("changed", "refused")):
        key = (tmp_path / f"{name}_key.pub").read_text()
        (tmp_path / f"{host}_hosts").write_text(f"[127.0.0.1]:{port} {key}")
    words = [program, "-D", "-e", "-f", str(tmp_path / "sshd_config")]
    log = tmp_path / "log"
    with log.open("wb") as stream, subprocess.Popen(words, stderr=stream) as process:
        try:
            wait_until_it_listens(process, port, log)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.skip(f"sshd does not start for this user: {log.read_text().strip()}")


@pytest.fixture
def device(
    server: psutil.Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Device]:
    program = shutil.which("ssh")
    device = make_device(tmp_path / "device", monkeypatch)
    ssh = device.root / "here" / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec {program} -F "{tmp_path}/config" "$@"\n')
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield device
    signal.signal(signal.SIGINT, before)


def test_records_come_back_and_nothing_stays(device: Device, record: Record) -> None:
    bundle = load_bundle("ffmef-edge-2")
    said: list[str] = []
    device.plan([record], lines=["note: warm"])
    arguments = ['it\'s $HOME; `ls` \\ "x" *', ""]
    result = bench_remote("known", [bundle], arguments, on_line=said.append)
    assert (result, said) == (RemoteResult((record,), 0, ()), ["note: warm"])
    assert device.bench["arguments"][2:4] == arguments
    digests = {entry.sha256 for entry in bundle.manifest.files.values()}
    assert digests < set(device.bench["files"].values())
    assert device.is_clean()


def test_ctrl_c_ends_it_there(device: Device, record: Record) -> None:
    device.plan([record], seconds=60, lines=["measuring"])

    def hear(line: str) -> None:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

    result = bench_remote("known", [load_bundle("ffmef-edge-2")], [], on_line=hear)
    assert result == RemoteResult((record,), 130, ("known was interrupted",))
    assert device.is_clean()


def test_the_connection_is_lost(device: Device, server: psutil.Process) -> None:
    device.plan(seconds=60, lines=["measuring"])

    def hear(line: str) -> None:
        if line == "measuring":
            for process in server.children(recursive=True):
                with suppress(psutil.NoSuchProcess):  # it went with the one before
                    if process.name().startswith("sshd"):
                        process.kill()

    with pytest.raises(MissingError, match="connection to known was lost while it measured"):
        bench_remote("known", [load_bundle("ffmef-edge-2")], [], on_line=hear)
    assert device.is_clean(seconds=5)


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("refused", "lets nobody in without a password"),
        ("changed", "another one than ssh remembers"),
        ("unknown", "connect once with 'ssh unknown'"),
    ],
)
def test_it_is_not_let_in(device: Device, host: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        bench_remote(host, [load_bundle("ffmef-edge-2")], [])
    assert not (device.root / "bench.json").exists()
