"""edge-mef export with values that make no sense: one sentence, and no bundle."""

from pathlib import Path

import pytest

from tests.conftest import RunCli, contents
from tests.edge_mef.cli.other_versions import OTHER_VERSIONS, rewrite


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--target", "abacus"), "no target called 'abacus'; known are: onnx"),
        (("--precision", "int3"), "expected the precision fp32, fp16 or int8, found 'int3'"),
        (("--rounding", "up"), "expected the rounding nearest or truncate, found 'up'"),
        (("--size", "large"), "expected a size such as 1080x1920"),
        (("--size", "0x5"), "found 0x5"),
        (("--size", "5x99999"), "found 5x99999"),
        (("--kernel-sizes", "a"), "expected kernel sizes such as 1,3,5, found 'a'"),
        (("--kernel-sizes", "1,3"), "train them"),
        (("--channels", "8"), "train them"),
        (("--channels", "0"), "even number of channels"),
        (("--exposures", "3"), "fuses 2 exposures, found 3"),
        (("--model", "nonesuch"), "no network called 'nonesuch'; known are: ffmef"),
        (("--target", "coreml", "--ios", "16"), "expected iOS 17 or 18, found 16"),
        (("--target", "coreml", "--weights-only"), "give --precision fp16 as well"),
        (("--target", "coreml", "--sizes", "64x96,dynamic"), "expected sizes such as 1080x1920"),
        (("--target", "coreml", "--sizes", "64x96,0x9"), "found 0x9"),
        (("--target", "coreml", "--sizes", "8x8", "--size", "9x9"), "leave out --size"),
        (("--weights", "none.safetensors"), "no weight file none.safetensors"),
    ],
)
def test_values_that_make_no_sense(
    run_cli: RunCli, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    model = () if "--model" in arguments else ("--model", "ffmef")
    result = run_cli("export", "-o", tmp_path / "new", *model, *arguments)
    assert result.code == 2
    assert message in result.sentence
    assert contents(tmp_path) == {}


def test_a_damaged_weight_file(run_cli: RunCli, tmp_path: Path, bundle: Path) -> None:
    weights = tmp_path / "cut.safetensors"
    weights.write_bytes((bundle / "weights.safetensors").read_bytes()[:-100])
    result = run_cli("export", "-o", tmp_path / "new", "--weights", weights)
    assert result.code == 2
    assert "cut.safetensors is not a .safetensors weight file" in result.sentence
    assert not (tmp_path / "new").exists()


def test_places_that_are_taken(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_bytes(b"x")
    for place in ("full", "full/letter.txt"):
        result = run_cli("export", "-o", tmp_path / place)
        assert result.code == 2
        assert "choose another folder" in result.sentence or "is a file" in result.sentence
    assert contents(tmp_path) == {"full/letter.txt": b"x"}


@pytest.mark.parametrize("version", OTHER_VERSIONS)
def test_a_bundle_of_another_version_is_not_replaced(
    run_cli: RunCli, tmp_path: Path, bundle: Path, version: str
) -> None:
    """It may hold files that this version knows nothing of."""
    rewrite(bundle, OTHER_VERSIONS[version][0])
    before = contents(tmp_path)
    result = run_cli("export", "--model", "ffmef", "-o", bundle)
    assert result.code == 2
    assert f"'{bundle}' holds something else than one of our bundles" in result.sentence
    assert contents(tmp_path) == before
