"""What a meter says: energy, heat, and the state that clocks were in.

A value that is None was not measured, and the reading says why. Nothing absent is ever 0.
"""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from edge_mef.errors import InputError


class _Reading(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EnergyReading(_Reading):
    """The energy of everything that a sensor sees, the idle machine included.

    What the machine draws at rest is not subtracted: of two readings, the one of a shorter run has
    less of it.

    Attributes:
        joules: of the whole that `source` names, > 0.
        seconds: the time that `joules` and `rails` are about.
        source: the sensor, and of which of its rails `joules` is the sum.
        rails: joules of every rail, >= 0; parts of each other in places, so no sum is implied.
        not_measured: why there are no joules, or which rails are left out.
    """

    joules: float | None = Field(default=None, gt=0)
    seconds: float = Field(ge=0)
    source: str
    rails: dict[str, float] = {}
    not_measured: str | None = None

    @model_validator(mode="after")
    def _say_why(self) -> Self:
        if self.joules is None and not self.not_measured:
            raise ValueError("an energy that was not measured needs a reason in not_measured")
        return self

    def joules_per_frame(self, frames: int) -> float | None:
        """Return the joules of one of so many frames (>= 1), None where none were measured."""
        if frames < 1:
            raise InputError(f"expected at least 1 frame, found {frames}: count the frames fused")
        return None if self.joules is None else self.joules / frames

    @property
    def watts(self) -> float | None:
        """The mean power, None where no energy was measured."""
        return None if self.joules is None or not self.seconds else self.joules / self.seconds


class HeatReading(_Reading):
    """Temperatures at both ends, and whether clocks were held down in between.

    Attributes:
        celsius_at_start, celsius_at_end: degrees Celsius by the name of the sensor.
        throttled: None where nothing on this machine tells.
        reasons: what held clocks down, sorted; empty where nothing did.
        not_measured: what is missing, and why.
    """

    celsius_at_start: dict[str, float] = {}
    celsius_at_end: dict[str, float] = {}
    throttled: bool | None = None
    reasons: tuple[str, ...] = ()
    not_measured: str | None = None

    @model_validator(mode="after")
    def _say_why(self) -> Self:
        missing = self.throttled is None or not self.celsius_at_start or not self.celsius_at_end
        if missing and not self.not_measured:
            raise ValueError("a heat reading with gaps needs a reason in not_measured")
        return self


class PowerState(_Reading):
    """What the clocks may do: a benchmark without it cannot be repeated.

    Attributes:
        mode, mode_id: the power mode of a Jetson, as nvpmodel names it.
        governor: of the processor; several are joined by a comma.
        clocks_mhz, max_clocks_mhz: now, and at most; by the name of processor or clock.
        clocks_locked: whether jetson_clocks holds the clocks at their maximum.
        power_limit_watts, persistence: of an NVIDIA GPU.
        not_measured: why, by the name of a field that is None.
    """

    mode: str | None = None
    mode_id: int | None = None
    governor: str | None = None
    clocks_mhz: dict[str, float] | None = None
    max_clocks_mhz: dict[str, float] | None = None
    clocks_locked: bool | None = None
    power_limit_watts: float | None = None
    persistence: bool | None = None
    not_measured: dict[str, str] = {}


def merge_states(states: Iterable[PowerState]) -> PowerState:
    """Return what is known of all: of a field the first value, of clocks all of them.

    Whatever is unknown then has a reason: the first that was given.
    """
    values: dict[str, object] = {}
    clocks: dict[str, dict[str, float]] = {}
    reasons: dict[str, str] = {}
    for state in states:
        known = state.model_dump(exclude_none=True, exclude={"not_measured"})
        for name in ("clocks_mhz", "max_clocks_mhz"):
            clocks.setdefault(name, {}).update(known.pop(name, {}))
        values = known | values
        reasons = dict(state.not_measured) | reasons
    values |= {name: found for name, found in clocks.items() if found}
    fields = PowerState.model_fields.keys() - {"not_measured"} - values.keys()
    reasons = {name: reasons.get(name, "nothing here tells it") for name in sorted(fields)}
    return PowerState.model_validate({**values, "not_measured": reasons})
