"""One session of ONNX Runtime: its settings, and the execution provider that it runs on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge_mef.errors import BundleError, MissingError

CPU = "CPUExecutionProvider"
_ERRORS_ONLY = 3


def check_provider(provider: str) -> None:
    """Raise `MissingError` unless this build of ONNX Runtime has an execution provider."""
    known = ort.get_available_providers()
    if provider not in known:
        raise MissingError(
            f"ONNX Runtime has no execution provider '{provider}' here, only: {', '.join(known)}: "
            "name one of them, or install the package of ONNX Runtime that brings it"
        )


def open_session(
    path: Path, threads: int | None, provider: str = CPU, *, profile: Path | None = None
) -> ort.InferenceSession:
    """Load a model; `profile` is how the file begins that the times of layers go to.

    What `provider` does not take runs on the CPU.

    Raises:
        BundleError: it cannot be loaded.
        MissingError: the provider cannot be started.
    """
    # Where a build has telemetry it is on by default; nobody here asked for it.
    ort.disable_telemetry_events()
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    if threads is not None:
        options.intra_op_num_threads = threads
    # The next level blocks channels by 8 or 16; with the few channels of these networks that
    # is mostly padding, and costs a third of the time.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    # Planned blocks come on top of those of the first run: twice the memory, and not faster.
    options.enable_mem_pattern = False
    # Between two calls waiting threads would take the cores from those that work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    providers = list(dict.fromkeys((provider, CPU)))
    try:
        session = ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # its errors share no base class
        raise BundleError(f"{path} cannot be loaded by ONNX Runtime: {error}") from error
    _check_running(session, provider)
    return session


def run_into(
    session: ort.InferenceSession,
    feeds: Mapping[str, NDArray[np.uint8]],
    name: str,
    out: NDArray[np.uint8],
) -> None:
    """Run a session on the memory of its inputs, and have it write the output `name` to `out`.

    All are contiguous, and in the memory of the host: a device's provider copies from and to it.
    """
    binding = session.io_binding()
    for key, array in feeds.items():
        binding.bind_input(key, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
    binding.bind_output(name, "cpu", 0, out.dtype, out.shape, out.ctypes.data)
    session.run_with_iobinding(binding)


def _check_running(session: ort.InferenceSession, provider: str) -> None:
    """A provider whose libraries are missing is dropped with no more than a line in the log."""
    running = session.get_providers()
    if running[0] != provider:
        raise MissingError(
            f"ONNX Runtime could not start '{provider}' here and would run on {running[0]}: "
            "install the libraries that this provider needs, or leave it out"
        )
    # Where a run fails it would go on with another provider.
    session.disable_fallback()
