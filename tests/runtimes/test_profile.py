"""Times of layers: summed over runs, tiles and threads, without a file left behind."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from edge_mef.bundle import load_bundle
from edge_mef.errors import BundleError, InputError, OutputError
from edge_mef.fuser import Fuser
from edge_mef.runtimes import ort_profile
from edge_mef.runtimes.onnxruntime import OnnxRuntime
from edge_mef.runtimes.profile import Layer, LayerTime, LayerTotals
from tests.conftest import noise_stack


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_sums_the_slowest_first() -> None:
    totals = LayerTotals()
    totals.add([("a", "Conv", 1.0), ("b", "Conv", 2.0), ("a", "Conv", 4.0), ("c", "Add", 5.0)])
    assert totals.times() == (
        LayerTime("a", "Conv", 5.0, 2),
        LayerTime("c", "Add", 5.0, 1),
        LayerTime("b", "Conv", 2.0, 1),
    )


def test_the_pipeline_in_one_piece(temporary: Path) -> None:
    stack = noise_stack(2, (90, 120))
    with OnnxRuntime(load_bundle("ffmef"), threads=1) as plain:
        expected = plain.run(stack)
    with OnnxRuntime(load_bundle("ffmef"), threads=1, profile=True) as runtime:
        assert runtime.layer_times() == ()
        for _ in range(2):
            np.testing.assert_array_equal(runtime.run(stack), expected)
        twice = runtime.layer_times()
        assert runtime.layer_times() == twice, "asking changes nothing"
        np.testing.assert_array_equal(runtime.run(stack), expected)
        _, times = runtime.run_phases(stack)
        four = runtime.layer_times()
    assert {layer.calls for layer in twice} == {2}
    assert {layer.calls for layer in four} == {4}
    assert {layer.name for layer in twice} == {layer.name for layer in four}
    assert list(four) == sorted(four, key=lambda layer: -layer.milliseconds)
    assert "Conv" in {layer.type for layer in four}
    spent = sum(layer.milliseconds for layer in four) / 4
    assert times.compute / 30 < spent < 30 * times.compute, "milliseconds"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_tiles_and_threads_are_summed(temporary: Path, threads: int) -> None:
    stack = noise_stack(3, (64, 100))
    with OnnxRuntime(load_bundle("ffmef-edge"), threads=threads, tile=(16, 50)) as plain:
        expected = plain.run(stack)
    with OnnxRuntime(
        load_bundle("ffmef-edge"), threads=threads, tile=(16, 50), profile=True
    ) as runtime:
        for _ in range(2):
            np.testing.assert_array_equal(runtime.run(stack), expected)
        found = runtime.layer_times()
    calls = {
        stage: {layer.calls for layer in found if layer.name.startswith(f"{stage}/")}
        for stage in ("view", "analysis", "weights", "application")
    }
    # 2 runs of 3 frames and 4 x 2 tiles; the weights are those of a size.
    assert calls == {"view": {6}, "analysis": {2}, "weights": {1}, "application": {16}}
    assert list(temporary.iterdir()) == []


def test_long_profiles_are_read_in_between(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime drops events after some number of them."""
    monkeypatch.setattr(ort_profile, "_MOST_EVENTS", 3000)
    read: list[Path] = []
    real = ort_profile._read

    def spy(path: Path, prefix: str) -> list[Layer]:
        read.append(path)
        return real(path, prefix)

    monkeypatch.setattr(ort_profile, "_read", spy)
    stack = noise_stack(2, (20, 30))
    with OnnxRuntime(load_bundle("ffmef"), threads=1, profile=True) as runtime:
        for _ in range(40):
            runtime.run(stack)
        assert len(read) > 1
        assert {layer.calls for layer in runtime.layer_times()} == {40}


def test_without_a_profile() -> None:
    with (
        Fuser.open("ffmef", threads=1) as fuser,
        pytest.raises(InputError, match="'onnxruntime' was opened without a profile: open it"),
    ):
        fuser.runtime.layer_times()


def test_once_closed_there_are_no_times(temporary: Path) -> None:
    runtime = Fuser.open("ffmef", threads=1, profile=True).runtime
    runtime.close()
    runtime.close()
    with pytest.raises(BundleError, match="closed"):
        runtime.layer_times()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b'[{"cat": "Node", "na', b'[{"cat": "Node"}]'])
def test_a_full_disk(temporary: Path, content: bytes | None) -> None:
    with OnnxRuntime(load_bundle("ffmef"), threads=1, profile=True) as runtime:
        runtime.run(noise_stack(2, (20, 30)))
        path = next(temporary.glob("*/session-0*"))
        real = ort_profile.ProfiledSession.end
        with pytest.MonkeyPatch.context() as patched:

            def end(session: ort_profile.ProfiledSession) -> Path | None:
                found = real(session)
                path.unlink()
                if content is not None:
                    path.write_bytes(content)
                return found

            patched.setattr(ort_profile.ProfiledSession, "end", end)
            told = r"profile of ONNX Runtime could not be written to .*: free some space there"
            with pytest.raises(OutputError, match=told):
                runtime.layer_times()
    assert list(temporary.iterdir()) == []


def test_no_folder_for_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OutputError, match="no folder for the profile can be made"):
        OnnxRuntime(load_bundle("ffmef"), profile=True)


def test_a_model_that_cannot_be_loaded_leaves_no_folder(bundle: Path, temporary: Path) -> None:
    loaded = load_bundle(bundle)
    (bundle / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(BundleError, match="cannot be loaded by ONNX Runtime"):
        OnnxRuntime(loaded, profile=True, whole=True)
    assert [p for p in temporary.iterdir() if p.name.startswith("edge-mef-profile")] == []


def test_events_of_a_profile(tmp_path: Path) -> None:
    events = [
        {"cat": "Session", "name": "model_run", "dur": 9, "args": {}},
        {"cat": "Node", "name": "c_kernel_time", "dur": 1500, "args": {"op_name": "Conv"}},
        {"cat": "Node", "name": "c_fence_before", "dur": 3, "args": {"op_name": "Conv"}},
        {"cat": "Node", "name": "_kernel_time", "dur": 2, "args": {"op_name": "Add"}},
    ]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(events))
    assert ort_profile._read(path, "view/") == [
        ("view/c", "Conv", 1.5),
        ("view/Add", "Add", 0.002),
    ]
