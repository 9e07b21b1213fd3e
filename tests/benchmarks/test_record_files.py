"""Records as files: whole or not at all, never changed, and histories that survive a crash."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edge_mef.benchmarks import file_lock
from edge_mef.benchmarks.record_files import (
    RecordSet,
    append_history,
    decode_record,
    read_record,
    read_records,
    write_record,
)
from edge_mef.benchmarks.records import Record, content_digest
from edge_mef.errors import InputError, OutputError
from tests.benchmarks.made_records import made_record
from tests.conftest import python_environment


def numbered(number: int) -> Record:
    return made_record([1.0 + number, 2.0], notes=[str(number)])


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "runs.jsonl"
    for number in range(3):
        append_history(path, numbered(number))
    return path


def sign(document: dict[str, Any]) -> bytes:
    return json.dumps(document | {"id": content_digest(document)}).encode()


def test_a_file_comes_back(tmp_path: Path) -> None:
    record = made_record()
    write_record(tmp_path / "a.json", record)
    assert read_records(tmp_path / "a.json") == RecordSet((record,), ())
    assert read_record(tmp_path / "a.json") == (record, ())
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_history_keeps_the_order(history: Path) -> None:
    assert read_records(history).records == tuple(map(numbered, range(3)))
    assert history.read_bytes().count(b"\n") == 3


def test_a_folder_holds_both_forms(history: Path) -> None:
    write_record(history.with_name("a.json"), numbered(7))
    history.with_name("notes.txt").write_text("ignored", encoding="utf-8")
    (history.parent / "deeper.json").mkdir()
    found = read_records(history.parent)
    assert [record.notes[0] for record in found.records] == ["7", "0", "1", "2"]


def test_a_line_that_was_cut_off_is_left_out_and_said(history: Path) -> None:
    whole = history.read_bytes()
    history.write_bytes(whole[:-100])
    found = read_records(history)
    assert [record.notes[0] for record in found.records] == ["0", "1"]
    assert found.notes == (
        f"line 3 of '{history}' was cut off while it was written, and is left out",
    )
    append_history(history, numbered(3))
    found = read_records(history)
    assert [record.notes[0] for record in found.records] == ["0", "1", "3"]
    assert len(found.notes) == 1


@pytest.mark.parametrize("length", [1, 100, 1000])
def test_any_cut_loses_only_the_last_line(history: Path, length: int) -> None:
    """Cutting only the line's end leaves it whole: then nothing is lost at all."""
    history.write_bytes(history.read_bytes()[:-length])
    append_history(history, numbered(3))
    lost = length > 1
    assert len(read_records(history).records) == 4 - lost
    assert len(read_records(history).notes) == lost


def test_a_file_system_may_fill_a_cut_line_with_zeros(history: Path) -> None:
    with history.open("ab") as stream:
        stream.write(b"\0" * 512)
    append_history(history, numbered(3))
    found = read_records(history)
    assert (len(found.records), len(found.notes)) == (4, 1)


