"""Records as files: one as .json, a history as .jsonl with a line for each, or a folder of both."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_mef.benchmarks.file_lock import locked
from edge_mef.benchmarks.records import DOCUMENT, SCHEMA_VERSION, Record, content_digest
from edge_mef.errors import InputError, OutputError
from edge_mef.saving import check_output, write_atomically

_SHOWN = 12  # digits of an id that people are shown; Git shows 7


@dataclass(frozen=True)
class RecordSet:
    """What was read: records in the order of the files and lines, and what had to be left out."""

    records: tuple[Record, ...]
    notes: tuple[str, ...]


def write_record(path: Path | str, record: Record) -> None:
    """Write one record as .json, whole or not at all; a file that is there is replaced.

    Raises:
        OutputError: another ending, or the file cannot be written.
    """
    path = Path(path)
    check_output(path, endings=(".json",))
    write_atomically(path, (json.dumps(record.model_dump(mode="json"), indent=2) + "\n").encode())


def append_history(path: Path | str, record: Record) -> None:
    """Append a record as a line to a history (.jsonl), which is made where it is missing.

    Lines of several processes follow one another. What a crash has cut off in mid-line stays, and
    the record starts a line of its own. When this returns, the line is on the disk; when it raises,
    the file is as before.

    Raises:
        OutputError: another ending, the file cannot be written, or others hold it for too long.
    """
    path = Path(path)
    check_output(path, endings=(".jsonl",))
    line = json.dumps(record.model_dump(mode="json"), separators=(",", ":")).encode() + b"\n"
    try:
        with path.open("a+b", buffering=0) as stream, locked(stream, path):
            end = stream.seek(0, os.SEEK_END)
            _append(stream.fileno(), end, line if _ends_a_line(stream, end) else b"\n" + line)
    except OSError as error:
        raise OutputError(f"cannot append to '{path}': {error.strerror or error}") from error


def read_records(path: Path | str) -> RecordSet:
    """Read a .json record, a .jsonl history, or every such file of a folder (not of its folders).

    Lines of a history that a crash has cut off are left out, and a note says so.

    Raises:
        InputError: there is nothing, or something that is no record, was changed after it was
            written, or comes from a newer EdgeMEF.
    """
    path = Path(path)
    if not path.is_dir():
        return _read_file(path)
    sets = [_read_file(file) for file in record_paths(path)]
    if not sets:
        raise InputError(f"expected .json or .jsonl files in '{path}', found none")
    records = tuple(record for one in sets for record in one.records)
    return RecordSet(records, tuple(note for one in sets for note in one.notes))


def record_paths(folder: Path) -> list[Path]:
    """Return the files of a folder that hold records, in the order in which they are read."""
    return sorted(p for p in folder.iterdir() if p.suffix in (".json", ".jsonl") and p.is_file())


def read_record(path: Path | str) -> tuple[Record, tuple[str, ...]]:
    """Read the only record of a file, or of FILE@ID the one whose id begins so; with the notes.

    Raises:
        InputError: as `read_records`, or not exactly one such record.
    """
    file, at, start = str(path).rpartition("@")
    if Path(path).exists() or not at:
        file, start = str(path), ""
    found = read_records(file)
    unique = {record.id: record for record in found.records if record.id.startswith(start)}
    if len(unique) != 1:
        ids = ", ".join(f"{r.id[:_SHOWN]} ({r.subject.title}, {r.date})" for r in found.records[:8])
        more = f" and {len(found.records) - 8} more" if len(found.records) > 8 else ""
        raise InputError(
            f"expected one record in '{path}', found {len(unique)}: choose one as {file}@ID, of "
            f"{ids}{more}"
        )
    return next(iter(unique.values())), found.notes


def decode_record(data: bytes, where: str) -> Record:
    """Read the JSON of one record; `where` names it in messages.

    Raises:
        InputError: it is damaged, no record, changed since it was written, or of a newer schema.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is damaged: expected the JSON of a record, {error}") from error
    return _validate(document, where)


def _read_file(path: Path) -> RecordSet:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror or error}") from error
    if path.suffix != ".jsonl":
        return RecordSet((decode_record(data, f"'{path}'"),), ())
    return _read_history(data, path)


def _read_history(data: bytes, path: Path) -> RecordSet:
    records: list[Record] = []
    notes: list[str] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        where = f"line {number} of '{path}'"
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            notes.append(f"{where} was cut off while it was written, and is left out")
            continue
        records.append(_validate(document, where))
    if not records:
        raise InputError(f"expected records in '{path}', found no whole line: measure again")
    return RecordSet(tuple(records), tuple(notes))


def _validate(document: Any, where: str) -> Record:
    marked = isinstance(document, dict) and document.get("document") == DOCUMENT
    version = document.get("schema_version") if marked else None
    if not isinstance(version, int):
        raise InputError(f"{where} is no record of EdgeMEF: expected one that it has measured")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{where} was written by a newer EdgeMEF (schema {version}; this one reads up to "
            f"{SCHEMA_VERSION}): upgrade with pip install -U edge-mef"
        )
    if document.get("id") != content_digest(document):
        raise InputError(
            f"{where} was changed or damaged after it was measured (its id differs): measure again"
        )
    try:
        # As JSON: what is a tuple here is a list there.
        return Record.model_validate_json(json.dumps(document))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the record"
        raise InputError(f"{where} is not valid: {place}: {first['msg']}") from error


def _ends_a_line(stream: Any, end: int) -> bool:
    if not end:
        return True
    stream.seek(end - 1)
    return bool(stream.read(1) == b"\n")


def _append(file: int, end: int, data: bytes) -> None:
    """Write all of it, or leave the file as long as it was."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            os.ftruncate(file, end)
        raise
