"""edge-mef verify on bundles that are none or damaged; the rest is in test_without_extras."""

from pathlib import Path

import pytest

from tests.conftest import RunCli, contents


def test_no_such_bundle(run_cli: RunCli) -> None:
    result = run_cli("verify", "nonesuch")
    assert result.code == 2
    assert "'nonesuch' is not a bundle" in result.sentence


@pytest.mark.parametrize("name", ["model.onnx", "weights.safetensors", "golden.npz"])
def test_a_damaged_bundle_is_not_verified(run_cli: RunCli, bundle: Path, name: str) -> None:
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    before = contents(bundle)
    result = run_cli("verify", bundle)
    assert result.code == 2
    assert f"{name} is damaged" in result.sentence
    assert contents(bundle) == before
