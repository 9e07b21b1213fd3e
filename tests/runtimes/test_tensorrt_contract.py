"""TensorRT's runtime and builder against stand-ins with the names of five real versions."""

import hashlib
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from edge_mef.errors import BundleError, FrameTooLargeError, InputError, MissingError, OutputError
from edge_mef.fuser import Fuser
from edge_mef.manifest import Precision
from edge_mef.runtimes import trt_cache
from edge_mef.saving import write_atomically

pytest.importorskip("onnx", reason="models for the stand-in are made with onnx")

from edge_mef.runtimes.build_watch import BuildWatcher, watched
from edge_mef.runtimes.table import open_runtime
from edge_mef.runtimes.tensorrt import TensorRTRuntime
from tests.conftest import RunCli
from tests.runtimes.standin_cuda import no_device
from tests.runtimes.tensorrt_names import VERSIONS, cut_out, read_api
from tests.runtimes.trt_device import Device, expected, frames, make_bundle, make_device


@pytest.mark.parametrize("memory", ["cuda-python", "pycuda"])
@pytest.mark.parametrize("version", VERSIONS)
def test_frames_are_right_with_every_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, memory: str
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", version, memory)
    bundle = make_bundle(tmp_path / "bundle")
    with open_runtime(bundle) as runtime:
        assert runtime.name == "tensorrt"
        for size in ((48, 64), (48, 64), (31, 97), (16, 16)):
            taken = frames(*size)
            assert np.array_equal(runtime.run(taken), expected(bundle, taken))
        assert runtime.describe()["memory"] == memory
        assert runtime.describe()["runtime"] == f"tensorrt {version}"
    assert not device.blocks.left
    assert len(device.trt.builds) == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_precision_comes_from_the_graph_or_from_the_flags_it_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, precision: Precision
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", version)
    bundle = make_bundle(tmp_path / "bundle", precision)
    with TensorRTRuntime(bundle) as runtime:
        taken = frames(20, 30)
        assert np.array_equal(runtime.run(taken), expected(bundle, taken))
    build = device.trt.builds[0]
    old = version.startswith("8.")
    flags: dict[str, list[str]] = {"fp16": ["FP16", "PREFER_PRECISION_CONSTRAINTS"]}
    flags |= {"int8": ["INT8"], "fp32": []}
    assert build["flags"] == (flags[precision] if old else [])
    assert build["strong"] is not old


