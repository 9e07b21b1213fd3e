"""One connection by the program `ssh`: send bytes, follow what the other side says, end it."""

import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from edge_mef.closing import Closing
from edge_mef.errors import EdgeMefError, InputError, MissingError

CONNECTION_FAILED = 255  # what ssh leaves with where it is its own fault
_OPTIONS = (
    # Never wait for a password or for somebody who confirms a key.
    *("BatchMode=yes", "ConnectTimeout=10"),
    # A cable that was pulled is noticed after a minute.
    *("ServerAliveInterval=15", "ServerAliveCountMax=4"),
    # A shared connection that stays behind would keep our pipes open.
    *("ControlMaster=no", "ClearAllForwardings=yes", "RemoteCommand=none"),
)
_TICK = 0.2  # seconds

_REASONS: tuple[tuple[str, type[EdgeMefError], str], ...] = (
    (
        "could not resolve hostname",
        InputError,
        "expected a host that ssh finds, found '{host}': check the name, or put it into "
        "~/.ssh/config",
    ),
    (
        "remote host identification has changed",
        InputError,
        "the host key of {host} is another one than ssh remembers: find out why, and only then "
        "forget the old one with ssh-keygen -R",
    ),
    (
        "host key verification failed",
        InputError,
        "ssh does not know the host key of {host} yet: connect once with 'ssh {host}' and confirm "
        "it",
    ),
    (
        "permission denied|too many authentication failures",
        InputError,
        "{host} lets nobody in without a password: give it your key with ssh-copy-id, until "
        "'ssh {host}' asks for nothing",
    ),
    (
        "refused|timed out|no route|unreachable|connection closed|connection reset|is down",
        MissingError,
        "{host} does not answer ({said}): see that it is on, connected, and runs an ssh server",
    ),
    (
        "not recognized as",
        InputError,
        "{host} runs Windows, which cannot be measured from afar: run edge-mef bench on it, and "
        "copy the record",
    ),
)


def check_host(host: str) -> None:
    """Raise `InputError` for what is no host, and for what ssh or a shell could take as more.

    A destination that begins with a dash is an option to ssh, and characters of a shell reach one
    through the ProxyCommand of a configuration.
    """
    parts = re.split("//|@", host)
    if not host:
        problem = "nothing"
    elif not host.isprintable() or re.search(r"[\s'\"`$\\;&|<>(){}*?!#]", host):
        problem = "characters that no host has"
    elif not all(parts[1:] if "://" in host else parts) or any(p.startswith("-") for p in parts):
        problem = "an empty name, or one that begins with a dash"
    elif (port := re.fullmatch(r"ssh://.*:(\d+)", host)) and not 0 < int(port[1][:6]) < 65536:
        problem = "a port that there is not"
    elif "://" not in host and re.fullmatch(r"[^:]+:\d+", host):
        raise InputError(f"'{host}' has a port: write ssh://{host}")
    elif "://" in host and not host.startswith("ssh://"):
        problem = "another protocol"
    else:
        return
    raise InputError(
        f"expected user@host, ssh://user@host:port or a name of ~/.ssh/config, found {problem} in "
        f"{host!r}"
    )


def connection_error(host: str, said: Sequence[str]) -> EdgeMefError:
    """Return the error for a connection that did not come about, by what ssh said."""
    words = [line.strip() for line in said if line.strip()]
    last = words[-1] if words else "ssh said nothing"
    for pattern, kind, sentence in _REASONS:
        if re.search(pattern, "\n".join(words), re.IGNORECASE):
            return kind(sentence.format(host=host, said=last))
    return InputError(
        f"expected a shell of Linux or macOS on {host}, found none ({last}): see what 'ssh {host}' "
        "does"
    )


class Session(Closing):
    """A command on another machine. Use it as a context manager: leaving ends it.

    Args:
        upload: is written to its stdin, which stays open until `stop`.
    """

    def __init__(self, host: str, command: str, upload: bytes) -> None:
        self._process = _start(host, command)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._printed = bytearray()
        self._sender = threading.Thread(target=self._send, args=(upload,), daemon=True)
        self._readers = [
            threading.Thread(target=work, daemon=True)
            for work in (self._read_lines, self._read_output)
        ]
        for thread in (self._sender, *self._readers):
            thread.start()

    @property
    def printed(self) -> str:
        """What it has printed on stdout."""
        return self._printed.decode("utf-8", errors="replace")

    @property
    def code(self) -> int | None:
        """What ssh left with: the exit code there, or 255; None where it still runs."""
        return self._process.poll()

    def lines(self, seconds: float | None = None) -> Iterator[str]:
        """Yield what it says on stderr until it has ended, or for so long; no control characters.

        A process that something there left behind may keep stderr open, so it is not waited for.
        """
        end = None if seconds is None else time.monotonic() + seconds
        ended = False
        while end is None or time.monotonic() < end:
            if not ended and self.code is not None:
                ended = True
                self._finish()
            try:
                # Not without a limit: Windows would not notice Ctrl-C.
                yield self._lines.get(timeout=0.0 if ended else _TICK)
            except queue.Empty:
                if ended:
                    return

    def stop(self) -> None:
        """End its stdin, once all is sent."""
        assert self._process.stdin is not None
        self._sender.join()
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def close(self) -> None:
        """End it, at once where it still runs; calling it again does nothing."""
        if self.code is None:
            _kill(self._process)
        self._process.wait()
        self.stop()

    def _finish(self) -> None:
        """Take in the rest; what something there keeps open is left to its thread."""
        self.stop()
        for thread in self._readers:
            thread.join(timeout=1.0)

    def _send(self, upload: bytes) -> None:
        assert self._process.stdin is not None
        # Where the other side has ended, its last words say why.
        with contextlib.suppress(OSError):
            self._process.stdin.write(upload)
            self._process.stdin.flush()

    def _read_lines(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            for line in pipe:
                text = line.decode("utf-8", errors="replace").rstrip().replace("\t", " ")
                self._lines.put("".join(c for c in text if c.isprintable()))

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            for block in iter(lambda: os.read(pipe.fileno(), 65536), b""):
                self._printed += block


def _start(host: str, command: str) -> "subprocess.Popen[bytes]":
    program = shutil.which("ssh")
    if program is None:
        raise MissingError(
            f"measuring on {host} needs the program 'ssh', which is not on the path: install "
            "OpenSSH's client (apt install openssh-client)"
        )
    options = [word for option in _OPTIONS for word in ("-o", option)]
    windows = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    return subprocess.Popen(
        [program, "-T", *options, "--", host, command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Ctrl-C is for us: ssh must live on to bring what was measured.
        start_new_session=sys.platform != "win32",
        creationflags=windows,
    )


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if sys.platform == "win32":
        process.kill()
        return
    # The group, as a ProxyCommand belongs to it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
