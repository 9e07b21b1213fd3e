"""Times of layers from the profiles that sessions of ONNX Runtime write."""

import json
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort

from edge_mef.errors import OutputError
from edge_mef.runtimes.profile import Layer, LayerTotals

# ONNX Runtime keeps them in memory, and drops what comes after a million without an error.
_MOST_EVENTS = 100_000
_SUFFIX = "_kernel_time"
OpenProfiled = Callable[[Path], ort.InferenceSession]


class ProfiledSession:
    """A session that notes the times of its layers.

    Reading them ends a profile, so the session is opened anew at its next call. Any thread may
    call `run`; `read` and `trim` only while none does.
    """

    def __init__(self, opened: OpenProfiled, file: Path, prefix: str, totals: LayerTotals) -> None:
        self._open, self._file, self._prefix, self._totals = opened, file, prefix, totals
        self._lock = threading.Lock()
        self._calls, self._per_call = 0, 1000
        self._session: ort.InferenceSession | None = opened(file)
        self._providers: list[str] = self._session.get_providers()

    def run(self, names: Sequence[str] | None, feeds: Mapping[str, Any]) -> Any:
        """Run the session."""
        with self._lock:
            if self._session is None:
                self._session = self._open(self._file)
            self._calls += 1
            session = self._session
        return session.run(names, feeds)

    def get_providers(self) -> list[str]:
        """Return the execution providers, as a session does."""
        return self._providers

    def trim(self) -> None:
        """Read what was noted if it is getting too much."""
        if self._calls * self._per_call > _MOST_EVENTS:
            self.read()

    def read(self) -> None:
        """Add up what was noted since the last time."""
        path, calls = self.end(), max(1, self._calls)
        self._calls = 0
        if path is None:
            return
        layers = _read(path, self._prefix)
        self._per_call = max(1, len(layers) // calls)
        self._totals.add(layers)
        path.unlink(missing_ok=True)

    def end(self) -> Path | None:
        """End the session, and return the file of its profile; None where it is ended."""
        session, self._session = self._session, None
        return None if session is None else Path(session.end_profiling())


class OrtProfile:
    """The profiles of all sessions of a runtime, in a folder that goes away with `close`."""

    def __init__(self, totals: LayerTotals) -> None:
        self._totals, self._sessions = totals, list[ProfiledSession]()
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="edge-mef-profile-")
        except OSError as error:
            raise OutputError(f"no folder for the profile can be made: {error}") from error

    def open(self, opened: OpenProfiled, prefix: str) -> ProfiledSession:
        """Open a session, the names of whose layers get a prefix."""
        file = Path(self._folder.name) / f"session-{len(self._sessions)}"
        self._sessions.append(ProfiledSession(opened, file, prefix, self._totals))
        return self._sessions[-1]

    def trim(self) -> None:
        """Keep what was noted within bounds."""
        for session in self._sessions:
            session.trim()

    def read(self) -> None:
        """Add up what all sessions noted.

        Raises:
            OutputError: they could not write it.
        """
        for session in self._sessions:
            session.read()

    def close(self) -> None:
        """End the sessions and remove their files."""
        for session in self._sessions:
            session.end()
        self._sessions.clear()
        self._folder.cleanup()


def _read(path: Path, prefix: str) -> list[Layer]:
    """Return the calls of layers in a profile; other events are of sessions as a whole."""
    try:
        events = json.loads(path.read_bytes())
        nodes = [e for e in events if e["cat"] == "Node" and e["name"].endswith(_SUFFIX)]
        return [
            (prefix + (e["name"].removesuffix(_SUFFIX) or kind), kind, e["dur"] / 1e3)
            for e, kind in ((e, e["args"]["op_name"]) for e in nodes)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"the profile of ONNX Runtime could not be written to {path.parent}: free some space "
            "there, or set TMPDIR to another folder"
        ) from error
