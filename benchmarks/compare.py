"""Is the second of two records slower than the first? A claim only where it would hold again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_mef.benchmarks.comparable import (
    Difference,
    check_comparable,
    subject_differences,
    unknown_conditions,
    version_differences,
)
from edge_mef.benchmarks.records import Phase, Record
from edge_mef.benchmarks.statistics import (
    FEWEST_SAMPLES,
    LEVEL,
    Ratio,
    Samples,
    bootstrap_ratio,
    paired_ratio,
)
from edge_mef.benchmarks.yardstick import per_yardstick, unsteadiness, widened
from edge_mef.errors import InputError

# The median of the same artefact moves from run to run (memory layout, heat, neighbours), and no
# interval from within the runs knows by how much. Less than this is not worth an alarm either.
LEAST_CHANGE = 0.03
_APART = (
    "these runs were made apart, and what changed on the machine between them looks like a "
    "difference: measure both in turn to be sure"
)
_IN_STEP = (
    "both took turns in a fixed order, which may fall into step with the time slices of a busy "
    "machine: shuffle every round to be sure"
)
Verdict = Literal["faster", "slower", "no difference"]


@dataclass(frozen=True)
class Comparison:
    """What two records say of each other.

    Attributes:
        ratio: of the medians, after by before, with its interval; above 1 is slower.
        verdict: "slower" where the whole interval is above 1 + `LEAST_CHANGE`, "faster" where it
            is below 1 / (1 + `LEAST_CHANGE`), or else "no difference"; of runs made apart always
            that where other programs took the cores during one of them.
        paired: whether calls took turns, so that pairs of samples were compared.
        moved: how much the speed of the machine itself moved in two runs made apart, 0.1 for 10 %;
            the ratio is then one of times in yardsticks. None where there were none.
        changed: how the subjects differ.
        allowed: conditions that differ, and were allowed to.
        notes: what makes the numbers less sure, in sentences.
    """

    before: Record
    after: Record
    phase: Phase
    ratio: Ratio
    verdict: Verdict
    paired: bool
    moved: float | None
    changed: tuple[Difference, ...]
    allowed: tuple[Difference, ...]
    notes: tuple[str, ...]

    def slower_than(self, limit: float) -> bool:
        """Say whether it is slower by more than `limit` (0.05 is 5 %) with confidence.

        That is so where the verdict is "slower" and the lower end of the interval is above
        1 + limit.
        """
        return self.verdict == "slower" and self.ratio.low > 1 + limit

    @property
    def text(self) -> str:
        """The verdict in a sentence."""
        ratio = self.ratio
        sure = f"{100 * ratio.level:g} % interval {_percent(ratio.low)} to {_percent(ratio.high)}"
        found = f"{_percent(ratio.ratio)} ({sure})"
        if self.verdict == "no difference":
            return f"No difference of more than {100 * LEAST_CHANGE:g} % is shown: {found}."
        time = "time" if self.phase == "end_to_end" else f"time of {self.phase}"
        return f"The second is {self.verdict}: {found} in median {time}."


def compare_records(
    before: Record,
    after: Record,
    *,
    phase: Phase = "end_to_end",
    level: float = LEVEL,
    across: Collection[str] = (),
    seed: int = 0,
) -> Comparison:
    """Compare the medians of a phase in two records.

    Args:
        level: of the interval.
        across: conditions that may differ, of `edge_mef.benchmarks.comparable.CONDITIONS`.
        seed: of the bootstrap; the same seed gives the same interval.

    Raises:
        InputError: the records are not comparable, lack the phase, or have too few samples.
    """
    allowed = check_comparable(before, after, across)
    _check_phase(before, phase, "first")
    _check_phase(after, phase, "second")
    pairs = None
    if _took_turns(before, after, phase):
        first, second = common_rounds(before, after)
        pairs = len(first)
        ratio, moved = paired_ratio(first, second, level=level, seed=seed), None
    else:
        ratio, moved = _ratio_apart(before, after, phase, level=level, seed=seed)
    disturbed = () if pairs is not None else _disturbed(before, after)
    return Comparison(
        before=before,
        after=after,
        phase=phase,
        ratio=ratio,
        verdict=judge(ratio) if not disturbed else "no difference",
        paired=pairs is not None,
        changed=subject_differences(before, after),
        allowed=allowed,
        moved=moved,
        notes=(
            *_sureness(ratio, before, pairs, disturbed),
            *_steadiness(moved),
            *_notes(before, after),
        ),
    )


def _ratio_apart(
    before: Record, after: Record, phase: Phase, *, level: float, seed: int
) -> tuple[Ratio, float | None]:
    """Return the ratio of two runs, by their yardsticks where they have some for what runs.

    The yardstick is of the processor and of one Python, and only end-to-end samples are of its
    rounds.
    """
    one, other = before.series[phase].samples, after.series[phase].samples
    beside = before.yardstick, after.yardstick
    alike = before.machine.python == after.machine.python
    alike = alike and before.machine.digest == after.machine.digest
    on_cpu = all(map(_on_cpu, (before, after)))
    if None in beside or phase != "end_to_end" or not on_cpu or not alike:
        return bootstrap_ratio(one, other, level=level, seed=seed), None
    first, second = (series.samples for series in beside if series is not None)
    scaled = per_yardstick(one, first), per_yardstick(other, second)
    moved = unsteadiness(first, second)
    return widened(bootstrap_ratio(*scaled, level=level, seed=seed), moved), moved


def _on_cpu(record: Record) -> bool:
    return record.runtime.get("device", "CPU") == "CPU"


def _steadiness(moved: float | None) -> list[str]:
    if moved is None or moved <= LEAST_CHANGE:
        return []
    return [
        f"the speed of the machine itself moved by {moved:.0%}: times are compared by a yardstick "
        "that was timed beside them, and the interval is widened"
    ]


def judge(ratio: Ratio) -> Verdict:
    """Return what an interval allows to claim: that all of it is beyond `LEAST_CHANGE`.

    So the ratio differs from 1 by more than chance within the runs explains, and by enough to
    matter (a test of a minimal effect: Murphy and Myors, "Testing the Hypothesis That Treatments
    Have Negligible Effects", Journal of Applied Psychology 84, 1999).
    """
    if ratio.low > 1 + LEAST_CHANGE:
        return "slower"
    return "faster" if ratio.high < 1 / (1 + LEAST_CHANGE) else "no difference"


def _check_phase(record: Record, phase: Phase, which: str) -> None:
    if phase not in record.series:
        reason = record.not_measured.get(f"series.{phase}", "no reason is stated")
        raise InputError(
            f"the {which} record has no {phase} ({reason}): choose one of "
            f"{', '.join(record.series)} with --phase"
        )


def _took_turns(before: Record, after: Record, phase: Phase) -> bool:
    """Say whether their samples are of the same rounds: only those of end to end are."""
    one, other = before.settings.interleaved, after.settings.interleaved
    if one is None or other is None or phase != "end_to_end":
        return False
    return one.group == other.group and before.id != after.id


def common_rounds(before: Record, after: Record) -> tuple[Samples, Samples]:
    """Return the samples in milliseconds of the rounds that both of a run in turn have.

    They are the first ones: what is slow leaves early, and a run may have been stopped.
    """
    one, other = (record.series["end_to_end"].samples for record in (before, after))
    rounds = min(len(one), len(other))
    return one[:rounds], other[:rounds]


def ratio_in_turn(before: Record, after: Record) -> tuple[Ratio | None, int]:
    """Return the ratio of two that took turns, and by how many rounds.

    None where these are fewer than `FEWEST_SAMPLES`.
    """
    one, other = common_rounds(before, after)
    return (paired_ratio(one, other) if len(one) >= FEWEST_SAMPLES else None), len(one)


def _disturbed(before: Record, after: Record) -> tuple[str, ...]:
    """Say in which of two runs others took the cores so much that its median means little."""
    found = (("first", before.contention), ("second", after.contention))
    return tuple(
        f"while the {which} was measured, {contention.text}"
        for which, contention in found
        if contention is not None and contention.disturbed
    )


def _sureness(
    ratio: Ratio, before: Record, pairs: int | None, disturbed: Sequence[str]
) -> list[str]:
    """Say what a verdict does not know: what the machine did, or a difference it cannot see."""
    if disturbed:
        how = "measure on a quiet machine, or both in turn in one run"
        return [f"{'; '.join(disturbed)}: no difference is claimed, {how}"]
    turns = None if pairs is None else before.settings.interleaved
    if judge(ratio) != "no difference":
        if turns is None:
            return [_APART]
        return [_IN_STEP] if turns.order == "fixed" else []
    if ratio.high <= 1 + LEAST_CHANGE and ratio.low >= 1 / (1 + LEAST_CHANGE):
        return []
    how = "more samples, or both in turn in one run," if turns is None else "more samples"
    return [f"the interval leaves room for a difference: {how} would say more"]


def _notes(before: Record, after: Record) -> list[str]:
    notes = []
    if before.id == after.id:
        notes.append("both are the same record")
    for which, record in (("first", before), ("second", after)):
        if record.heat is not None and record.heat.throttled:
            why = ", ".join(record.heat.reasons) or "no reason is told"
            notes.append(f"clocks were held down while the {which} was measured ({why})")
        if record.settings.warmup_stable is False:
            notes.append(f"the warm-up of the {which} never became stable")
    unknown = unknown_conditions(before, after)
    if unknown:
        notes.append(f"only one of the two tells its {', '.join(unknown)}")
    versions = version_differences(before, after)
    if versions:
        notes.append(f"versions differ: {'; '.join(d.text for d in versions)}")
    return notes


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
