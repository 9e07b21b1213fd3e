from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import pytest

from edge_mef.benchmarks.compare import compare_records
from edge_mef.benchmarks.latency.request import Listener
from edge_mef.benchmarks.latency.session import run_benchmark
from edge_mef.benchmarks.latency.turns import Effort
from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.statistics import MOST_WARMUP
from edge_mef.errors import BundleError, FrameTooLargeError, InputError, OutputError
from tests.benchmarks.latency.made_entrants import Frame, Kept, Sleeper, SleepyEntrant, request


def test_a_record_tells_what_ran_and_how_long() -> None:
    kept, entrant = Kept(), SleepyEntrant(seconds=0.002)
    notes = run_benchmark(request(entrant, command_line="edge-mef bench"), kept.listener())
    (record,) = kept.records
    assert notes == ()
    assert record.subject.title == "sleepy"
    # How exact times are is a matter of tests that nothing runs beside.
    assert 2.0 <= record.series["end_to_end"].summary.median < 40.0
    assert (record.load.open_ms, record.load.first_ms) == (1.0, 2.0)
    assert (record.settings.height, record.settings.width) == (32, 48)
    assert record.settings.command_line == "edge-mef bench"
    assert record.settings.warmup_samples > 0
    assert record.settings.interleaved is None
    assert record.throughput is not None
    assert 25 < record.throughput.frames_per_second <= 500
    assert record.not_measured["layers"] == "sleep has no layers"
    assert record.not_measured["memory.host_peak_bytes"] == "it was skipped, as asked"
    assert all(one.closed for one in entrant.opened)


def test_several_take_turns_and_say_so() -> None:
    kept = Kept()
    entrants = [SleepyEntrant("quick", 0.001), SleepyEntrant("slow", 0.003)]
    run_benchmark(request(*entrants), kept.listener())
    quick, slow = kept.records
    assert quick.settings.interleaved == slow.settings.interleaved
    assert quick.settings.interleaved is not None
    assert quick.settings.interleaved.titles == ("quick", "slow")
    found = compare_records(quick, slow)
    assert found.paired
    assert found.verdict == "slower"


def test_every_size_and_number_of_streams_has_records_of_its_own() -> None:
    kept = Kept()
    sizes = ((32, 48), (16, 16))
    run_benchmark(request(SleepyEntrant(), sizes=sizes, streams=(1, 2)), kept.listener())
    found = [(r.settings.height, r.settings.streams) for r in kept.records]
    assert found == [(32, 1), (32, 2), (16, 1), (16, 2)]
    two = kept.records[1]
    assert two.throughput is not None
    assert two.throughput.streams == 2
    one = kept.records[0].throughput
    assert one is not None
    assert two.throughput.frames_per_second > 1.4 * one.frames_per_second


def test_what_does_not_take_a_size_is_left_out_and_said() -> None:
    kept = Kept()
    small = SleepyEntrant("small", refused=[(64, 64)])
    sizes = ((32, 48), (64, 64))
    notes = run_benchmark(request(small, SleepyEntrant("any"), sizes=sizes), kept.listener())
    found = [(r.subject.title, r.settings.height) for r in kept.records]
    assert found == [("small", 32), ("any", 32), ("any", 64)]
    assert notes == ("small was left out at 64x64: no (64, 64)",)
    assert kept.records[-1].settings.interleaved is None


def test_nothing_to_measure_is_an_error() -> None:
    with pytest.raises(InputError, match="no \\(32, 48\\)"):
        run_benchmark(request(SleepyEntrant(refused=[(32, 48)])), Kept().listener())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BundleError("broken")])
def test_whatever_ends_it_the_samples_are_kept(error: BaseException) -> None:
    last = 2 * MOST_WARMUP

    def end(calls: int) -> None:
        if calls == last:
            raise error

    kept, entrant = Kept(), SleepyEntrant("ends", on_call=end)
    effort = Effort(fewest=10_000, seconds=5.0)
    with pytest.raises(type(error)):
        run_benchmark(request(entrant, SleepyEntrant(), effort=effort), kept.listener())
    ends, other = kept.records
    count = len(ends.series["end_to_end"].samples)
    assert count == last - 1 - ends.settings.warmup_samples
    assert len(other.series["end_to_end"].samples) in (count, count + 1)
    assert f"the benchmark ended early, after {count} samples of this" in ends.notes
    assert "ended before" in ends.not_measured["throughput"]
    assert all(one.closed for one in entrant.opened)


