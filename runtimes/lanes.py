"""Lanes: what runs side by side, each for one thread at a time."""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, Protocol, TypeVar

from edge_mef.errors import BundleError, EdgeMefError


class _Lane(Protocol):
    def close(self) -> None: ...


LaneType = TypeVar("LaneType", bound=_Lane)


class Lanes(Generic[LaneType]):
    """At most so many lanes; a further thread waits until one is free.

    A thread gets the lane that it had before where that is free, since its memory fits. Where no
    further lane can be made, those that are there are shared; `why_fewer` then says why.
    """

    def __init__(self, make: Callable[[], LaneType], most: int) -> None:
        self._make, self._most = make, most
        self._changed = threading.Condition()
        self._free: list[LaneType] = [make()]
        self._made = 1
        self._closed = False
        self._last = threading.local()
        self.why_fewer: str | None = None

    @property
    def made(self) -> int:
        """How many there are."""
        return self._made

    @contextmanager
    def lane(self) -> Iterator[LaneType]:
        """Take a lane for the block.

        Raises:
            BundleError: they were closed.
        """
        lane = self._take()
        try:
            yield lane
        finally:
            self._last.lane = weakref.ref(lane)  # a thread must not keep what was closed
            with self._changed:
                self._free.append(lane)
                self._changed.notify_all()

    def close(self, active: Callable[[], AbstractContextManager[None]]) -> bool:
        """Close all lanes when nobody uses them any more; False where they were closed before.

        They are closed inside of `active`.
        """
        with self._changed:
            if self._closed:
                return False
            self._closed = True
            self._changed.notify_all()
            while len(self._free) < self._made:
                self._changed.wait()
            with active():
                for lane in self._free:
                    lane.close()
            self._free, self._made = [], 0
        return True

    def _take(self) -> LaneType:
        with self._changed:
            while True:
                if self._closed:
                    raise BundleError("this runtime was closed: open the bundle again")
                if not self._free and self._made < self._most:
                    self._add()
                if self._free:
                    return self._pick()
                self._changed.wait()

    def _add(self) -> None:
        try:
            self._free.append(self._make())
        except EdgeMefError as error:
            self._most, self.why_fewer = self._made, str(error)
        else:
            self._made += 1

    def _pick(self) -> LaneType:
        last: LaneType | None = getattr(self._last, "lane", lambda: None)()
        if last is None or last not in self._free:
            return self._free.pop()
        self._free.remove(last)
        return last
