"""What two records must share to be compared, and what else differs between them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edge_mef.benchmarks.records import Record
from edge_mef.errors import InputError


@dataclass(frozen=True)
class Difference:
    """One thing that two records do not share."""

    field: str
    before: str
    after: str

    @property
    def text(self) -> str:
        """The difference, for people."""
        return f"{self.field} {self.before} and {self.after}"


def _state(name: str) -> Callable[[Record], object]:
    return lambda record: None if record.state is None else getattr(record.state, name)


# A different one changes the time whatever runs. `--across NAME` allows it.
CONDITIONS: Mapping[str, Callable[[Record], object]] = MappingProxyType(
    {
        "size": lambda r: f"{r.settings.height}x{r.settings.width}",
        "exposures": lambda r: r.settings.exposures,
        "machine": lambda r: f"{r.machine.board or r.machine.cpu} ({r.machine.digest[:8]})",
        "threads": lambda r: r.settings.threads,
        "streams": lambda r: r.settings.streams,
        "provider": lambda r: r.settings.provider,
        "cuda-graph": lambda r: r.settings.cuda_graph,
        "power-mode": _state("mode"),
        "governor": _state("governor"),
        "clocks-locked": _state("clocks_locked"),
        "power-limit": _state("power_limit_watts"),
    }
)
# They belong to a runtime: between two of them they differ by nature.
_OF_A_RUNTIME = ("provider", "cuda-graph")
# None says that nothing tells, not that it is another.
_OF_THE_STATE = ("power-mode", "governor", "clocks-locked", "power-limit")
_OF_THE_SUBJECT = ("title", "network", "channels", "precision", "runtime", "artefact")
_OF_THE_SYSTEM = ("os", "kernel", "python", "driver", "cuda", "tensorrt", "l4t", "jetpack")


def check_comparable(
    before: Record, after: Record, across: Collection[str] = ()
) -> tuple[Difference, ...]:
    """Return the conditions that differ, all of them allowed by `across`.

    Raises:
        InputError: others differ, or `across` names what is no condition.
    """
    unknown = sorted(set(across) - CONDITIONS.keys())
    if unknown:
        raise InputError(f"expected some of {', '.join(CONDITIONS)}, found '{unknown[0]}'")
    found = tuple(d for name in CONDITIONS for d in _condition(name, before, after))
    wrong = [d for d in found if d.field not in across]
    if wrong:
        flags = " ".join(f"--across {d.field}" for d in wrong)
        raise InputError(
            f"these records are not comparable, they differ in {'; '.join(d.text for d in wrong)}: "
            f"measure both alike, or allow it with {flags}"
        )
    return found


def subject_differences(before: Record, after: Record) -> tuple[Difference, ...]:
    """Return what of the subjects differs: this is what one compares."""
    one, other = before.subject, after.subject
    found = [_pair(name, getattr(one, name), getattr(other, name)) for name in _OF_THE_SUBJECT]
    found.append(_pair("weights", _short(one.weights_sha256), _short(other.weights_sha256)))
    differing = [d for d in found if d.before != d.after]
    if not differing and one.files != other.files:
        differing = [Difference("files", "some", "others")]
    return tuple(differing)


def version_differences(before: Record, after: Record) -> tuple[Difference, ...]:
    """Return which versions of system and packages differ."""
    one = {name: getattr(before.machine, name) for name in _OF_THE_SYSTEM} | before.toolchain
    other = {name: getattr(after.machine, name) for name in _OF_THE_SYSTEM} | after.toolchain
    pairs = (_pair(name, one.get(name), other.get(name)) for name in {**one, **other})
    return tuple(d for d in pairs if d.before != d.after)


def unknown_conditions(before: Record, after: Record) -> tuple[str, ...]:
    """Return the conditions that only one of two records tells."""
    return tuple(
        name
        for name in _OF_THE_STATE
        if (CONDITIONS[name](before) is None) != (CONDITIONS[name](after) is None)
    )


def _condition(name: str, before: Record, after: Record) -> tuple[Difference, ...]:
    one, other = CONDITIONS[name](before), CONDITIONS[name](after)
    if name in _OF_A_RUNTIME and before.subject.runtime != after.subject.runtime:
        return ()
    if name in _OF_THE_STATE and None in (one, other):
        return ()
    return () if one == other else (_pair(name, one, other),)


def _pair(name: str, before: object, after: object) -> Difference:
    texts = ["unknown" if value is None else str(value) for value in (before, after)]
    return Difference(name, *texts)


def _short(digest: str | None) -> str | None:
    return None if digest is None else digest[:12]
