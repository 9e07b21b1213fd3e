"""Core ML as a runtime: coremltools' own classes, above a Core ML that interprets the package."""

import platform
import threading
from pathlib import Path

import numpy as np
import pytest

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import BundleError, FrameTooLargeError, InputError, MissingError
from edge_mef.fuser import Fuser
from edge_mef.render.brackets import random_bracket
from edge_mef.runtimes.coreml import CoreMLRuntime
from edge_mef.runtimes.mil import MilRuntime
from edge_mef.runtimes.table import RUNTIMES, open_runtime, why_not
from tests.conftest import RunCli, noise_stack
from tests.runtimes.standin_coreml import Mac, make_mac

MODEL, OTHER = "model.mlpackage", "model-96x64.mlpackage"


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> Mac:
    return make_mac(monkeypatch)


@pytest.mark.parametrize("mode", ["RGBA", "RGB"])
@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_frames_are_those_of_the_package(
    mac: Mac, coreml_bundle: Bundle, size: tuple[int, int], mode: str
) -> None:
    mac.mode = mode
    frames = list(random_bracket(7, height=size[0], width=size[1]).exposures)
    with MilRuntime(coreml_bundle, threads=1) as reference:
        expected = reference.run(frames)
    with open_runtime(coreml_bundle, "coreml") as runtime:
        out = np.empty((*size, 3), np.uint8)
        assert runtime.run(frames, out) is out
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(runtime.run(frames), expected)
        np.testing.assert_array_equal(runtime.run_phases(frames)[0], expected)
        assert runtime.artefact == (MODEL if size == (64, 96) else OTHER)


def test_frames_that_are_not_contiguous(mac: Mac, coreml_bundle: Bundle) -> None:
    frames = noise_stack(2, (64, 192))
    with CoreMLRuntime(coreml_bundle) as runtime:
        expected = runtime.run([frame[:, ::2].copy() for frame in frames])
        np.testing.assert_array_equal(runtime.run([frame[:, ::2] for frame in frames]), expected)


def test_models_are_loaded_once_and_stay(mac: Mac, coreml_bundle: Bundle) -> None:
    with CoreMLRuntime(coreml_bundle) as runtime:
        assert mac.loaded == [(MODEL, "ALL")], "an error would show on opening"
        assert runtime.sizes == ((64, 96), (96, 64))
        for size in ((64, 96), (96, 64), (64, 96), (96, 64)):
            runtime.run(noise_stack(2, size))
    assert mac.loaded == [(MODEL, "ALL"), (OTHER, "ALL")]


@pytest.mark.parametrize(
    ("asked", "units", "operations"),
    [
        (None, "ALL", "3 on the Neural Engine, 2 on the CPU"),
        ("cpu_only", "CPU_ONLY", "5 on the CPU"),
        ("CPU_AND_GPU", "CPU_AND_GPU", "3 on the GPU, 2 on the CPU"),
        ("Cpu_And_Ne", "CPU_AND_NE", "3 on the Neural Engine, 2 on the CPU"),
    ],
)
def test_compute_units_and_what_ran(
    mac: Mac, coreml_bundle: Bundle, asked: str | None, units: str, operations: str
) -> None:
    with open_runtime(coreml_bundle, "coreml", provider=asked) as runtime:
        runtime.run(noise_stack(2, (64, 96)))
        described = runtime.describe()
        assert runtime.describe() == described
        assert mac.plans == 1
    assert mac.loaded == [(MODEL, units)]
    assert (described["compute units"], described["operations"]) == (units, operations)
    assert described["runtime"].startswith("coremltools ")
    assert described["system"] == "macOS 15.1"
    assert described["provider"] == "Core ML"


def test_unknown_compute_units(mac: Mac, coreml_bundle: Bundle) -> None:
    told = "expected compute units of ALL, CPU_ONLY, CPU_AND_GPU, CPU_AND_NE, found 'TPU'$"
    with pytest.raises(InputError, match=told):
        open_runtime(coreml_bundle, "coreml", provider="TPU")


def test_a_system_without_plans(mac: Mac, coreml_bundle: Bundle) -> None:
    mac.faults["plan"] = "MLComputePlan is only available\n on macOS 14.4"
    with CoreMLRuntime(coreml_bundle) as runtime:
        told = "not told: MLComputePlan is only available on macOS 14.4"
        assert runtime.describe()["operations"] == told
    assert runtime.describe()["operations"] == told


def test_a_package_that_core_ml_refuses(mac: Mac, coreml_bundle: Bundle) -> None:
    mac.faults["load"] = "Error compiling model"
    with pytest.raises(BundleError, match=r"^Core ML cannot load .*model\.mlpackage: .*Error comp"):
        CoreMLRuntime(coreml_bundle)


