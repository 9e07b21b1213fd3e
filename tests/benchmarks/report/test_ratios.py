"""Ratios of rounds, the frontier, and the fits of a benchmark."""

import pytest

from edge_mef.benchmarks.compare import compare_records
from edge_mef.benchmarks.records import Interleaving, Quality, Record
from edge_mef.benchmarks.report.groups import Names, group_records
from edge_mef.benchmarks.report.page import html_page
from edge_mef.benchmarks.report.quality import frontier, larger_is_better
from edge_mef.benchmarks.report.ratios import paired_turns, sureness
from edge_mef.benchmarks.report.sizes import fit_row, lines_of
from edge_mef.benchmarks.statistics import paired_ratio
from tests.benchmarks.made_records import latencies, made_record
from tests.benchmarks.report.made_reports import PEER, made_benchmark
from tests.benchmarks.report.reading import Reader


def test_ratios_are_those_of_compare() -> None:
    records = made_benchmark(((270, 480),))
    (turns,) = paired_turns(records)
    assert turns.reference is records[0]
    assert [t.record for t in turns.others] == records[1:]
    for turn in turns.others:
        expected = compare_records(turns.reference, turn.record)
        assert turn.ratio == expected.ratio
        assert turn.verdict == expected.verdict
        assert turn.rounds == 150
    assert [t.verdict for t in turns.others] == ["faster", "slower", "slower"]
    assert sureness(turns) == ""


def test_the_first_bundle_is_what_others_are_compared_with() -> None:
    records = made_benchmark(((270, 480),))
    (turns,) = paired_turns(list(reversed(records)))
    assert turns.reference is records[0]
    turned = Interleaving(group="a" * 32, order="fixed", titles=("peer", "ours"))
    peer = made_record(subject=PEER | {"kind": "peer", "title": "peer"},
                       settings={"interleaved": turned})  # fmt: skip
    ours = made_record(subject={"title": "ours"}, settings={"interleaved": turned})
    (turns,) = paired_turns([peer, ours])
    assert turns.reference is ours
    assert "in a fixed order" in sureness(turns)
    (turns,) = paired_turns([records[3], records[2]])
    assert turns.reference is records[2]
    assert "Also in these rounds, but not here: ffmef-edge, ffmef-edge-4." in sureness(turns)


def test_only_shared_rounds_count() -> None:
    long, short = made_benchmark(((270, 480),), subjects=2)
    cut = made_benchmark(((270, 480),), subjects=2, samples=40)[1]
    (turns,) = paired_turns([long, cut])
    assert turns.others[0].rounds == 40
    first = long.series["end_to_end"].samples[:40]
    assert turns.others[0].ratio == paired_ratio(first, cut.series["end_to_end"].samples)
    few = made_benchmark(((270, 480),), subjects=2, samples=5)[1]
    (turns,) = paired_turns([long, few])
    assert (turns.others[0].ratio, turns.others[0].verdict) == (None, None)
    assert "5 rounds are too few" in Reader(html_page([long, few])).text
    assert paired_turns([short]) == []


def test_fits_of_a_benchmark() -> None:
    records = made_benchmark()
    names = Names.of(records)
    lines = lines_of(records)
    assert len(lines) == 4
    row = fit_row(lines[0], names)
    assert row[0] == "ffmef-edge"
    assert row[1].startswith("270x480, 540x960, ")
    assert float(row[2]) == pytest.approx(9, rel=0.05)
    assert float(row[3]) == pytest.approx(4, rel=0.05)


def test_the_frontier() -> None:
    records = [
        made_record([ms] * 20, quality=Quality(scenes=("a",), values={"MEF_SSIM": value}))
        for ms, value in ((5, 0.9), (10, 0.95), (20, 0.93), (30, 0.96))
    ]
    assert [p.on_frontier for p in frontier(records, "MEF_SSIM")] == [True, True, False, True]
    assert larger_is_better("CE") is False
    assert larger_is_better("of our own")


def test_other_scenes_are_not_in_one_plot() -> None:
    def one(seed: int, title: str, *scenes: str, **values: float) -> Record:
        quality = Quality(scenes=scenes, values=values)
        return made_record(latencies(seed), subject={"title": title}, quality=quality)

    records = [
        one(1, "first", "a", "b", MEF_SSIM=0.9, EN=7.0),
        one(2, "second", "b", "a", EN=7.5),
        one(3, "third", "c", MEF_SSIM=0.8),
    ]
    page = html_page(records)
    text = Reader(page).text
    assert "third at 1080x1920: no other shares its scenes" in text
    assert "EN against latency at 1080x1920" in text  # both have it, and not MEF_SSIM
    assert "MEF_SSIM against latency" not in text
    assert len(group_records(records)) == 1
