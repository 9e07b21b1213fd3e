"""Other libraries' arrays on the GPU: fused where they lie, after the work begun on them."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef.errors import FrameTooLargeError, InputError
from edge_mef.fuser import Fuser

pytest.importorskip("onnx", reason="models for the stand-in are made with onnx")

from edge_mef.bundle import Bundle
from edge_mef.exposures import Frame
from edge_mef.runtimes import dlpack
from edge_mef.runtimes.device_array import DeviceFrame
from edge_mef.runtimes.tensorrt import TensorRTRuntime
from tests.runtimes.standin_array import KINDS, DlpackArray, InterfaceArray, read
from tests.runtimes.standin_stream import LEGACY
from tests.runtimes.trt_device import MEMORIES, Device, expected, frames, make_bundle, make_device


@pytest.fixture(params=MEMORIES)
def cuda_kind(request: Any) -> Any:
    return request.param, False


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "bundle")


def on_gpu(device: Device, kind: str, taken: list[Frame], offset: int = 0) -> list[Any]:
    """Return frames as arrays of a library with a stream of its own, not filled yet."""
    stream = device.gpu.open_stream()
    return [KINDS[kind](device.gpu, frame, stream, offset) for frame in taken]


def pixels_of(device: Device, frame: Any) -> Frame:
    told = frame.__cuda_array_interface__
    assert (told["stream"], told["version"], told["strides"]) == (None, 3, None)
    return read(device.gpu, told["data"][0], told["shape"])


def host_memory(device: Device) -> int:
    return len(device.blocks.host)


@pytest.mark.parametrize("kind", KINDS)
def test_it_fuses_where_arrays_lie(device: Device, bundle: Bundle, kind: str) -> None:
    with Fuser(bundle, TensorRTRuntime(bundle)) as fuser:
        for seed, size in enumerate(((48, 64), (48, 64), (31, 97))):
            plain = frames(*size, seed=seed)
            arrays = on_gpu(device, kind, plain)
            fused = fuser.fuse_device(*arrays)
            assert isinstance(fused, DeviceFrame)
            assert np.array_equal(pixels_of(device, fused), expected(bundle, plain))
            assert host_memory(device) == 0, "nothing goes by the host"
            assert fuser.runtime._device.allocated == fused.shape[0] * fused.shape[1] * 3  # type: ignore[attr-defined]
            for array in arrays:
                array.free()
            del fused
    assert not device.blocks.left


@pytest.mark.parametrize("kind", KINDS)
def test_it_writes_to_an_array(device: Device, bundle: Bundle, kind: str) -> None:
    plain = frames(20, 30)
    with TensorRTRuntime(bundle) as runtime:
        arrays = on_gpu(device, kind, [*plain, np.zeros_like(plain[0])])
        out = arrays.pop()
        fused: Any = runtime.run_device(arrays, out)
        assert fused is out
        assert np.array_equal(fused.pixels(), expected(bundle, plain))
        assert runtime._device.allocated == 0
        for array in (*arrays, out):
            array.free()


def test_dlpack_is_asked_for_the_streams_order(device: Device, bundle: Bundle) -> None:
    with TensorRTRuntime(bundle) as runtime:
        arrays = on_gpu(device, "dlpack", frames(20, 30))
        runtime.run_device(arrays)
        (asked,) = {stream for array in arrays for stream in array.asked}
        assert asked in device.gpu.streams
        assert asked not in (0, LEGACY)
    assert not dlpack._GIVEN, "everything was given back"


def test_a_fused_frame_is_an_exposure_too(device: Device, bundle: Bundle) -> None:
    plain = frames(20, 30)
    with TensorRTRuntime(bundle) as runtime:
        first = runtime.run_device(on_gpu(device, "dlpack", plain))
        second = runtime.run_device([first, *on_gpu(device, "interface", plain[1:])])
        once = expected(bundle, plain)
        assert np.array_equal(pixels_of(device, second), expected(bundle, [once, plain[1]]))
    assert np.array_equal(pixels_of(device, first), once), "it outlives the runtime"


def test_a_fused_frame_lives_as_long_as_what_is_made_of_it(device: Device, bundle: Bundle) -> None:
    plain = frames(20, 30)
    runtime = TensorRTRuntime(bundle)
    arrays = on_gpu(device, "dlpack", plain)
    fused = runtime.run_device(arrays)
    assert fused.__dlpack_device__() == (2, 0)  # type: ignore[union-attr]
    capsule = fused.__dlpack__(stream=-1, max_version=(1, 0), dl_device=(2, 0), copy=False)  # type: ignore[union-attr,call-arg]
    del fused
    taken = dlpack.take(capsule)
    runtime.close()
    for array in arrays:
        array.free()
    assert np.array_equal(read(device.gpu, taken.address, taken.shape), expected(bundle, plain))
    assert taken.device == (2, 0)
    taken.give_back()
    assert not device.blocks.left


@pytest.mark.parametrize("asked", [{"copy": True}, {"dl_device": (1, 0)}, {"dl_device": (2, 1)}])
def test_what_a_fused_frame_does_not_do(
    device: Device, bundle: Bundle, asked: dict[str, Any]
) -> None:
    with TensorRTRuntime(bundle) as runtime:
        fused = runtime.run_device(on_gpu(device, "dlpack", frames(16, 16)))
        with pytest.raises(BufferError, match="without a copy, and on its own device only"):
            fused.__dlpack__(**asked)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_that_begin_anywhere(device: Device, bundle: Bundle, kind: str) -> None:
    """TensorRT takes memory from multiples of 256 bytes on, so these are copied on the device."""
    plain = frames(20, 30)
    with TensorRTRuntime(bundle) as runtime:
        arrays = on_gpu(device, kind, [*plain, np.zeros_like(plain[0])], offset=3)
        out = arrays.pop()
        runtime.run_device(arrays, out)
        assert np.array_equal(out.pixels(), expected(bundle, plain))
        assert runtime._device.allocated == 3 * plain[0].nbytes
        assert host_memory(device) == 0


def test_a_cuda_graph_of_arrays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: Bundle
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache")
    with TensorRTRuntime(bundle, cuda_graph=True) as runtime:
        for seed in range(4):
            plain = frames(20, 30, seed=seed)
            fused = runtime.run_device(on_gpu(device, "dlpack", plain))
            assert np.array_equal(pixels_of(device, fused), expected(bundle, plain))
        assert (device.gpu.captures, device.gpu.launches) == (1, 3)
        assert host_memory(device) == 0


def test_both_lanes_at_once(device: Device, bundle: Bundle) -> None:
    device.trt.meeting = threading.Barrier(2, timeout=20)
    right: list[bool] = []
    with TensorRTRuntime(bundle) as runtime:

        def work(seed: int) -> None:
            plain = frames(20, 30, seed=seed)
            fused = runtime.run_device(on_gpu(device, "dlpack", plain))
            right.append(np.array_equal(pixels_of(device, fused), expected(bundle, plain)))

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert right == [True, True]


@pytest.mark.parametrize("version", [2, 3])
def test_streams_that_an_interface_names(device: Device, bundle: Bundle, version: int) -> None:
    """Version 2 names none, which stands for the default stream; in version 3 it means: ready."""
    plain = frames(20, 30)
    arrays = [InterfaceArray(device.gpu, frame, device.gpu.streams[LEGACY]) for frame in plain]

    def change(told: dict[str, Any]) -> None:
        told["version"] = version
        told.pop("stream" if version == 2 else "strides")
        if version == 3:
            told["stream"] = LEGACY

    for array in arrays:
        array.change = change
    with TensorRTRuntime(bundle) as runtime:
        fused = runtime.run_device(arrays)
        assert np.array_equal(pixels_of(device, fused), expected(bundle, plain))


def told_as(**values: Any) -> Any:
    return lambda told: told.update(values)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"typestr": "<f4"}, r"expected \(H, W, 3\) uint8 arrays, found \(20, 30, 3\) of <f4: convert"),
    ({"typestr": "|i1"}, r"uint8 arrays, found \(20, 30, 3\) of \|i1"),
    ({"shape": (3, 20, 30)}, r"uint8 arrays, found \(3, 20, 30\) of uint8: convert them$"),
    ({"shape": (20, 30)}, r"found \(20, 30\) of uint8"),
    ({"strides": (90, 1, 30)}, r"one after another, found the strides \(90, 1, 30\): make them"),
    ({"mask": object()}, "expected an array without a mask"),
    ({"stream": 0}, "expected the handle of a stream, found 0, which says too little"),
    (
        {"data": (4096, False)},
        "on CUDA device 0, found one on no device: move it there$",
    ),
]


@pytest.mark.parametrize(("told", "sentence"), WRONG, ids=[next(iter(told)) for told, _ in WRONG])
def test_what_an_interface_says_wrong(
    device: Device, bundle: Bundle, told: dict[str, Any], sentence: str
) -> None:
    good, wrong = on_gpu(device, "interface", frames(20, 30))
    wrong.change = told_as(**told)
    with TensorRTRuntime(bundle) as runtime:
        with pytest.raises(InputError, match=sentence):
            runtime.run_device([good, wrong])
        assert runtime.run(frames(16, 16)).shape == (16, 16, 3)


def test_another_device(device: Device, bundle: Bundle) -> None:
    tensors, interfaces = (on_gpu(device, kind, frames(20, 30)) for kind in KINDS)
    tensors[1].device = (dlpack.CUDA, 1)
    device.driver.ordinal = 1
    with TensorRTRuntime(bundle) as runtime:
        for arrays in (tensors, interfaces):
            with pytest.raises(InputError, match="on CUDA device 0, found one on device 1: move"):
                runtime.run_device(arrays)
    assert not dlpack._GIVEN


def test_host_memory_that_says_it_is_the_devices(device: Device, bundle: Bundle) -> None:
    good, wrong = on_gpu(device, "interface", frames(20, 30))
    with TensorRTRuntime(bundle) as runtime:
        pinned = runtime.host_buffer((20, 30, 3))
        wrong.change = told_as(data=(pinned.ctypes.data, False))
        with pytest.raises(InputError, match="found one on no device"):
            runtime.run_device([good, wrong])


def test_a_tensor_that_gives_no_capsule(device: Device, bundle: Bundle) -> None:
    class Learning(DlpackArray):
        def __dlpack__(self, *, stream: Any = None) -> Any:
            raise RuntimeError("it requires grad")

    good = on_gpu(device, "dlpack", frames(20, 30))[0]
    wrong = Learning(device.gpu, frames(20, 30)[1], device.gpu.open_stream())
    told = r"Learning gives no DLPack capsule: it requires grad$"
    with TensorRTRuntime(bundle) as runtime, pytest.raises(InputError, match=told):
        runtime.run_device([good, wrong])
    assert not dlpack._GIVEN


@pytest.mark.parametrize("wrong", [np.zeros((20, 30, 3), np.uint8), 7, None])
def test_what_is_not_on_the_gpu(device: Device, bundle: Bundle, wrong: Any) -> None:
    good = on_gpu(device, "dlpack", frames(20, 30))[0]
    with TensorRTRuntime(bundle) as runtime:
        told = f"memory of the GPU, .* found {type(wrong).__module__}.*: fuse frames of the host"
        with pytest.raises(InputError, match=told):
            runtime.run_device([good, wrong])


def test_exposures_that_do_not_fit_together(device: Device, bundle: Bundle) -> None:
    small, large = (on_gpu(device, "dlpack", frames(side, 30)) for side in (20, 40))
    tiny = on_gpu(device, "dlpack", frames(15, 30))
    with TensorRTRuntime(bundle) as runtime:
        for arrays, told in (
            ([small[0], large[0]], "expected exposures of one size, found 20x30, 40x30: crop"),
            ([], "of one size, found none"),
            ([*small, small[0]], "engine fuses 2 exposures, found 3"),
            (tiny, "engine takes 16x16 to 200x300, found 15x30"),
        ):
            with pytest.raises(InputError, match=told):
                runtime.run_device(arrays)


def test_wrong_room_for_the_fused_frame(device: Device, bundle: Bundle) -> None:
    arrays, (other, _) = (on_gpu(device, "interface", frames(side, 30)) for side in (20, 40))
    sealed = on_gpu(device, "interface", frames(20, 30))[0]
    sealed.change = told_as(data=(sealed.address, True))
    within = on_gpu(device, "interface", frames(20, 30))[0]
    within.address = arrays[0].address + 256
    with TensorRTRuntime(bundle) as runtime:
        for out, told in (
            (other, r"expected room for \(20, 30, 3\) to write to, found \(40, 30, 3\)$"),
            (sealed, "to write to, found memory that is only for reading$"),
            (arrays[1], "apart from that of the exposures$"),
            (within, "apart from that of the exposures$"),
        ):
            with pytest.raises(InputError, match=told):
                runtime.run_device(arrays, out)


def test_too_little_memory_for_the_fused_frame(device: Device, bundle: Bundle) -> None:
    arrays, small = (on_gpu(device, "dlpack", frames(side, 30)) for side in (40, 20))
    device.blocks.limit = 2000
    with TensorRTRuntime(bundle) as runtime:
        with pytest.raises(FrameTooLargeError, match="memory of the GPU is not enough"):
            runtime.run_device(arrays)
        fused = runtime.run_device(small)
        assert np.array_equal(pixels_of(device, fused), expected(bundle, frames(20, 30)))


def test_other_runtimes_take_none() -> None:
    with (
        Fuser.open(runtime="onnxruntime", threads=1) as fuser,
        pytest.raises(InputError, match="'onnxruntime' takes no arrays in the memory of a GPU: ch"),
    ):
        fuser.fuse_device()
