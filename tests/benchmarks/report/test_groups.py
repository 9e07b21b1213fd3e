"""Who shares an axis, and what subjects are called."""

from itertools import combinations, product

import pytest

from edge_mef.benchmarks.comparable import CONDITIONS
from edge_mef.benchmarks.compare import compare_records
from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.groups import Group, Names, group_records
from edge_mef.benchmarks.sensors.readings import PowerState
from edge_mef.errors import InputError
from tests.benchmarks.made_records import latencies, made_record

NOT = {"mode_id": "not a Jetson"}


def state(**known: object) -> PowerState:
    return PowerState.model_validate({**known, "not_measured": NOT})


def conditions() -> list[Record]:
    return [
        made_record(latencies(0)),
        made_record(latencies(1), settings={"threads": 4}),
        made_record(latencies(2), settings={"streams": 2}),
        made_record(latencies(3), settings={"exposures": 3}),
        made_record(latencies(4), machine={"cpu": "another"}),
        made_record(latencies(5), settings={"provider": "XnnpackExecutionProvider"}),
        made_record(latencies(6), state=state(governor="performance", mode="MAXN")),
        made_record(latencies(7), state=state(governor="schedutil")),
    ]


def compare_all(one: Group, other: Group) -> None:
    for before, after in product(one.records, other.records):
        compare_records(before, after, across=["size"])


def test_a_group_holds_what_compare_would_compare() -> None:
    groups = group_records(conditions())
    assert sorted(r.id for g in groups for r in g.records) == sorted(r.id for r in conditions())
    for group in groups:
        compare_all(group, group)
    for earlier, later in combinations(groups, 2):
        with pytest.raises(InputError, match="not comparable"):
            compare_all(earlier, later)
    assert len(groups) == 7
    assert groups[0].unknown == ("power-mode", "governor")
    assert "governor performance" in groups[0].heading
    assert set(CONDITIONS) >= set(groups[0].unknown)


def test_sizes_stay_together_and_are_sorted() -> None:
    records = [made_record(settings={"height": h, "width": 8}) for h in (30, 10, 20)]
    (group,) = group_records(records)
    assert [size for size, _ in group.sizes] == [(10, 8), (20, 8), (30, 8)]


def test_providers_of_other_runtimes_do_not_divide() -> None:
    other = made_record(subject={"runtime": "openvino"}, settings={"provider": "CPU"})
    (group,) = group_records([made_record(), other])
    assert "CPU" not in group.heading.rpartition("stream")[2]


def test_letters_go_on() -> None:
    records = [made_record(settings={"threads": 1 + i}) for i in range(28)]
    assert [g.letter for g in group_records(records)][24:] == ["Y", "Z", "AA", "AB"]


def test_names_say_what_tells_apart() -> None:
    half = made_record(subject={"precision": "fp16"})
    vino = made_record(subject={"title": "other", "runtime": "openvino"})
    records = [made_record(), half, vino]
    names = Names.of(records)
    assert [names.subject(r) for r in records] == ["ffmef-edge, fp32", "ffmef-edge, fp16", "other"]
    assert [names.colour(r) for r in records] == [0, 1, 2]
    wide = made_record(subject={"channels": 16})
    assert Names.of([records[0], wide]).subject(wide) == "ffmef-edge, 16 channels"
    again = made_record(latencies(9))
    assert names.record(again, [records[0], again]).startswith("ffmef-edge, fp32, 2025-01-31")
    assert names.record(again, [records[0], again]).endswith(again.id[:7])
