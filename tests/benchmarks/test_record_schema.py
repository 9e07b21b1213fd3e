"""The schema in the docs is that of the code."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge_mef.benchmarks.records import PHASES, record_schema
from tests.benchmarks.made_records import made_record

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "record.schema.json"


@pytest.fixture
def stated() -> dict[str, Any]:
    if not SCHEMA.is_file():
        pytest.skip("the docs are not beside these tests")
    found: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return found


def names(schema: dict[str, Any]) -> dict[str, set[str]]:
    """Return the properties of all parts: these are the same by every version of pydantic."""
    return {name: set(part.get("properties", {})) for name, part in schema["$defs"].items()}


def test_the_docs_have_the_schema_of_the_code(stated: dict[str, Any]) -> None:
    current = json.loads(record_schema())
    assert names(stated) == names(current)
    assert stated["properties"].keys() == current["properties"].keys()
    if stated["$comment"] == current["$comment"]:
        assert stated == current


def test_a_record_has_the_properties_of_the_schema(stated: dict[str, Any]) -> None:
    record = made_record().model_dump(mode="json")
    assert record.keys() == stated["properties"].keys()
    assert set(stated["required"]) <= record.keys()
    assert stated["additionalProperties"] is False
    assert stated["properties"]["schema_version"]["const"] == 1
    assert set(stated["properties"]["series"]["propertyNames"]["enum"]) == set(PHASES)
