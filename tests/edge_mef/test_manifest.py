"""The manifest: what is written is read back, and whatever else is there is refused cleanly."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge_mef.bundle import BUNDLES_FOLDER, DEFAULT_BUNDLE
from edge_mef.errors import BundleError
from edge_mef.manifest import (
    SCHEMA_VERSION,
    CheckEntry,
    Manifest,
    Role,
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
        (lambda d: d.update(schema_version=0), "schema_version"),
        (lambda d: d["contract"].update(multiple=0), "contract"),
        (lambda d: d["contract"].update(channels="BGR"), "contract"),
        (lambda d: d["contract"].update(order="brightest first"), "contract"),
        (lambda d: d["contract"].update(height=4), "contract"),
        (lambda d: d["contract"].update(height=0, width=0), "contract"),
        (lambda d: d["contract"].update(fewest=3), "contract"),
        (lambda d: d["artefacts"][0].update(role="view"), "the pipeline in one piece"),
        (lambda d: d.update(artefacts=d["artefacts"][:1]), "stages for 2 to 9"),
        (lambda d: d["files"]["model.onnx"].update(sha256="x"), "files.model.onnx.sha256"),
    ],
)
def test_an_invalid_manifest_names_the_place(
    manifest: Manifest, change: Callable[[dict[str, Any]], object], place: str
) -> None:
    document = manifest.model_dump(mode="json")
    change(document)
    with pytest.raises(BundleError, match=f"not valid: .*{place}"):
        decode_manifest(sign_manifest(document), "m")


def test_infinite_memory_is_refused() -> None:
    document = json.loads(SHIPPED)
    del document["manifest_sha256"]
    document["memory_bytes_per_pixel"] = float("inf")
    with pytest.raises(BundleError, match="memory_bytes_per_pixel"):
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


ROLES: tuple[tuple[Role, int | None], ...] = (
    ("pipeline", 2), ("view", None), ("analysis", None), ("application", 2), ("application", 3)
)  # fmt: skip


@pytest.fixture
def staged(manifest: Manifest) -> Manifest:
    """A manifest with an artefact of every role, and two applications."""
    one = manifest.artefacts[0]
    artefacts = tuple(
        one.model_copy(update={"file": f"{index}.onnx", "role": role, "exposures": exposures})
        for index, (role, exposures) in enumerate(ROLES)
    )
    contract = replace(manifest.contract, fewest=2, most=3)
    return manifest.model_copy(update={"artefacts": artefacts, "contract": contract})


def test_roles_and_numbers_are_read_back(staged: Manifest) -> None:
    again = decode_manifest(encode_manifest(staged), "m")
    assert again == staged
    assert tuple((a.role, a.exposures) for a in again.artefacts) == ROLES
    assert again.contract.counts == (2, 3)


def test_artefacts_by_role(staged: Manifest) -> None:
    assert [a.file for a in staged.stage("onnx", "application")] == ["3.onnx", "4.onnx"]
    assert [a.file for a in staged.stage("onnx", "view")] == ["1.onnx"]
    assert staged.stage("tensorrt", "view") == ()
    pipeline = staged.artefact("onnx")
    assert pipeline is not None
    assert pipeline.file == "0.onnx"


def test_whether_there_are_stages(staged: Manifest) -> None:
    assert staged.has_stages("onnx")
    assert not staged.has_stages("tensorrt")
    for kept in (staged.artefacts[:1], ()):
        assert not staged.model_copy(update={"artefacts": kept}).has_stages("onnx")
    for index in range(1, len(ROLES)):
        alone = staged.model_copy(update={"artefacts": (staged.artefacts[index],)})
        assert alone.has_stages("onnx"), "one stage without the others is no pipeline in one piece"


def test_an_unknown_role_is_named(staged: Manifest) -> None:
    document = staged.model_dump(mode="json")
    document["artefacts"][1]["role"] = "wizardry"
    with pytest.raises(BundleError, match=r"not valid: artefacts\.1\.role"):
        decode_manifest(sign_manifest(document), "m")


def test_a_manifest_from_before_there_were_roles(manifest: Manifest) -> None:
    document = manifest.model_dump(mode="json")
    del document["artefacts"][1:]
    for name in ("role", "exposures"):
        del document["artefacts"][0][name]
    for name in ("fewest", "most"):
        del document["contract"][name]
    found = decode_manifest(sign_manifest(document), "m")
    assert not found.has_stages("onnx")
    assert found.artefact("onnx") == found.artefacts[0]
    assert found.contract.counts == (2, 2)
