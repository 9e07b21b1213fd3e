"""What targets can be told, besides network, precision and size; readable without any of them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CoreMLOptions:
    """Core ML.

    `ios` is the oldest system that has to run it, 17 or 18. `sizes` are further (height, width)
    that the package takes; the contract's, or where it has none the first, is the usual one.
    `weights_only` keeps activations in fp16 and the weights in int8.
    """

    ios: int = 17
    sizes: tuple[tuple[int, int], ...] = ()
    weights_only: bool = False


@dataclass(frozen=True)
class TensorRTOptions:
    """TensorRT.

    `smallest`, `usual` and `largest` are the (height, width) of the optimization profile where the
    bundle takes any size. `workspace` is in MiB, None is without limit. `level` is the builder's
    optimization level, 0 to 5. `engine` is whether an engine is required now: "required" fails
    where there is no device, "auto" builds on first use then.
    """

    smallest: tuple[int, int] = (16, 16)
    usual: tuple[int, int] = (1080, 1920)
    largest: tuple[int, int] = (2160, 3840)
    workspace: int | None = None
    level: int = 3
    version_compatible: bool = False
    hardware_compatible: bool = False
    dla: int | None = None
    engine: str = "auto"


@dataclass(frozen=True)
class TargetOptions:
    """The options of all targets."""

    coreml: CoreMLOptions = field(default_factory=CoreMLOptions)
    tensorrt: TensorRTOptions = field(default_factory=TensorRTOptions)