def test_in_old_versions_fp32_layers_stay_fp32(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", "8.6.0")
    TensorRTRuntime(make_bundle(tmp_path / "bundle", "fp16")).close()
    assert ("ILayer", "precision") in device.trt.used


@pytest.mark.parametrize("version", ["8.6.0", "10.3.0", "11.4.0.106"])
def test_all_options_reach_the_builder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", version)
    bundle = make_bundle(
        tmp_path / "bundle",
        "fp16",
        workspace=64,
        level=5,
        version_compatible=True,
        hardware_compatible=True,
        dla=0,
    )
    TensorRTRuntime(bundle).close()
    build = device.trt.builds[0]
    config = build["config"]
    assert {"GPU_FALLBACK", "VERSION_COMPATIBLE"} <= set(build["flags"])
    assert config.pools == {"WORKSPACE": 64 << 20}
    assert config.builder_optimization_level == 5
    assert config.profiling_verbosity.name == "DETAILED"
    assert config.hardware_compatibility_level.name == "AMPERE_PLUS"
    assert (config.default_device_type.name, config.DLA_core) == ("DLA", 0)
    # The accelerator of version 10 takes no strongly typed networks, so it gets the flags.
    assert ("FP16" in build["flags"]) is not version.startswith("11.")


def test_an_accelerator_that_is_not_there(device: Device, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", "fp16", dla=1)
    with pytest.raises(InputError, match="asks for DLA core 1, and this device has 1"):
        TensorRTRuntime(bundle)
    assert not device.blocks.left


def test_an_engine_is_built_once_and_cached(device: Device, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    with TensorRTRuntime(bundle) as runtime:
        built = runtime.describe()["engine"]
    assert "this model has no engine on this device yet" in built
    assert "convolutions: 1 int8" in built  # what the stand-in's inspector tells
    with TensorRTRuntime(bundle) as runtime:
        described = runtime.describe()
        assert described["engine"] == "cached"
    assert len(device.trt.builds) == 1
    folder = Path(described["engine folder"])
    assert {p.suffix for p in folder.iterdir()} == {".engine", ".json"}
    assert json.loads((folder / "layers.json").read_text())["Layers"]
    assert len(list((device.cache / "timings").iterdir())) == 1


def test_timings_of_earlier_builds_are_used(device: Device, tmp_path: Path) -> None:
    TensorRTRuntime(make_bundle(tmp_path / "a")).close()
    TensorRTRuntime(make_bundle(tmp_path / "b", level=1)).close()
    assert [build["config"].timing for build in device.trt.builds] == [b"", b"timings"]
    next((device.cache / "timings").iterdir()).write_bytes(b"junk")
    TensorRTRuntime(make_bundle(tmp_path / "c", level=2)).close()
    assert device.trt.builds[2]["config"].timing == b""


def test_another_driver_rebuilds_and_says_why(device: Device, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    TensorRTRuntime(bundle).close()
    device.driver.version = 13020
    device.driver.gpu = "Thor"
    with TensorRTRuntime(bundle) as runtime:
        source = runtime.describe()["engine"]
    assert "has changed: GPU from Orin to Thor, CUDA from 12.6 to 13.2" in source
    assert len(device.trt.builds) == 2


def test_another_plan_rebuilds_and_says_so(device: Device, tmp_path: Path) -> None:
    TensorRTRuntime(make_bundle(tmp_path / "a")).close()
    with TensorRTRuntime(make_bundle(tmp_path / "b", level=5)) as runtime:
        assert "has changed: plan" in runtime.describe()["engine"]


def test_a_damaged_engine_is_built_again(device: Device, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    TensorRTRuntime(bundle).close()
    (engine,) = device.engines()
    good = engine.read_bytes()
    engine.write_bytes(good[:100])
    with TensorRTRuntime(bundle) as runtime:
        assert "damaged (its SHA-256 differs)" in runtime.describe()["engine"]
    assert engine.read_bytes() == good


def test_an_engine_that_tensorrt_refuses_is_built_again(device: Device, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    TensorRTRuntime(bundle).close()
    device.trt.faults["load"] = 1
    with TensorRTRuntime(bundle) as runtime:
        source = runtime.describe()["engine"]
    assert "cannot load the cached engine (Error Code 1: Serialization assertion)" in source


def test_a_full_disk_leaves_the_engine_that_was_there(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    TensorRTRuntime(bundle).close()
    before = {p: p.read_bytes() for p in device.cache.rglob("*") if p.is_file()}

    def full(path: Path, data: bytes) -> None:
        if path.name == "engine.json":
            raise OutputError("the disk is full")
        write_atomically(path, data)

    monkeypatch.setattr(trt_cache, "write_atomically", full)
    device.trt.faults["load"] = 1
    with TensorRTRuntime(bundle) as runtime:
        assert "not cached: the disk is full" in runtime.describe()["engine"]
        taken = frames(16, 16)
        assert np.array_equal(runtime.run(taken), expected(bundle, taken))
    assert {p: p.read_bytes() for p in device.cache.rglob("*") if p.is_file()} == before
    record = json.loads(next(p for p in before if p.name == "engine.json").read_text())
    assert hashlib.sha256(device.engines()[0].read_bytes()).hexdigest() == record["sha256"]


def test_a_cache_that_cannot_be_made(device: Device, tmp_path: Path) -> None:
    device.cache.write_text("a file")
    with TensorRTRuntime(make_bundle(tmp_path / "bundle")) as runtime:
        assert "not cached: cannot make" in runtime.describe()["engine"]


def test_a_failed_build_is_one_sentence(device: Device, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    device.trt.faults["build"] = 1
    with pytest.raises(BundleError, match=r"^TensorRT could not build the engine: Error Code 4: "):
        TensorRTRuntime(bundle)
    assert not device.blocks.left
    assert device.engines() == []


def test_a_model_that_cannot_be_parsed_is_one_sentence(device: Device, tmp_path: Path) -> None:
    device.trt.faults["parse"] = 1
    told = r"^TensorRT 10\.3\.0 could not read trt\.onnx: In node 3: no importer for Foo$"
    with pytest.raises(BundleError, match=told):
        TensorRTRuntime(make_bundle(tmp_path / "bundle"))


def test_sizes_outside_of_the_profile(device: Device, tmp_path: Path) -> None:
    with TensorRTRuntime(make_bundle(tmp_path / "bundle")) as runtime:
        with pytest.raises(InputError, match="takes 16x16 to 200x300, found 15x64: resize"):
            runtime.run(frames(15, 64))
        assert runtime.refusal(16, 16) is None
        taken = frames(20, 20)
        assert runtime.run(taken).shape == (20, 20, 3)


def test_another_number_of_exposures(device: Device, tmp_path: Path) -> None:
    with (
        TensorRTRuntime(make_bundle(tmp_path / "bundle")) as runtime,
        pytest.raises(InputError, match="engine fuses 2 exposures, found 4: pass the darkest"),
    ):
        runtime.run([*frames(16, 16), *frames(16, 16)])


def test_too_little_memory_on_the_gpu(device: Device, tmp_path: Path) -> None:
    with TensorRTRuntime(make_bundle(tmp_path / "bundle")) as runtime:
        device.blocks.limit = 1000
        with pytest.raises(FrameTooLargeError, match="memory of the GPU"):
            runtime.run(frames(48, 64))
        taken = frames(16, 16)
        assert runtime.run(taken).shape == (16, 16, 3)
    assert not device.blocks.left


def test_many_threads_one_context(device: Device, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    sets = [frames(16 + i % 3, 20, seed=i) for i in range(12)]
    results: dict[int, bool] = {}
    with TensorRTRuntime(bundle) as runtime:

        def work(index: int) -> None:
            fused = runtime.run(sets[index])
            results[index] = np.array_equal(fused, expected(bundle, sets[index]))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(sets))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == dict.fromkeys(range(len(sets)), True)


def test_once_closed_it_does_not_run(device: Device, tmp_path: Path) -> None:
    runtime = TensorRTRuntime(make_bundle(tmp_path / "bundle"))
    runtime.close()
    runtime.close()
    with pytest.raises(BundleError, match="closed"):
        runtime.run(frames(16, 16))
    assert runtime.describe()["engine"] == "closed"


def test_without_a_device_tensorrt_is_not_touched(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    with no_device(monkeypatch):
        with pytest.raises(MissingError, match="TensorRT needs a CUDA device"):
            TensorRTRuntime(bundle)
        with Fuser.open(bundle.folder) as fuser:
            assert fuser.runtime.name == "onnxruntime"
    assert device.trt.touched == 0
    assert device.trt.used == set()


def test_a_build_is_told_of(device: Device, tmp_path: Path) -> None:
    told: list[str] = []

    class Listener(BuildWatcher):
        def note(self, text: str) -> None:
            told.append(text)

        def progress(self, phase: str, done: int, total: int) -> None:
            told.append(f"{phase} {done} of {total}")

    with watched(Listener()):
        TensorRTRuntime(make_bundle(tmp_path / "bundle")).close()
    assert told[0].startswith("building a TensorRT engine, which can take minutes: this model")
    assert told[1:4] == ["Building 0 of 2", "Building 1 of 2", "Building 2 of 2"]
    assert told[4].startswith("engine built in 0 s")


def test_a_build_can_be_stopped(device: Device, tmp_path: Path) -> None:
    class Impatient(BuildWatcher):
        def progress(self, phase: str, done: int, total: int) -> None:
            if done:
                raise KeyboardInterrupt

    with watched(Impatient()), pytest.raises(KeyboardInterrupt):
        TensorRTRuntime(make_bundle(tmp_path / "bundle"))
    assert device.engines() == []
    assert not device.blocks.left


def test_fuse_builds_and_says_so(
    device: Device, tmp_path: Path, run_cli: RunCli, bracket_files: tuple[Path, Path]
) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    arguments = ("fuse", *bracket_files, "-o", tmp_path / "f.png", "--bundle", bundle.folder)
    first = run_cli(*arguments)
    assert first.code == 0
    assert "note: building a TensorRT engine" in first.err
    assert first.out.rstrip().endswith("on tensorrt")
    second = run_cli(*arguments, "--runtime", "tensorrt", "--json")
    assert (second.code, second.err) == (0, "")
    assert json.loads(second.out)["runtime"]["engine"] == "cached"


@pytest.mark.parametrize("installed", [True, False])
def test_fuse_without_a_device_leaves_with_3(
    device: Device,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_cli: RunCli,
    bracket_files: tuple[Path, Path],
    installed: bool,
) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    if not installed:
        monkeypatch.delitem(__import__("sys").modules, "tensorrt")
    where = ("-o", tmp_path / "f.png", "--bundle", bundle.folder, "--runtime", "tensorrt")
    with no_device(monkeypatch):
        result = run_cli("fuse", *bracket_files, *where)
    assert result.code == 3
    assert ("needs a CUDA device" if installed else "not installed: pip") in result.sentence
    assert not (tmp_path / "f.png").exists()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.shared
def test_the_names_are_those_of_the_real_bindings(shared: Path, version: str) -> None:
    real = json.loads((shared / "tensorrt_api" / f"{version}.json").read_text(encoding="utf-8"))
    assert read_api(version) == cut_out(real["api"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.shared
def test_every_name_used_exists_in_the_real_version(
    shared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    real = json.loads((shared / "tensorrt_api" / f"{version}.json").read_text(encoding="utf-8"))
    device = make_device(monkeypatch, tmp_path / "cache", version)
    for index, precision in enumerate(("fp32", "fp16", "int8")):
        bundle = make_bundle(tmp_path / precision, precision, dla=0 if index else None)  # type: ignore[arg-type]
        with TensorRTRuntime(bundle) as runtime:
            runtime.run(frames(16, 16))
    assert len(device.trt.used) > 40
    assert [(c, m) for c, m in device.trt.used if m not in real["api"][c]] == []


def test_a_name_that_a_version_lacks_is_refused(device: Device) -> None:
    with pytest.raises(AttributeError, match=r"TensorRT 10\.3\.0 has no ICudaEngine\.num_bind"):
        device.trt.note("ICudaEngine", "num_bindings")
