"""What targets can be told, besides network, precision and size; readable without any of them."""

from dataclasses import dataclass, field

from edge_mef.contract import LARGEST_SIDE, FusionContract
from edge_mef.errors import InputError
from edge_mef.manifest import Precision

Size = tuple[int, int]  # (height, width)
SYSTEMS = (17, 18)
# Where any size goes: full HD as cameras give it, and upright.
USUAL_SIZES: tuple[Size, ...] = ((1080, 1920), (1920, 1080))


@dataclass(frozen=True)
class CoreMLOptions:
    """Core ML.

    `ios` is the oldest system that has to run it, 17 or 18. `sizes` are the (height, width) that
    get a package where the contract has no size of its own; the first is the usual one, and none
    given means full HD, wide and upright. `weights_only` stores the weights of an fp16 network in
    int8.
    """

    ios: int = 17
    sizes: tuple[Size, ...] = ()
    weights_only: bool = False

    def check(self, contract: FusionContract, precision: Precision) -> None:
        """Raise `InputError` for a system, sizes or a combination that does not go."""
        if self.ios not in SYSTEMS:
            raise InputError(f"expected iOS {' or '.join(map(str, SYSTEMS))}, found {self.ios}")
        if self.weights_only and precision != "fp16":
            raise InputError(
                f"weights alone in int8 need activations in fp16, found {precision}: give "
                "--precision fp16 as well"
            )
        self.package_sizes(contract)

    def package_sizes(self, contract: FusionContract) -> tuple[Size, ...]:
        """Return the (height, width) that get a package, the usual one first."""
        if contract.height is not None and contract.width is not None:
            if set(self.sizes) - {(contract.height, contract.width)}:
                raise InputError(
                    f"expected frames of {contract.size_text} alone, found further sizes: leave "
                    "out --size and give all of them with --sizes"
                )
            return ((contract.height, contract.width),)
        multiple = contract.multiple
        usual = tuple((h - h % multiple, w - w % multiple) for h, w in USUAL_SIZES)
        for height, width in self.sizes:
            sides = (height, width)
            if not all(1 <= side <= LARGEST_SIDE and side % multiple == 0 for side in sides):
                raise InputError(
                    f"expected sides of 1 to {LARGEST_SIDE} divisible by {multiple}, found "
                    f"{height}x{width}"
                )
        return tuple(dict.fromkeys(self.sizes or usual))


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

    def check(self, target: str, contract: FusionContract, precision: Precision) -> None:
        """Raise `InputError` for what a target cannot do, before anything is converted."""
        if target == "coreml":
            self.coreml.check(contract, precision)
