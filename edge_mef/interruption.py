"""Being told to stop: at once while it works, and after the write while it writes."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# A closed connection and a system that shuts down want what was done to be kept, too.
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interruption:
    """Turns signals into KeyboardInterrupt, but not while they are held off.

    Use it as a context manager in the main thread; in others it changes nothing.
    """

    def __init__(self) -> None:
        self._holding = 0
        self._came = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *unused: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = {}

    @contextmanager
    def held_off(self) -> Iterator[None]:
        """Finish what is inside; a signal that came meanwhile interrupts after it."""
        self._holding += 1
        try:
            yield
        finally:
            self._holding -= 1
        if self._came and not self._holding:
            self._came = False
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._holding:
            self._came = True
            return
        raise KeyboardInterrupt
