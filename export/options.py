"""What targets can be told, besides network, precision and size; readable without any of them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CoreMLOptions:
    """Core ML.

    `ios` is the oldest system that has to run it, 17 or 18. `sizes` are the (height, width) that
    get a package where the contract has no size of its own; the first is the usual one, and none
    given means full HD, wide and upright. `weights_only` stores the weights of an fp16 network in
    int8.
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

    smallest: tuple[int, int] = (256, 256)
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
