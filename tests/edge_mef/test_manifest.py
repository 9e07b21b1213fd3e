"""The manifest: what is written is read back, and whatever else is there is refused cleanly."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from edge_mef.bundle import BUNDLES_FOLDER, DEFAULT_BUNDLE
from edge_mef.errors import BundleError
from edge_mef.manifest import (
    SCHEMA_VERSION,
    CheckEntry,
    Manifest,
    Verification,
    decode_manifest,
    encode_manifest,
)
from tests.conftest import sign_manifest

SHIPPED = (BUNDLES_FOLDER / DEFAULT_BUNDLE / "manifest.json").read_bytes()


@pytest.fixture
def manifest() -> Manifest:
    return decode_manifest(SHIPPED, "shipped")


def test_what_is_written_is_read_back(manifest: Manifest) -> None:
    assert decode_manifest(encode_manifest(manifest), "again") == manifest
    assert encode_manifest(manifest) == SHIPPED


def test_the_shipped_manifest_says_what_it_is(manifest: Manifest) -> None:
    assert manifest.contract.exposures == 2
    assert manifest.contract.size_text == "any size"
    assert manifest.precision == "fp32"
    assert manifest.verification is not None
    assert manifest.verification.passed


def test_any_flipped_bit_is_noticed() -> None:
    rng = random.Random(7)
    for position in rng.sample(range(len(SHIPPED)), 400):
        damaged = bytearray(SHIPPED)
        damaged[position] ^= 1 << rng.randrange(8)
        with pytest.raises(BundleError):
            decode_manifest(bytes(damaged), "m")


def test_a_truncated_manifest_is_refused() -> None:
    for length in (0, 1, 20, len(SHIPPED) // 2, len(SHIPPED) - 3):
        with pytest.raises(BundleError, match="expected JSON"):
            decode_manifest(SHIPPED[:length], "m")


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe\x00",
        b'{"schema_version": "1"}',
        b'{"schema_version": 1e400}',
        b'{"schema_version": 1}',
        b'{"schema_version": 1, "name": NaN}',
        b'{"schema_version": 1, "name": "\\ud800"}',
        pytest.param(b'{"schema_version": 1, "x": ' + b"9" * 5000 + b"}", id="long number"),
        pytest.param(b'{"schema_version": 1, "x": ' + b"[" * 900 + b"]" * 900 + b"}", id="deep"),
        pytest.param(
            b'{"schema_version": 1, "x": ' + b"[" * 99999 + b"]" * 99999 + b"}", id="abyss"
        ),
    ],
)
def test_other_json_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"^the file "):
        decode_manifest(data, "the file")


def test_a_newer_schema_asks_to_upgrade() -> None:
    document = json.loads(SHIPPED) | {"schema_version": SCHEMA_VERSION + 1, "new": 1}
    with pytest.raises(BundleError, match=r"newer EdgeMEF.*upgrade.*pip install -U edge-mef"):
        decode_manifest(json.dumps(document).encode(), "m")


def rename_file(document: dict[str, Any], name: str) -> None:
    document["files"][name] = document["files"].pop("model.onnx")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: rename_file(d, "../x"), "files"),
        (lambda d: rename_file(d, "/etc/passwd"), "files"),
        (lambda d: rename_file(d, "a\\b"), "files"),
        (lambda d: rename_file(d, ".."), "files"),
        (lambda d: rename_file(d, ""), "files"),
        (lambda d: d.update(surplus=1), "surplus"),
        (lambda d: d.pop("network"), "network"),
        (lambda d: d.update(precision="int4"), "precision"),
        (lambda d: d.update(memory_bytes_per_pixel=0), "memory_bytes_per_pixel"),
        (lambda d: d["files"]["model.onnx"].update(sha256="x"), "files.model.onnx.sha256"),
    ],
)
def test_an_invalid_manifest_names_the_place(
    manifest: Manifest, change: Callable[[dict[str, Any]], object], place: str
) -> None:
    document = manifest.model_dump(mode="json")
    change(document)
    with pytest.raises(BundleError, match=f"not valid: {place}"):
        decode_manifest(sign_manifest(document), "m")


def test_the_artefact_of_a_format(manifest: Manifest) -> None:
    artefact = manifest.artefact("onnx")
    assert artefact is not None
    assert artefact.file == "model.onnx"
    assert manifest.artefact("tensorrt") is None


@pytest.mark.parametrize(("outcomes", "passed"), [((True, True), True), ((True, False), False)])
def test_one_failed_check_fails_the_verification(outcomes: tuple[bool, ...], passed: bool) -> None:
    checks = tuple(
        CheckEntry(
            artefact="a",
            runtime="r",
            reference="golden",
            scene="s",
            max_difference=0,
            psnr=None,
            gate="g",
            passed=outcome,
        )
        for outcome in outcomes
    )
    assert Verification(date="today", toolchain={}, checks=checks).passed is passed
