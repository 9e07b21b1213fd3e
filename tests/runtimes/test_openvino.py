"""OpenVINO: the golden frames, the same pixels in any tiles, plain refusals, and no telemetry."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import BundleError, MissingError
from edge_mef.export.parity import verify_bundle
from edge_mef.exposures import Frame
from edge_mef.runtimes import table
from edge_mef.runtimes.onnxruntime import OnnxRuntime
from edge_mef.runtimes.openvino import OpenVINORuntime
from edge_mef.runtimes.table import RUNTIMES, open_runtime
from tests.conftest import RunCli, contents, noise_stack, run_python, seal
from tests.openvino_bundle import add_openvino, portable_of, quantized

WHOLE = (4096, 4096)  # larger than any frame here: one single tile
SIZES = ((97, 131), (181, 523), (1, 300), (301, 3))
TILES = ((64, 960), (256, 256), (37, 53), (1, 300), (300, 1), (75, 58), (16, 16))


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return add_openvino("ffmef-edge", tmp_path_factory.mktemp("edge") / "bundle")


@pytest.fixture(scope="module")
def ffmef(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return add_openvino("ffmef", tmp_path_factory.mktemp("ffmef") / "bundle")


@pytest.fixture
def copied(edge: Bundle, tmp_path: Path) -> Bundle:
    """A copy to be damaged."""
    shutil.copytree(edge.folder, tmp_path / "copy")
    return load_bundle(tmp_path / "copy")


def difference(one: Frame, other: Frame) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(np.int16) - other).max())


@pytest.mark.parametrize(("threads", "whole"), [(None, False), (1, False), (2, False), (1, True)])
def test_the_golden_frames(edge: Bundle, threads: int | None, whole: bool) -> None:
    with np.load(edge.folder / "golden.npz", allow_pickle=False) as golden:
        frames = [golden[name] for name in edge.manifest.contract.inputs]
        expected = golden["fused"]
    with OpenVINORuntime(edge, threads=threads, whole=whole) as runtime:
        assert runtime.artefact == ("model.xml" if whole else "stages")
        assert difference(runtime.run(frames), expected) <= 1


@pytest.mark.parametrize("whole", [False, True])
def test_it_writes_where_it_is_told(edge: Bundle, whole: bool) -> None:
    stack = noise_stack(2, (97, 131))
    with OpenVINORuntime(edge, threads=1, whole=whole) as runtime:
        expected, out = runtime.run(stack), np.zeros((97, 131, 3), np.uint8)
        assert runtime.run(stack, out) is out
        np.testing.assert_array_equal(out, expected)
        runtime.run(stack[::-1])  # which has an array of its own
        np.testing.assert_array_equal(out, expected)


def fuse_all(bundle: Bundle, tile: tuple[int, int], threads: int) -> dict[str, Frame]:
    """Fuse noise of several sizes and numbers of exposures."""
    with OpenVINORuntime(bundle, threads=threads, tile=tile) as runtime:
        return {
            f"{count} of {size}": runtime.run(noise_stack(count, size))
            for size in SIZES
            for count in (2, 9)
        }


def test_tiles_equal_one_single_tile(edge: Bundle) -> None:
    single = fuse_all(edge, WHOLE, 1)
    assert min(frame.std() for frame in single.values()) > 20, "there must be something in them"
    for tile in TILES:
        found = fuse_all(edge, tile, 2)
        differences = {name: difference(frame, single[name]) for name, frame in found.items()}
        assert differences == dict.fromkeys(single, 0), tile


@pytest.mark.parametrize("count", [2, 5, 9])
def test_the_same_picture_as_onnx_runtime(edge: Bundle, count: int) -> None:
    stack = noise_stack(count, (97, 131))
    with OpenVINORuntime(edge, threads=1) as runtime, OnnxRuntime(edge, threads=1) as other:
        assert difference(runtime.run(stack), other.run(stack)) <= 1


def test_a_network_without_stages(ffmef: Bundle) -> None:
    result = verify_bundle(ffmef.folder, limit=3, threads=1, write=False)
    checks = [c for c in result.verification.checks if c.runtime == "openvino"]
    assert len(checks) == 4
    assert max(c.max_difference for c in checks) <= 1


AGAINST_ONNX_RUNTIME = """
import sys
import numpy as np
from edge_mef.bundle import load_bundle
from edge_mef.render.brackets import random_bracket
from edge_mef.runtimes.table import open_runtime
bundle, frames = load_bundle(sys.argv[1]), random_bracket(3, height=97, width=131).exposures
fused = []
for name in ("onnxruntime", "openvino"):
    with open_runtime(bundle, name, 1) as runtime:
        fused.append(runtime.run(frames).astype(float))
print(np.mean((fused[0] - fused[1]) ** 2))
"""


def test_int8_is_the_same_on_processors_that_saturate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held to AVX2, OpenVINO's own int8 kernels are off by 87 grey levels here."""
    portable = portable_of(load_bundle("ffmef-edge"))
    int8 = {name: quantized(portable[name]) for name in ("analysis.onnx", "model.onnx")}
    bundle = add_openvino("ffmef-edge", tmp_path / "int8", int8)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    result = run_python(AGAINST_ONNX_RUNTIME, bundle.folder)
    assert (result.code, result.err) == (0, "")
    assert float(result.out) < 0.05


