"""OpenVINO: times of layers, phases, and the device by its name."""

from pathlib import Path

import numpy as np
import pytest

from edge_mef.bundle import Bundle
from edge_mef.errors import InputError, MissingError
from edge_mef.runtimes.openvino import OpenVINORuntime
from edge_mef.runtimes.table import open_runtime
from tests.conftest import noise_stack
from tests.openvino_bundle import add_openvino


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return add_openvino("ffmef-edge", tmp_path_factory.mktemp("edge") / "bundle")


@pytest.mark.parametrize(("whole", "threads"), [(True, 1), (False, 1), (False, 3)])
def test_times_of_layers(edge: Bundle, whole: bool, threads: int) -> None:
    stack = noise_stack(2, (64, 100))
    with OpenVINORuntime(edge, threads=threads, whole=whole, tile=(16, 50)) as plain:
        expected = plain.run(stack)
    with OpenVINORuntime(
        edge, threads=threads, whole=whole, tile=(16, 50), profile=True
    ) as runtime:
        assert runtime.layer_times() == ()
        for _ in range(2):
            np.testing.assert_array_equal(runtime.run(stack), expected)
        found = runtime.layer_times()
        _, times = runtime.run_phases(stack)
        again = runtime.layer_times()
    spent = sum(layer.milliseconds for layer in again) - sum(layer.milliseconds for layer in found)
    assert times.compute * threads / 30 < spent < 30 * times.compute * threads, "milliseconds"
    assert list(found) == sorted(found, key=lambda layer: (-layer.milliseconds, layer.name))
    assert "Convolution" in {layer.type for layer in found}
    if whole:
        assert max(layer.calls for layer in found) == 2
        return
    # OpenVINO says of layers below a microsecond that they were not run.
    calls = {
        stage: max(layer.calls for layer in found if layer.name.startswith(f"{stage}/"))
        for stage in ("view", "analysis", "weights", "application")
    }
    # 2 runs of 2 frames and 4 x 2 tiles; the weights are those of a size.
    assert calls == {"view": 4, "analysis": 2, "weights": 1, "application": 16}


@pytest.mark.parametrize("whole", [True, False])
def test_phases(edge: Bundle, whole: bool) -> None:
    stack = noise_stack(2, (64, 100))
    with OpenVINORuntime(edge, threads=1, whole=whole) as runtime:
        fused, times = runtime.run_phases(stack)
        np.testing.assert_array_equal(runtime.run(stack), fused)
        assert runtime.phases_note
        assert runtime.device_bytes() is None
    assert min(times.copy_in, times.copy_out) > 0
    assert times.compute > times.copy_in + times.copy_out


def test_without_a_profile(edge: Bundle) -> None:
    with (
        OpenVINORuntime(edge, threads=1, whole=True) as runtime,
        pytest.raises(InputError, match="'openvino' was opened without a profile"),
    ):
        runtime.layer_times()


def test_a_device_by_its_name(edge: Bundle) -> None:
    with open_runtime(edge, "openvino", 1, whole=True, provider="CPU") as runtime:
        assert runtime.describe()["provider"] == "CPU"
    with pytest.raises(MissingError, match=r"no device 'ABACUS' here, only: .*CPU"):
        open_runtime(edge, "openvino", provider="ABACUS")


def test_a_profile_writes_no_file(
    edge: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with OpenVINORuntime(edge, threads=1, profile=True) as runtime:
        runtime.run(noise_stack(2, (16, 16)))
    assert list(tmp_path.iterdir()) == []
