"""What the tests of --remote share: the other machine, a bundle, a record of it."""

from pathlib import Path

import pytest

from edge_mef.benchmarks.records import Record
from edge_mef.bundle import Bundle, load_bundle
from tests.benchmarks.made_records import made_record
from tests.benchmarks.remote.remote_device import Device, make_device


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    return make_device(tmp_path / "device", monkeypatch)


@pytest.fixture(scope="session")
def ours() -> Bundle:
    return load_bundle("ffmef-edge-2")


@pytest.fixture(scope="session")
def record() -> Record:
    return made_record(subject={"title": "ffmef-edge-2"})
