"""Measure on another machine over ssh: copy the bundles there, run edge-mef bench, bring records.

The other machine needs Linux or macOS, `sh`, `tar`, and edge-mef. Nothing of what is copied stays.
"""

import io
import json
import os
import re
import secrets
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_mef.benchmarks.record_files import decode_record
from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.remote_script import remote_script
from edge_mef.benchmarks.remote_session import (
    CONNECTION_FAILED,
    Session,
    check_host,
    connection_error,
)
from edge_mef.bundle import MANIFEST, Bundle
from edge_mef.errors import BundleError, EdgeMefError, GateError, InputError, MissingError
from edge_mef.methods import free_name
from edge_mef.version import __version__

INTERRUPTED = 130
GRACE = 10.0  # seconds that an interrupted measurement has to hand over its records
_ERROR = "error: "
_TIME = 315_532_800  # 1980-01-01: tar complains about 1970
_ABSENT = r"not found|No such file|No module named '?edge_mef|can't open"
_KINDS: dict[int, type[EdgeMefError]] = {1: GateError, 2: InputError, 3: MissingError}


@dataclass(frozen=True)
class RemoteResult:
    """What came back: the records, the exit code there (130 where interrupted), and sentences."""

    records: tuple[Record, ...]
    exit_code: int
    notes: tuple[str, ...]


def bench_remote(
    host: str,
    bundles: Sequence[Bundle],
    arguments: Sequence[str],
    *,
    on_line: Callable[[str], None] | None = None,
    python: str | None = None,
) -> RemoteResult:
    """Run `edge-mef bench` for bundles on another machine.

    Ctrl-C ends it there too, and returns what was measured until then; a second one returns
    nothing. Whatever happens, the copies there are removed.

    Args:
        host: user@host, ssh://user@host:port, or a name of ~/.ssh/config.
        arguments: for `edge-mef bench` there, besides the bundles; names of files are that
            machine's.
        on_line: gets every line that edge-mef says there on stderr, but for its errors.
        python: the Python there whose edge_mef runs, such as ~/venv/bin/python; without it the
            edge-mef on the path, in ~/.local/bin, or of python3.

    Raises:
        InputError: no such host, it lets us not in, its disk is full, or what it printed is no
            record that this version reads.
        MissingError: no ssh here, no edge-mef there, or the connection fails.
        BundleError: a bundle's file cannot be read.
        EdgeMefError: what edge-mef says there, with its exit code, where there is no record.
    """
    check_host(host)
    names = remote_names(bundles)
    archive = pack_bundles(bundles, names)
    mark = f"edge-mef-{secrets.token_hex(8)}"
    script = remote_script(names, arguments, mark=mark, size=len(archive), python=python)
    talk = _Talk(host, mark, on_line)
    with Session(host, script, archive) as session:
        talk.follow(session)
        steps = _steps(session.printed, mark)
        if not talk.begun or "system" not in steps:
            raise connection_error(host, talk.said)
        return _result(host, steps, talk, session.code, len(archive))


def remote_names(bundles: Sequence[Bundle]) -> list[str]:
    """Return each bundle's folder there: the end of its path here, so that titles are the same."""
    names: list[str] = []
    for bundle in bundles:
        # Without "..", which tar refuses, and with links as they are called.
        path = Path(os.path.abspath(bundle.folder))  # noqa: PTH100
        names.append(free_name(path, names))
    return names


def pack_bundles(bundles: Sequence[Bundle], names: Sequence[str]) -> bytes:
    """Return the tar archive of the bundles' own files, without owners, times and links."""
    stream = io.BytesIO()
    # Not pax: BusyBox skips its headers, and long names with them.
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for bundle, name in zip(bundles, names, strict=True):
            for file in (MANIFEST, *bundle.manifest.files):
                data = _read(bundle.folder / file)
                entry = tarfile.TarInfo(f"./{name}/{file}")
                entry.size, entry.mtime, entry.mode = len(data), _TIME, 0o600
                archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"the bundle's file {path} cannot be read: {error.strerror or error}"
        ) from error


class _Talk:
    """Sorts what comes on stderr: the words of ssh, progress for people, and errors."""

    def __init__(self, host: str, mark: str, on_line: Callable[[str], None] | None) -> None:
        self.host, self._mark, self._on_line = host, mark, on_line
        self.said: list[str] = []
        self.errors: list[str] = []
        self.begun = self.running = self.interrupted = False

    def follow(self, session: Session) -> None:
        """Listen until the end; Ctrl-C while it measures asks for what there is."""
        try:
            for line in session.lines():
                self._hear(line)
        except KeyboardInterrupt:
            if not self.running:
                raise
            self.interrupted = True
            session.stop()
            for line in session.lines(GRACE):
                self._hear(line)

    def _hear(self, line: str) -> None:
        if line.startswith(self._mark):
            self.begun, self.running = True, line.endswith("running")
        elif not self.begun:
            self.said.append(line)
        elif line.startswith(_ERROR):
            self.errors.append(line.removeprefix(_ERROR))
        elif self._on_line is not None:
            self._on_line(line)


