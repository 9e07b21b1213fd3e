"""What is closed at the end of a `with` block."""

from abc import ABC, abstractmethod
from types import TracebackType

from typing_extensions import Self


class Closing(ABC):
    """Something that `close` releases; the end of a `with` block calls it, however it comes."""

    @abstractmethod
    def close(self) -> None:
        """Release it; calling it again does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