def test_it_describes_itself(edge: Bundle) -> None:
    with OpenVINORuntime(edge, threads=2) as runtime:
        described = runtime.describe()
    assert described["runtime"].startswith("openvino 20")
    assert described["device"] == "CPU"
    assert described["computes"] == "float32"
    assert described["threads"] == "2"
    assert described["tile"] == "64x960"


def test_once_closed_it_does_not_run(edge: Bundle, pair: tuple[Frame, Frame]) -> None:
    runtime = OpenVINORuntime(edge, threads=1)
    runtime.close()
    runtime.close()
    with pytest.raises(BundleError, match="closed"):
        runtime.run(pair)


def test_it_is_not_chosen_unless_named(edge: Bundle) -> None:
    with open_runtime(edge, threads=1) as runtime:
        assert runtime.name == "onnxruntime"


def test_fusing_with_it_by_name(
    run_cli: RunCli, edge: Bundle, bracket_files: tuple[Path, Path], tmp_path: Path
) -> None:
    output = tmp_path / "fused.png"
    options = ("--bundle", edge.folder, "--runtime", "openvino", "--threads", "1")
    result = run_cli("fuse", *bracket_files, "-o", output, *options)
    assert (result.code, result.err) == (0, "")
    assert result.out.rstrip().endswith("on openvino")
    assert output.is_file()


def test_where_it_is_not_installed(edge: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "is_installed", lambda row: row.name != "openvino")
    expected = r"package 'openvino', which is not installed: pip install 'edge-mef\[openvino\]'$"
    with pytest.raises(MissingError, match=expected):
        open_runtime(edge, "openvino")
    with open_runtime(edge, threads=1) as runtime:
        assert runtime.name == "onnxruntime"


def test_a_bundle_for_other_runtimes() -> None:
    plain = load_bundle()
    with pytest.raises(BundleError, match=r"holds no openvino artefact .* edge-mef export$"):
        open_runtime(plain, "openvino")
    with pytest.raises(BundleError, match="holds no OpenVINO artefact"):
        OpenVINORuntime(plain)


def test_a_device_that_is_not_here(edge: Bundle) -> None:
    with pytest.raises(MissingError, match=r"no device 'ABACUS' here, only: .*CPU"):
        OpenVINORuntime(edge, provider="ABACUS")


def test_a_stage_that_is_missing(edge: Bundle) -> None:
    kept = tuple(a for a in edge.manifest.artefacts if a.file != "application-6.xml")
    other = Bundle(edge.folder, edge.manifest.model_copy(update={"artefacts": kept}))
    with pytest.raises(BundleError, match=r"lacks a stage: export it again$"):
        OpenVINORuntime(other)


@pytest.mark.parametrize("name", ["view.xml", "analysis.bin"])
def test_a_damaged_file_is_named(copied: Bundle, name: str) -> None:
    data = bytearray((copied.folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied.folder / name).write_bytes(data)
    with pytest.raises(BundleError, match=rf"{name} is damaged .* export the bundle again$"):
        load_bundle(copied.folder)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _unknown(data: bytes) -> bytes:
    return data.replace(b'type="SoftMax"', b'type="Hardermax"')


def _emptied(data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("analysis.xml", _cut),
        ("analysis.xml", _unknown),
        ("analysis.xml", _emptied),
        ("analysis.bin", _cut),
        ("application-2.xml", _cut),
    ],
)
def test_a_model_that_is_none(copied: Bundle, name: str, damage: Callable[[bytes], bytes]) -> None:
    """Sealed again, as if it had been exported so."""
    path = copied.folder / name
    before = path.read_bytes()
    path.write_bytes(damage(before))
    assert path.read_bytes() != before
    seal(copied)
    expected = rf"{Path(name).stem}\.xml cannot be loaded by OpenVINO: .+$"
    with pytest.raises(BundleError, match=expected) as caught:
        OpenVINORuntime(load_bundle(copied.folder), threads=1)
    assert "\n" not in str(caught.value)


def test_frames_that_the_model_does_not_take(edge: Bundle, pair: tuple[Frame, Frame]) -> None:
    wrong = [frame[..., :2] for frame in pair]
    with (
        OpenVINORuntime(edge, threads=1, whole=True) as runtime,
        pytest.raises(BundleError, match=r"could not run the bundle: [^\n]+$"),
    ):
        runtime.run(wrong)


def test_nothing_is_sent_and_nothing_written_at_home(
    edge: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"""
import sys
from edge_mef.bundle import load_bundle
from edge_mef.runtimes.openvino import OpenVINORuntime
with OpenVINORuntime(load_bundle({str(edge.folder)!r}), threads=1) as runtime:
    print(runtime.name, [name for name in sys.modules if "telemetry" in name.partition(".")[0]])
"""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CI", "GITHUB_ACTIONS"):  # there it would be off anyway
        monkeypatch.delenv(name, raising=False)
    result = run_python(code)
    assert (result.code, result.out, result.err) == (0, "openvino []\n", "")
    assert contents(tmp_path) == {}


def test_the_row_gives_the_extra() -> None:
    assert RUNTIMES["openvino"].install == "pip install 'edge-mef[openvino]'"
