import pytest

from edge_mef.benchmarks.compare import compare_records
from edge_mef.benchmarks.latency.turns import Effort
from edge_mef.benchmarks.selfcheck import Check, Plan, describe, main

PLAN = Plan("ffmef-edge-2", (96, 128), 1, Effort(fewest=150, percentile="median", seconds=5.0))
FOUND = Check(
    repeats=20,
    sleep_ms=5.06,
    overhead_us=6.2,
    inside_us=0.2,
    shifts=(0.01,) * 19 + (0.06,),
    false_alarms=1,
    found_apart=18,
    found_in_turn=20,
    alarms_in_turn=0,
    disturbed=2,
)


def test_the_answer_for_people() -> None:
    assert describe(FOUND) == (
        "a sleep of 5 ms is measured as 5.060 ms (+1.2%)\n"
        "a sample costs 6.2 us beside its call, 0.20 us of them in the sample\n"
        "two runs of the same artefact: medians are 1.0% apart in the middle, 6.0% at most, within "
        "5 % in 19 of 20\n"
        "the same artefact called faster or slower: 1 of 20 runs made apart, 0 of 20 in turn\n"
        "a planted slowdown of 10% called slower: 18 of 20 runs made apart, 20 of 20 in turn\n"
        "others took the cores in 2 of 20 repetitions\n"
    )


def test_the_program_measures_in_processes_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["--bundle", "ffmef-edge-2", "--size", "48x64", "--samples", "20", "--seconds", "1"]
    assert main([*arguments, "--repeats", "1"]) == 0
    told = capfd.readouterr()
    assert told.out.startswith("a sleep of 5 ms is measured as ")
    assert "repetition 1 of 1" in told.err


def test_a_bundle_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--bundle", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.timing
def test_a_planted_slowdown_is_found_and_none_is_invented() -> None:
    first, same, slowed = PLAN.measure([0.0, 0.0, 0.1])
    assert compare_records(first, same).verdict == "no difference"
    found = compare_records(first, slowed)
    assert found.verdict == "slower"
    assert found.ratio.ratio == pytest.approx(1.1, abs=0.03)