def _steps(printed: str, mark: str) -> dict[str, str]:
    """Return the steps by name with what was printed after them; what a login prints is not."""
    parts = re.split(rf"^{mark} (\w+)", printed, flags=re.MULTILINE)[1:]
    steps: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        steps[name] = "\n".join(filter(None, (steps.get(name, ""), text.strip())))
    return steps


def _result(
    host: str, steps: dict[str, str], talk: _Talk, code: int | None, size: int
) -> RemoteResult:
    _check_system(host, steps)
    notes = _version_notes(host, steps)
    if "uncopied" in steps:
        raise _copy_error(host, steps["uncopied"], size)
    if talk.interrupted:
        return _interrupted(host, steps, notes)
    if "exit" not in steps:
        lost = _lost(host, code, measuring="running" in steps)
        records = _decode(host, steps.get("running", ""), notes, cut=True)
        if not records:
            raise lost
        return RemoteResult(records, lost.exit_code, (*notes, str(lost)))
    left = int(steps["exit"])
    if left and not steps["running"].strip():
        raise _bench_error(host, left, talk.errors, notes)
    records = _decode(host, steps["running"], notes)
    return RemoteResult(records, left, (*notes, *(f"{host}: {error}" for error in talk.errors)))


def _check_system(host: str, steps: dict[str, str]) -> None:
    if re.match("MINGW|MSYS|CYGWIN|Windows", steps["system"]):
        raise connection_error(host, ["not recognized as a system"])
    if "missing" in steps:
        tried = steps.get("tried", "").splitlines()
        broken = [line.strip() for line in tried if not re.search(_ABSENT, line) and line.strip()]
        found = f"one that does not start ({broken[-1]})" if broken else "none"
        raise MissingError(
            f"expected edge-mef on {host}, found {found}: run pip install edge-mef there, or name "
            "the Python that has it"
        )


def _version_notes(host: str, steps: dict[str, str]) -> tuple[str, ...]:
    found = re.search(r"edge-mef (\d+\.\d+)(\S*)", steps.get("version", ""))
    if found is None or found[1] == ".".join(__version__.split(".")[:2]):
        return ()
    return (f"{host} runs edge-mef {found[1]}{found[2]}, and this machine {__version__}",)


def _copy_error(host: str, said: str, size: int) -> InputError:
    last = said.strip().splitlines()[-1] if said.strip() else "tar said nothing"
    if re.search("No space left|quota exceeded", said, re.IGNORECASE):
        return InputError(
            f"the disk of {host} is full ({size} bytes are needed in its temporary folder): make "
            "room there and run it again"
        )
    return InputError(
        f"the bundles could not be copied to {host} ({last}): see that its temporary folder can "
        "be written and that it has tar"
    )


def _lost(host: str, code: int | None, *, measuring: bool) -> MissingError:
    """The script tells its end, so without that the connection, or the shell there, was ended."""
    when = "while it measured" if measuring else "before it measured"
    if code is None or code < 0 or code == CONNECTION_FAILED:
        what = f"the connection to {host} was lost {when}"
    else:
        what = f"the shell on {host} was ended {when}"
    return MissingError(f"{what}, and what had not come back by then is lost: run it again")


def _bench_error(host: str, code: int, errors: Sequence[str], notes: Sequence[str]) -> EdgeMefError:
    signal_text = ", by signal 9: most likely its memory was not enough" if code == 137 else ""
    sentence = errors[-1] if errors else f"edge-mef bench left with {code}{signal_text}"
    more = f" ({'; '.join(notes)})" if notes else ""
    return _KINDS.get(code, InputError)(f"{host}: {sentence}{more}")


def _interrupted(host: str, steps: dict[str, str], notes: tuple[str, ...]) -> RemoteResult:
    records = _decode(host, steps.get("running", ""), (), cut=True)
    if "exit" not in steps:
        notes = (*notes, f"{host} did not end within {GRACE:g} s, and was left to end by itself")
    return RemoteResult(records, INTERRUPTED, (*notes, f"{host} was interrupted"))


def _decode(host: str, text: str, notes: Sequence[str], *, cut: bool = False) -> tuple[Record, ...]:
    """Read a record from each line; with `cut` the last one may have been cut off, and is lost."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if cut and lines and not _is_json(lines[-1]):
        lines.pop()
    for line in lines if lines or cut else [""]:
        if not _is_json(line):
            more = f"; {notes[0]}" if notes else ""
            raise InputError(
                f"expected records from {host}, found something else ({line[:60]!r}{more}): "
                "install the same version of edge-mef on both machines"
            )
    return tuple(
        decode_record(line.encode(), f"record {number} of {host}")
        for number, line in enumerate(lines, start=1)
    )


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
