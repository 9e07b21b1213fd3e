"""What is saved of a calibration set: everything but the pixels, as a small JSON document."""

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import Self

from edge_mef.calibration.features import SceneFeatures
from edge_mef.calibration.preprocessing import Preprocessing
from edge_mef.calibration.selection import Coverage
from edge_mef.errors import InputError

_Sha256 = Field(pattern="^[0-9a-f]{64}$")


class SceneRecord(BaseModel):
    """One scene of a set; size is (height, width) as it is calibrated with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size: tuple[int, int]
    digest: str = _Sha256
    features: SceneFeatures


class CalibrationRecord(BaseModel):
    """Which scenes a set has, how they were prepared, and how well they stand for their source.

    `digest` is that of the frames and the settings; names and source are only for people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    source: str
    digest: str = _Sha256
    settings: Preprocessing
    scenes: tuple[SceneRecord, ...]
    coverage: Coverage
    notes: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Return the document in UTF-8."""
        return (json.dumps(self.model_dump(mode="json"), indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes | str, where: str = "the calibration record") -> Self:
        """Read the document; `InputError`, which names `where`, if it is none."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the document"
            raise InputError(
                f"expected a record of a calibration set in {where}, but {place} is wrong "
                f"({first['msg']}): write it again with edge-mef calibrate --save"
            ) from error
