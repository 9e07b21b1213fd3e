"""The ONNX artefact on ONNX Runtime."""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, FrameTooLargeError
from edge_mef.runtimes.base import Frame, Runtime

_ERRORS_ONLY = 3


class OnnxRuntime(Runtime):
    """Runs `*.onnx` on the CPU."""

    name = "onnxruntime"

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        artefact = bundle.manifest.artefact("onnx")
        if artefact is None:
            raise BundleError(f"'{bundle.folder}' holds no ONNX artefact")
        self._contract = bundle.manifest.contract
        options = ort.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        if threads is not None:
            options.intra_op_num_threads = threads
        # The next level blocks channels by 8 or 16; with the few channels of these networks that
        # is mostly padding, and costs a third of the time.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        # Planned blocks come on top of those of the first run: twice the memory, and not faster.
        options.enable_mem_pattern = False
        try:
            self._session: ort.InferenceSession | None = ort.InferenceSession(
                str(bundle.path_of(artefact)), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors share no base class
            raise BundleError(
                f"{bundle.path_of(artefact)} cannot be loaded by ONNX Runtime: {error}"
            ) from error
        self._threads = threads

    def run(self, exposures: Sequence[Frame]) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB."""
        if self._session is None:
            raise BundleError("this runtime was closed: open the bundle again")
        feeds = {
            name: frame[np.newaxis]
            for name, frame in zip(self._contract.inputs, exposures, strict=True)
        }
        try:
            fused: Frame = self._session.run([self._contract.output], feeds)[0][0]
        except Exception as error:  # its errors share no base class
            if "alloc" in str(error).lower():
                height, width = exposures[0].shape[:2]
                raise FrameTooLargeError(
                    f"the memory of this machine was not enough for frames of {height}x{width}"
                ) from error
            raise BundleError(f"ONNX Runtime could not run the bundle: {error}") from error
        return fused

    def describe(self) -> dict[str, str]:
        """Return version, provider and thread count."""
        threads = "all" if self._threads is None else str(self._threads)
        return {
            "runtime": f"onnxruntime {ort.__version__}",
            "device": "CPU",
            "provider": "CPUExecutionProvider",
            "threads": threads,
        }

    def close(self) -> None:
        """Release the session."""
        self._session = None