def test_a_full_disk_leaves_the_history_as_it_was(
    history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, write = history.read_bytes(), os.write

    def fill(file: int, data: memoryview) -> int:
        monkeypatch.setattr(os, "write", fail)
        return write(file, data[:50])

    def fail(file: int, data: memoryview) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(OutputError, match=r"cannot append to .*No space left"):
        append_history(history, numbered(3))
    assert history.read_bytes() == before


WRITER = """
import sys
from edge_mef.benchmarks.record_files import append_history, read_record
record = read_record(sys.argv[2])[0]
for _ in range(20):
    append_history(sys.argv[1], record)
"""


def test_processes_that_append_at_the_same_time(tmp_path: Path) -> None:
    history, processes = tmp_path / "runs.jsonl", []
    for number in range(3):
        write_record(tmp_path / f"{number}.json", numbered(number))
        words = [sys.executable, "-c", WRITER, str(history), str(tmp_path / f"{number}.json")]
        processes.append(subprocess.Popen(words, env=python_environment()))
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    found = read_records(history)
    assert found.notes == ()
    assert sorted(record.notes[0] for record in found.records) == sorted("012" * 20)


def test_others_that_hold_the_file_too_long(history: Path) -> None:
    with history.open("ab") as other, file_lock.locked(other, history):
        started = time.monotonic()
        with (
            history.open("ab") as mine,
            pytest.raises(OutputError, match="another program"),
            file_lock.locked(mine, history, patience=0.1),
        ):
            pass
        assert time.monotonic() - started < 5
    append_history(history, numbered(3))


def test_one_of_a_history_by_its_id(history: Path) -> None:
    wanted = numbered(1)
    found, _ = read_record(f"{history}@{wanted.id[:8]}")
    assert found == wanted
    with pytest.raises(InputError, match=r"expected one record in .* found 3: choose one as"):
        read_record(history)
    with pytest.raises(InputError, match="found 0"):
        read_record(f"{history}@xyz")
    same = history.with_name("same.jsonl")
    for _ in range(2):
        append_history(same, wanted)
    assert read_record(same)[0] == wanted


def test_a_name_with_the_sign_in_it(tmp_path: Path) -> None:
    write_record(tmp_path / "a@b.json", numbered(0))
    assert read_record(tmp_path / "a@b.json")[0] == numbered(0)


def test_a_record_that_was_changed_by_hand(tmp_path: Path, history: Path) -> None:
    write_record(tmp_path / "a.json", made_record())
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    (tmp_path / "a.json").write_text(text.replace('"threads": 2', '"threads": 1'), "utf-8")
    with pytest.raises(InputError, match=r"a.json' was changed .*\(its id differs\)"):
        read_records(tmp_path / "a.json")
    history.write_bytes(history.read_bytes().replace(b'"threads":2', b'"threads":1', 1))
    with pytest.raises(InputError, match=r"line 1 of .* was changed"):
        read_records(history)


DOCUMENT = made_record().model_dump(mode="json")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "x is damaged: expected the JSON of a record"),
        (json.dumps(DOCUMENT).encode()[:-9], "x is damaged"),
        (b"\xff\xfe", "x is damaged"),
        (b"[" * 100_000, "x is damaged"),
        (b"[]", "x is no record of EdgeMEF"),
        (b"null", "x is no record of EdgeMEF"),
        (b'{"schema_version": 1}', "x is no record of EdgeMEF"),
        (sign(DOCUMENT | {"schema_version": "1"}), "x is no record of EdgeMEF"),
        (sign(DOCUMENT | {"schema_version": 2}), "written by a newer EdgeMEF .schema 2"),
        (sign(DOCUMENT | {"more": 1}), "x is not valid: more: "),
        (sign(DOCUMENT | {"date": "yesterday"}), "x is not valid: date: "),
        (sign(DOCUMENT | {"series": {}}), "x is not valid: the record: .*end_to_end is missing"),
        (sign(DOCUMENT | {"schema_version": 0}), "x is not valid: schema_version: "),
        (sign(DOCUMENT | {"notes": [float("nan")]}), "x is not valid: notes.0: "),
    ],
)
def test_what_is_no_record_is_refused_in_one_sentence(data: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as refused:
        decode_record(data, "x")
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_records(tmp_path / "none.json")
    with pytest.raises(InputError, match=r"expected .json or .jsonl files"):
        read_records(tmp_path)
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    with pytest.raises(InputError, match="no whole line"):
        read_records(tmp_path)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"choose \.json$"):
        write_record(tmp_path / "a.jsonl", made_record())
    with pytest.raises(OutputError, match=r"choose \.jsonl$"):
        append_history(tmp_path / "a.json", made_record())
    with pytest.raises(OutputError, match="no folder"):
        append_history(tmp_path / "none" / "a.jsonl", made_record())
