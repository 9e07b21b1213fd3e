"""What goes into a pipeline and what comes out, said once."""

from dataclasses import dataclass

from edge_mef.errors import InputError

LARGEST_SIDE = 32768


@dataclass(frozen=True)
class FusionContract:
    """The tensors of one exported pipeline.

    Every exposure is an input of its own, `exposure_0` the darkest; inputs and output are uint8 RGB
    of the shape (1, H, W, 3), 0 to 255. `height` and `width` are None where any size goes;
    both must be divisible by `multiple`. Bundles with stages fuse from `fewest` to `most` exposures
    with them, whatever the number of inputs of the pipeline in one piece.
    """

    exposures: int
    height: int | None = None
    width: int | None = None
    multiple: int = 1
    dtype: str = "uint8"
    layout: str = "NHWC"
    channels: str = "RGB"
    order: str = "darkest first"
    output: str = "fused"
    fewest: int | None = None
    most: int | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs, darkest exposure first."""
        return tuple(f"exposure_{index}" for index in range(self.exposures))

    @property
    def counts(self) -> tuple[int, int]:
        """The smallest and the largest number of exposures."""
        return self.fewest or self.exposures, self.most or self.exposures

    @property
    def count_text(self) -> str:
        """The numbers of exposures that go, for people."""
        low, high = self.counts
        return str(low) if low == high else f"{low} to {high}"

    @property
    def size_text(self) -> str:
        """The sizes that go, for people."""
        if self.height is not None:
            return f"{self.height}x{self.width}"
        return "any size" if self.multiple == 1 else f"sizes divisible by {self.multiple}"

    def check(self, count: int, height: int, width: int) -> None:
        """Raise `InputError` unless this many frames of this size fit."""
        self.check_count(count)
        fixed = self.height is not None and (height, width) != (self.height, self.width)
        if fixed or height % self.multiple or width % self.multiple:
            raise InputError(
                f"this bundle takes {self.size_text}, found {height}x{width}: resize the frames, "
                "or export with --size dynamic"
            )

    def check_count(self, count: int) -> None:
        """Raise `InputError` unless this many frames fit."""
        low, high = self.counts
        if not low <= count <= high:
            other = "pass fewer" if low < high else "export a bundle for that many"
            raise InputError(
                f"this bundle fuses {self.count_text} exposures, found {count}: pass the darkest "
                f"and the brightest (--extremes picks them), or {other}"
            )
