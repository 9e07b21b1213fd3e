import os
import signal
import threading
from collections.abc import Iterator

import pytest

from edge_mef.interruption import Interruption

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@pytest.fixture(autouse=True)
def as_in_the_foreground() -> Iterator[None]:
    """What runs in the background may begin with signals that are ignored."""
    before = {name: signal.getsignal(getattr(signal, name)) for name in SIGNALS}
    for name in SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    yield
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_interrupts(name: str) -> None:
    with Interruption(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), getattr(signal, name))


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_waits_until_a_record_is_written(name: str) -> None:
    done = []

    def write(interruption: Interruption) -> None:
        with interruption.held_off():
            os.kill(os.getpid(), getattr(signal, name))
            done.append("written")
        done.append("never")

    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        write(interruption)
    assert done == ["written"]


def test_nested_writes_are_interrupted_after_the_outer_one() -> None:
    done = []

    def write(interruption: Interruption) -> None:
        with interruption.held_off():
            with interruption.held_off():
                os.kill(os.getpid(), signal.SIGINT)
            done.append("outer")

    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        write(interruption)
    assert done == ["outer"]


def test_handlers_come_back() -> None:
    before = [signal.getsignal(getattr(signal, name)) for name in SIGNALS]
    with Interruption():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(getattr(signal, name)) for name in SIGNALS] == before


def test_a_program_under_nohup_stays() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_change_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with Interruption():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