def test_a_package_for_a_newer_system(
    mac: Mac, coreml_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.runtimes.standin_coreml.NEWEST", 6)
    with pytest.raises(BundleError, match=r"^Core ML cannot load .*: This model was not loaded"):
        CoreMLRuntime(coreml_bundle)


def test_a_prediction_that_fails(mac: Mac, coreml_bundle: Bundle) -> None:
    with CoreMLRuntime(coreml_bundle) as runtime:
        mac.faults["predict"] = "Unable to compute"
        with pytest.raises(BundleError, match=r"could not run model\.mlpackage: Unable to compute"):
            runtime.run(noise_stack(2, (64, 96)))
        mac.faults["predict"] = "failed to allocate a pixel buffer"
        with pytest.raises(FrameTooLargeError, match="memory of this machine"):
            runtime.run(noise_stack(2, (64, 96)))
        del mac.faults["predict"]
        assert runtime.run(noise_stack(2, (64, 96))).shape == (64, 96, 3)


def test_an_image_of_another_kind(mac: Mac, coreml_bundle: Bundle) -> None:
    mac.mode = "L"
    with (
        CoreMLRuntime(coreml_bundle) as runtime,
        pytest.raises(BundleError, match=r"should give an image of 64x96, found \(64, 96\) uint8"),
    ):
        runtime.run(noise_stack(2, (64, 96)))


def test_other_sizes_and_counts_are_refused(mac: Mac, coreml_bundle: Bundle) -> None:
    with CoreMLRuntime(coreml_bundle) as runtime:
        with pytest.raises(InputError, match="'coreml' takes frames of 64x96, 96x64 with this"):
            Fuser(coreml_bundle, runtime).fuse(*noise_stack(2, (64, 98)))
        with pytest.raises(InputError, match="no Core ML package here takes frames of 64x98"):
            runtime.run(noise_stack(2, (64, 98)))
        with pytest.raises(InputError, match="--exposures 3"):
            runtime.run(noise_stack(3, (64, 96)))


def test_threads_take_turns(mac: Mac, coreml_bundle: Bundle) -> None:
    right: list[bool] = []
    with CoreMLRuntime(coreml_bundle) as runtime:
        assert runtime.lanes == 1
        wanted = {size: runtime.run(noise_stack(2, size)) for size in runtime.sizes}

        def work(size: tuple[int, int]) -> None:
            right.append(np.array_equal(runtime.run(noise_stack(2, size)), wanted[size]))

        threads = [threading.Thread(target=work, args=(size,)) for size in runtime.sizes * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert right == [True] * 4


def test_a_closed_one_is_refused(mac: Mac, coreml_bundle: Bundle) -> None:
    runtime = CoreMLRuntime(coreml_bundle)
    runtime.close()
    runtime.close()
    assert runtime.describe()["operations"] == "closed"
    with pytest.raises(BundleError, match="was closed"):
        runtime.run(noise_stack(2, (64, 96)))


def test_a_bundle_without_a_package(mac: Mac) -> None:
    with pytest.raises(BundleError, match="holds no Core ML package"):
        CoreMLRuntime(load_bundle())


def test_its_phases(mac: Mac, coreml_bundle: Bundle) -> None:
    with CoreMLRuntime(coreml_bundle) as runtime:
        _, times = runtime.run_phases(noise_stack(2, (64, 96)))
        assert min(times.copy_in, times.compute, times.copy_out) > 0
        assert "Core ML's prediction" in runtime.phases_note


def test_elsewhere_it_says_what_to_use(
    coreml_bundle: Bundle,
    run_cli: RunCli,
    bracket_files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    told = "the runtime 'coreml' needs macOS, and this is Linux: the runtime 'mil' interprets"
    assert str(why_not(RUNTIMES["coreml"])).startswith(told)
    with pytest.raises(MissingError, match="Core ML needs macOS, and this is Linux"):
        CoreMLRuntime(coreml_bundle)
    command = ("fuse", *bracket_files, "-o", "f.png", "--bundle", coreml_bundle.folder)
    result = run_cli(*command, "--runtime", "coreml")
    assert result.code == 3
    assert told in result.sentence


@pytest.mark.parametrize("on_mac", [False, True])
def test_chosen_by_itself_where_there_is_nothing_but_packages(
    coreml_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, on_mac: bool
) -> None:
    if on_mac:
        make_mac(monkeypatch)
    with open_runtime(coreml_bundle, threads=1) as runtime:
        assert runtime.name == "onnxruntime", "which takes frames of any size"
    manifest = coreml_bundle.manifest
    entries = tuple(entry for entry in manifest.artefacts if entry.format == "coreml")
    alone = Bundle(coreml_bundle.folder, manifest.model_copy(update={"artefacts": entries}))
    with open_runtime(alone, threads=1) as runtime:
        assert runtime.name == ("coreml" if on_mac else "mil")