def test_an_end_before_the_first_sample_leaves_no_record() -> None:
    def end(calls: int) -> None:
        raise KeyboardInterrupt

    kept, entrant = Kept(), SleepyEntrant("ends", on_call=end)
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(request(SleepyEntrant(), entrant), kept.listener())
    assert kept.records == []


def test_an_end_after_the_samples_says_what_is_missing() -> None:
    kept = Kept()
    other, ends = SleepyEntrant("first"), SleepyEntrant("ends")
    before = [0]

    def end_after_the_burst_of_the_other(calls: int) -> None:
        done = other.opened[0].calls
        if calls > 1 and done > before[0] + 10:
            raise KeyboardInterrupt
        before[0] = done

    ends.on_call = end_after_the_burst_of_the_other
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(request(other, ends), kept.listener())
    first, second = kept.records
    assert first.throughput is not None
    assert second.throughput is None
    for record in kept.records:
        assert any("ended early" in note for note in record.notes)


def test_streams_keep_their_samples_too() -> None:
    entrant = SleepyEntrant()

    def end(calls: int) -> None:
        if calls == 2000:  # the calls before the samples take a second
            raise BundleError("broken")

    kept, entrant.on_call = Kept(), end
    work = request(entrant, streams=(2,), effort=Effort(fewest=10_000, seconds=20.0))
    with pytest.raises(BundleError):
        run_benchmark(work, kept.listener())
    (record,) = kept.records
    assert len(record.series["end_to_end"].samples) > 100
    assert any("ended early" in note for note in record.notes)
    assert all(one.closed for one in entrant.opened)


def test_records_of_a_finished_group_are_kept_before_the_next_begins() -> None:
    kept = Kept()
    seen: list[int] = []
    entrant = SleepyEntrant(on_call=lambda calls: seen.append(len(kept.records)))
    run_benchmark(request(entrant, sizes=((32, 48), (16, 16))), kept.listener())
    assert sorted(set(seen)) == [0, 1]


def test_progress_never_falls_and_ends_below_its_total() -> None:
    kept = Kept()
    run_benchmark(request(SleepyEntrant(), sizes=((32, 48), (16, 16))), kept.listener())
    done = [one[1] for one in kept.shown]
    assert np.all(np.diff(done) >= 0)
    assert {one[2] for one in kept.shown} == {200}
    assert max(done) < 200


def test_a_slow_one_has_fewer_samples() -> None:
    kept = Kept()
    slow = SleepyEntrant("slow", 0.05)
    effort = Effort(fewest=40, percentile="median", seconds=0.2)
    run_benchmark(request(SleepyEntrant("quick"), slow, effort=effort), kept.listener())
    counts = [len(record.series["end_to_end"].samples) for record in kept.records]
    assert counts[1] == 10
    assert counts[0] >= 40


def test_memory_is_measured_when_all_is_closed() -> None:
    kept, entrant = Kept(), SleepyEntrant()
    run_benchmark(request(entrant, skipped=frozenset({"quality"})), kept.listener())
    assert entrant.closed_before_footprint
    assert "no such bundle" in kept.records[0].not_measured["memory.host_peak_bytes"]


def test_where_one_record_cannot_be_kept_the_others_are() -> None:
    kept: list[str] = []

    def keep(record: Record) -> None:
        kept.append(record.subject.title)
        if len(kept) == 1:
            raise OutputError("the disk is full")

    listener = Listener(keep, lambda *told: None, nullcontext)
    with pytest.raises(OutputError, match="the disk is full"):
        run_benchmark(request(SleepyEntrant("a"), SleepyEntrant("b")), listener)
    assert kept == ["a", "b"]


def test_one_that_finds_no_memory_beside_the_others_is_left_out() -> None:
    class TooLarge(SleepyEntrant):
        def open(self, frames: Sequence[Frame]) -> Sleeper:
            raise FrameTooLargeError("no memory")

    kept = Kept()
    notes = run_benchmark(request(TooLarge("large"), SleepyEntrant("small")), kept.listener())
    assert notes == ("large was left out at 32x48: no memory",)
    assert [record.subject.title for record in kept.records] == ["small"]
    assert kept.records[0].settings.interleaved is None
    with pytest.raises(FrameTooLargeError, match="no memory"):
        run_benchmark(request(TooLarge()), Kept().listener())
