"""The saved record of a calibration set."""

from pathlib import Path

import pytest

from edge_mef.calibration.records import CalibrationRecord
from edge_mef.calibration.sets import open_calibration_set
from edge_mef.errors import InputError


def test_a_record_comes_back_as_it_was(folder: Path) -> None:
    record = open_calibration_set(folder, count=5).record()
    data = record.to_json()
    assert CalibrationRecord.from_json(data) == record
    assert CalibrationRecord.from_json(data.decode()) == record
    assert len(data) < 8000
    assert [scene.size for scene in record.scenes] == [(48, 64)] * 5


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the document is wrong"),
        (b"[]", "the document is wrong"),
        (b"{}", "source is wrong"),
        (b"\xff", "the document is wrong"),
    ],
)
def test_another_document_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        CalibrationRecord.from_json(data, "it.json")
    assert "in it.json" in str(caught.value)


def test_a_changed_record_is_refused(folder: Path) -> None:
    data = open_calibration_set(folder, count=5).record().to_json()
    with pytest.raises(InputError, match="digest is wrong"):
        CalibrationRecord.from_json(data.replace(b'"digest": "', b'"digest": "x', 1))
