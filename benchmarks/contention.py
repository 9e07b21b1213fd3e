"""Whether other programs took the cores while something was measured.

Linux tells how long each thread was ready to run and had to wait for a core (/proc/PID/schedstat,
Documentation/scheduler/sched-stats.rst), and how much of its time a virtual machine was not given
by its host (steal, proc(5)). A clean run waits for next to nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

_PROC = Path("/proc")
_RUN, _WAIT = 0, 1  # nanoseconds, of schedstat
_STEAL = 7  # of the numbers in the first line of /proc/stat
_GUEST = 8  # it and what follows are part of other numbers
MOST_WAITED, MOST_STOLEN = 0.05, 0.02


class Contention(BaseModel):
    """How much others were in the way.

    Attributes:
        waited: the share of its time that this process was ready and waited for a core, 0 to 1.
        stolen: the share of all cores' time that the host of a virtual machine kept, 0 to 1; None
            where that is not told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    waited: float = Field(ge=0, le=1)
    stolen: float | None = Field(default=None, ge=0, le=1)

    @property
    def disturbed(self) -> bool:
        """Whether it was enough to move a median."""
        return self.waited > MOST_WAITED or (self.stolen or 0.0) > MOST_STOLEN

    @property
    def text(self) -> str:
        """What was in the way, for people."""
        stolen = f", and {self.stolen:.0%} of the cores' time was stolen" if self.stolen else ""
        return f"it waited {self.waited:.0%} of its time for a core{stolen}"


@dataclass(frozen=True)
class _Look:
    """The counters of one moment: nanoseconds of each thread, and ticks."""

    threads: dict[str, tuple[int, int]]
    ticks: tuple[int, ...]


class ContentionWatch:
    """Looks when it is made, and again when it is read."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc
        self._before = _look(proc)

    def read(self) -> Contention | str:
        """Return the contention since it was made, or why there is none."""
        before, now = self._before, _look(self._proc)
        if before is None or now is None:
            return "this system does not tell how long a thread waits for a core"
        run = wait = 0
        for name, (ran, waited) in now.threads.items():
            first = before.threads.get(name, (0, 0))
            run, wait = run + ran - first[_RUN], wait + waited - first[_WAIT]
        if run + wait <= 0:
            return "nothing ran in between"
        return Contention(waited=wait / (run + wait), stolen=_stolen(before.ticks, now.ticks))


def _look(proc: Path) -> _Look | None:
    threads: dict[str, tuple[int, int]] = {}
    try:
        for folder in (proc / "self/task").iterdir():
            try:
                numbers = (folder / "schedstat").read_text().split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # the thread has just ended
            threads[folder.name] = int(numbers[_RUN]), int(numbers[_WAIT])
    except (OSError, ValueError, IndexError):
        return None
    return _Look(threads, _ticks(proc)) if threads else None


def _ticks(proc: Path) -> tuple[int, ...]:
    try:
        first = (proc / "stat").read_text().partition("\n")[0]
        return tuple(map(int, first.split()[1:]))[:_GUEST]
    except (OSError, ValueError):
        return ()


def _stolen(before: tuple[int, ...], now: tuple[int, ...]) -> float | None:
    passed = sum(now) - sum(before)
    if min(len(before), len(now)) <= _STEAL or passed <= 0:
        return None
    return min(1.0, max(0.0, (now[_STEAL] - before[_STEAL]) / passed))
