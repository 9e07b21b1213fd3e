"""How an engine is to be built: what travels beside the ONNX model, and is read on the device."""

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from edge_mef.contract import LARGEST_SIDE
from edge_mef.errors import BundleError
from edge_mef.manifest import Precision

MODEL_FILE = "trt.onnx"
PLAN_FILE = "trt-plan.json"
Size = tuple[int, int]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Profile(_Part):
    """The (height, width) that an engine takes, and the one that it is fastest at."""

    smallest: Size
    usual: Size
    largest: Size

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for sides in zip(self.smallest, self.usual, self.largest, strict=True):
            if not 1 <= sides[0] <= sides[1] <= sides[2] <= LARGEST_SIDE:
                raise ValueError(
                    f"expected smallest, usual and largest sides in order, from 1 to "
                    f"{LARGEST_SIDE}, found {sides[0]}, {sides[1]}, {sides[2]}"
                )
        return self

    def takes(self, size: Size) -> bool:
        """Say whether frames of a size lie inside."""
        sides = zip(self.smallest, size, self.largest, strict=True)
        return all(low <= side <= high for low, side, high in sides)

    @property
    def text(self) -> str:
        """The range, for people."""
        return "{}x{} to {}x{}".format(*self.smallest, *self.largest)


class EnginePlan(_Part):
    """What the builder is told.

    Attributes:
        precision: what the graph computes in; builders without strong typing need its flags.
        inputs, output: their names in the graph.
        profile: sizes, where the graph takes any; None where it takes one.
        workspace: MiB for scratch memory; None is without limit.
        level: the builder's optimization level.
        version_compatible, hardware_compatible: one engine for further versions or GPUs.
        dla: the core of the deep learning accelerator; None builds for the GPU.
    """

    schema_version: Literal[1] = 1
    model: str = MODEL_FILE
    precision: Precision
    inputs: tuple[str, ...]
    output: str
    profile: Profile | None = None
    workspace: int | None = Field(default=None, ge=1)
    level: int = Field(default=3, ge=0, le=5)
    version_compatible: bool = False
    hardware_compatible: bool = False
    dla: int | None = Field(default=None, ge=0)


def encode_plan(plan: EnginePlan) -> bytes:
    """Return the JSON of a plan."""
    return (json.dumps(plan.model_dump(mode="json"), indent=2) + "\n").encode()


def decode_plan(data: bytes, where: str) -> EnginePlan:
    """Read a plan; `where` names it in messages.

    Raises:
        BundleError: it is not such a plan.
    """
    try:
        return EnginePlan.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "all"
        raise BundleError(
            f"{where} is no plan that this EdgeMEF reads ({place}: {first['msg']}): export the "
            "bundle again"
        ) from error
