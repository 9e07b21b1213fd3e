"""Axes, ticks, and which samples stand for all."""

import numpy as np
import pytest

from edge_mef.benchmarks.report.axes import Axis, axis_around, tick_texts
from edge_mef.benchmarks.report.drawing import mark
from edge_mef.benchmarks.report.figures import shortened, significant
from edge_mef.benchmarks.report.markup import element, escaped, joined
from edge_mef.benchmarks.report.samples import by_rank, by_time, running_medians, samples_shown
from tests.benchmarks.made_records import latencies


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(
    ("low", "high"), [(1, 10), (0.97, 1.03), (3.4, 5.2), (1e-4, 1e4), (899, 901), (19.9, 20.1),
                      (1234, 98765)]
)  # fmt: skip
def test_ticks_are_few_round_and_inside(low: float, high: float, log: bool) -> None:
    axis = axis_around((low, high), 10, 300, log=log)
    ticks = axis.ticks(6)
    assert 2 <= len(ticks) <= 7
    assert ticks == sorted(ticks)
    assert all(axis.low <= tick <= axis.high for tick in ticks)
    texts = tick_texts(ticks)
    assert len(set(texts)) == len(texts)
    assert [float(t.replace("\u202f", "")) for t in texts] == pytest.approx(ticks)
    assert max(map(len, texts)) <= 8


def test_an_axis_maps_ends_to_ends() -> None:
    for log in (True, False):
        axis = Axis(1, 100, 0, 200, log=log)
        assert [axis(v) for v in (1, 100, 1000, 0.1)] == pytest.approx([0, 200, 200, 0])
    assert Axis(1, 100, 0, 200, log=True)(10) == pytest.approx(100)


def test_colours_and_marks_together_are_unique() -> None:
    drawn = {mark(0, 0, colour) for colour in range(64)}
    assert len(drawn) == 64


@pytest.mark.parametrize("values", [(0.0, 0.0), (-3.0, 5.0), (7.0, 7.0)])
def test_odd_ranges_have_ticks(values: tuple[float, float]) -> None:
    assert 2 <= len(axis_around(values, 0, 100, log=False).ticks()) <= 7


def test_samples_that_stand_for_all() -> None:
    samples = latencies(1, 20_000)
    places = by_rank(samples.tolist(), 500)
    assert len(places) <= 500
    chosen = samples[places]
    assert (chosen.min(), chosen.max()) == (samples.min(), samples.max())
    assert np.median(chosen) == pytest.approx(np.median(samples), rel=0.01)
    assert set(np.sort(samples)[-50:]) <= set(chosen)
    assert len(by_rank(samples[:500].tolist(), 500)) == 500


def test_a_course_keeps_its_ends() -> None:
    samples = latencies(1, 5000).tolist()
    points = by_time(samples, 500)
    assert len(points) <= 500
    assert max(v for _, v in points) == max(samples)
    assert min(v for _, v in points) == min(samples)
    assert all(samples[int(place)] == value for place, value in points)
    assert len(running_medians(samples)) == 60
    assert running_medians([1.0, 5.0, 2.0]) == [(1.0, 2.0)]
    assert (samples_shown(1), samples_shown(100), samples_shown(10_000)) == (500, 400, 80)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1.23456, "1.23"), (0.001234, "0.00123"), (12345.6, "12\u202f346"), (99.96, "100.0"),
     (100, "100"), (1e-7, "0.0000001")],
)  # fmt: skip
def test_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text or float(significant(value).replace("\u202f", "")) == (
        pytest.approx(float(text.replace("\u202f", "")), rel=0.01)
    )


def test_long_names_lose_their_middle() -> None:
    assert shortened("short", 10) == "short"
    assert shortened("a" * 20 + "end", 10) == "aaaaaa…end"
    assert len(shortened("x" * 99, 10)) == 10


def test_only_markup_goes_in_as_it_is() -> None:
    inner = element("b", "<i>")
    assert inner == "<b>&lt;i&gt;</b>"
    assert element("p", inner, "&", title='"<') == (
        '<p title="&quot;&lt;"><b>&lt;i&gt;</b>&amp;</p>'
    )
    assert joined(["<", inner]) == "&lt;<b>&lt;i&gt;</b>"
    assert escaped("a\x00\x1bb\ud800") == "a\ufffd\ufffdb\ufffd"
    # What is put together by + is text again, and so is escaped.
    assert escaped(inner + inner).startswith("&lt;b")
