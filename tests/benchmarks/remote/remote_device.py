"""Another machine that is a folder: an `ssh` that runs commands here, and an `edge-mef` there."""

import json
import os
import stat
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_mef.benchmarks.records import Record

# The shell gets a session of its own: like on another machine, it outlives the ssh that is killed.
_SSH = """
import json, os, pathlib, subprocess, sys, time
root = pathlib.Path({root!r})
(root / "ssh.json").write_text(json.dumps(sys.argv[1:]))
plan = json.loads((root / "plan.json").read_text())
if plan["ssh"] is not None:
    code, said = plan["ssh"]
    sys.stderr.write(said)
    sys.exit(code)
sys.stderr.write("Welcome to the device" + chr(10))
sys.stderr.flush()
home = root / "home"
path = str(root / "bin") + ":" + plan["path"]
there = dict(HOME=str(home), PATH=path, TMPDIR=str(root / "tmp"))
pipe = subprocess.PIPE if plan["lose"] else None
shell = subprocess.Popen(["/bin/sh", "-c", sys.argv[-1]], cwd=home, env=there,
                         stdout=pipe, stderr=pipe, start_new_session=True)
if plan["lose"]:
    while not (root / "pid").exists():
        time.sleep(0.02)
    os.write(1, os.read(shell.stdout.fileno(), 65536))
    os.write(2, os.read(shell.stderr.fileno(), 65536))
    sys.stderr.write("client_loop: send disconnect: Broken pipe" + chr(10))
    sys.stderr.flush()
    os._exit(255)
sys.exit(shell.wait())
"""

_EDGE_MEF = """
import hashlib, json, os, pathlib, signal, sys, time
root = pathlib.Path({root!r})
plan = json.loads((root / "plan.json").read_text())
if sys.argv[1:] == ["--version"]:
    print(plan["version"])
    sys.exit(plan["version_code"])
folders = [pathlib.Path(word) for word in sys.argv[1:] if word.startswith("./")]
files = {{str(p): hashlib.sha256(p.read_bytes()).hexdigest()
         for folder in folders for p in folder.rglob("*") if p.is_file()}}
(root / "bench.json").write_text(json.dumps(dict(arguments=sys.argv[1:], files=files)))

def finish(code):
    sys.stdout.write(plan["printed"])
    sys.stdout.flush()
    os._exit(code)

(pathlib.Path(os.environ["TMPDIR"]) / ".library").write_text("left by a library")
signal.signal(signal.SIGTERM, signal.SIG_IGN if plan["deaf"] else lambda *_: finish(130))
(root / "pid.part").write_text(str(os.getpid()))
(root / "pid.part").rename(root / "pid")
print(plan["early"], end="", flush=True)
for line in plan["lines"]:
    print(line, file=sys.stderr, flush=True)
time.sleep(plan["seconds"])
finish(plan["code"])
"""

_PLAN: dict[str, Any] = {
    "ssh": None,  # (exit code, what it says) of an ssh that does not connect
    "path": "/usr/bin:/bin",
    "lose": False,
    "version": "edge-mef 0.1.0",
    "version_code": 0,
    "printed": "",
    "early": "",  # before it measures on
    "lines": [],
    "seconds": 0,
    "deaf": False,
    "code": 0,
}


@dataclass(frozen=True)
class Device:
    """The machine's folder: `tmp` is where it has its temporary files."""

    root: Path

    def plan(self, records: Sequence[Record] = (), **changes: Any) -> None:
        """Say what it does when it is asked."""
        printed = "".join(f"{record.model_dump_json()}\n" for record in records)
        plan = _PLAN | {"printed": printed} | changes
        (self.root / "plan.json").write_text(json.dumps(plan))

    @property
    def ssh_arguments(self) -> list[str]:
        """What ssh was called with."""
        found: list[str] = json.loads((self.root / "ssh.json").read_text())
        return found

    @property
    def bench(self) -> Any:
        """The arguments of edge-mef there, and the SHA-256 of the files in its bundles."""
        return json.loads((self.root / "bench.json").read_text())

    def is_measuring(self) -> bool:
        """Say whether edge-mef runs there."""
        try:
            os.kill(int((self.root / "pid").read_text()), 0)
        except (ProcessLookupError, FileNotFoundError):
            return False
        return True

    def is_clean(self, seconds: float = 0.0) -> bool:
        """Say whether nothing is left there, neither files nor edge-mef, after so long at most."""
        end = time.monotonic() + seconds
        while any((self.root / "tmp").iterdir()) or self.is_measuring():
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        return True

    def install(self, path: str, text: str = _EDGE_MEF) -> Path:
        """Put a program there."""
        program = self.root / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!{sys.executable} -IS\n{text.format(root=str(self.root))}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program


def make_device(root: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Make one, with edge-mef on its path, and have our ssh reach it."""
    device = Device(root)
    for folder in ("home", "tmp"):
        (root / folder).mkdir(parents=True)
    device.install("bin/edge-mef")
    ssh = device.install("here/ssh", _SSH)
    monkeypatch.setenv("PATH", f"{ssh.parent}{os.pathsep}{os.environ['PATH']}")
    device.plan()
    return device
