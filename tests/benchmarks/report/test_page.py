"""The page: whole, self-contained, escaped, and honest about what was not measured."""

import re

import pytest

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.page import POLICY, html_page
from tests.benchmarks.made_records import latencies, made_record
from tests.benchmarks.report.made_reports import made_benchmark
from tests.benchmarks.report.reading import Reader, plots_of

SECTIONS = (
    "Summary", "Numbers", "Latency distributions", "Samples in the order of time", "Ratios",
    "Size scaling", "Quality against latency", "Energy", "Phases and load", "Layers",
    "Not measured", "Provenance",
)  # fmt: skip
HOSTILE = "<script>alert('x')</script> & \"a\" | `b` @c https://example.org \x00\u202e\ud83d"


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return made_benchmark()


@pytest.fixture(scope="module")
def page(records: list[Record]) -> str:
    return html_page(records)


def headings(page: str) -> list[str]:
    return re.findall(r"<h[23]>([^<]*)</h[23]>", page)


def test_every_section_is_there(page: str) -> None:
    assert set(SECTIONS) <= set(headings(page))
    assert Reader(page).text.count("Group A: Cortex-A78AE") >= 1


def test_it_is_self_contained(page: str) -> None:
    reader = Reader(page)
    metas = [found for tag, found in reader.elements if tag == "meta"]
    assert metas[1] == {"http-equiv": "Content-Security-Policy", "content": POLICY}
    assert POLICY == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    )
    assert "http://" not in page
    assert "https://" not in page
    assert reader.values("src") == []
    assert {link for link in reader.values("href") if link[0] != "#"} == {"data:,"}
    assert "url(" not in page
    assert "@import" not in page


def test_ids_are_unique_and_links_lead_to_them(page: str) -> None:
    reader = Reader(page)
    ids = reader.values("id")
    assert len(ids) == len(set(ids))
    targets = {link[1:] for link in reader.values("href") if link[0] == "#"}
    assert len(targets) > 5
    assert targets <= set(ids)


def test_plots_are_valid_and_described(page: str) -> None:
    plots = plots_of(page)
    assert len(plots) > 40
    for plot in plots:
        assert plot.get("role") == "img"
        title, description = plot[0], plot[1]
        assert (title.tag, description.tag) == ("title", "desc")
        assert title.text
        assert description.text
        assert "nan" not in (description.text or "")
        assert not re.search(r"nan|inf|None", " ".join(p.get("d", "") for p in plot.iter("path")))


def test_marks_stay_inside(page: str) -> None:
    """Every coordinate that a path names absolutely is inside of the plot's box."""
    for plot in plots_of(page):
        _, _, width, height = map(float, (plot.get("viewBox") or "").split())
        for path in plot.iter("path"):
            if path.get("transform"):
                continue
            for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d") or ""):
                assert -1 <= float(x) <= width + 1
                assert -1 <= float(y) <= height + 1
        for text in plot.iter("text"):
            assert 0 <= float(text.get("x", "-1")) <= width
            assert 0 <= float(text.get("y", "-1")) <= height


def test_numbers_are_those_of_the_records(page: str, records: list[Record]) -> None:
    first = records[0].series["end_to_end"].summary
    text = Reader(page).text
    assert f"{first.median:.3f}" in text
    assert f"{first.p95:.3f}" in text
    assert f"{1e3 * (records[0].joules_per_frame or 0):.1f}" in text
    assert all(record.id in text for record in records)
    assert all(record.subject.files[name] in page for record in records
               for name in record.subject.files)  # fmt: skip


def test_what_is_absent_has_a_reason_and_is_no_zero(page: str) -> None:
    reader = Reader(page)
    links = [found for tag, found in reader.elements
             if tag == "a" and found.get("class") == "absent"]  # fmt: skip
    assert len(links) > 20
    assert all(link["title"] for link in links)
    assert {"this board has no sensor of its power", "the runtime computes on the CPU"} <= {
        link["title"] for link in links
    }
    listed = page[page.index('id="absent"') : page.index('id="provenance"')]
    assert "this board has no sensor of its power" in listed
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page[: page.index('id="provenance"')])
    assert "0" not in cells
    assert "None" not in cells


def test_titles_and_notes_stay_text() -> None:
    record = made_record(
        subject={"title": HOSTILE.replace("\ud83d", "")},
        notes=(HOSTILE.replace("\ud83d", ""),),
        runtime={"runtime": "<img src=x onerror=alert(1)>"},
    )
    page = html_page([record], notes=[HOSTILE])
    reader = Reader(page)
    assert reader.count("script") == 1
    assert reader.count("img") == 0
    assert "<script>alert('x')</script>" in reader.text
    assert "<img src=x onerror=alert(1)>" in reader.text
    for unprintable in ("\x00", "\u202e", "\ud83d"):
        assert unprintable not in page
    assert len(plots_of(page)) == 2
    page.encode()


def test_one_record_without_anything_else() -> None:
    page = html_page([made_record()])
    text = Reader(page).text
    assert set(SECTIONS) <= set(headings(page))
    assert "No records here were measured in turn" in text
    assert "No subject was measured at several sizes" in text
    assert "No record here has a quality: not asked for." in text
    assert "No record here has an energy: not asked for." in text
    assert "No record here has a profile of layers: not asked for." in text
    assert len(plots_of(page)) == 2


@pytest.mark.parametrize("samples", [[3.0], [3.0, 3.0], [1e-4] * 20, [5000.0, 1.0]])
def test_few_or_odd_samples(samples: list[float]) -> None:
    assert len(plots_of(html_page([made_record(samples)]))) == 2


def test_other_machines_and_settings_have_a_heading_of_their_own() -> None:
    slow = made_record(machine={"cpu": "Cortex-A72"})
    threads = made_record(latencies(2), settings={"threads": 4})
    page = html_page([made_record(), slow, threads])
    found = [h for h in headings(page) if h.startswith("Group")]
    assert len(found) == 3
    assert "Cortex-A72" in found[1]
    assert "4 threads" in found[2]
    for plot in plots_of(page):
        assert "median" in (plot[1].text or "")
        assert (plot[1].text or "").count("median") == 1  # of one record


def test_two_sizes_get_no_fit() -> None:
    text = Reader(html_page(made_benchmark(((270, 480), (540, 960)), subjects=2))).text
    assert "so without a fit: ffmef-edge, ffmef-edge-4." in text


def test_sizes_that_are_nearly_the_same_get_no_fit() -> None:
    sizes = ((270, 480), (271, 480), (272, 480), (273, 480))
    text = Reader(html_page(made_benchmark(sizes, subjects=2))).text
    assert "at sizes all within a factor of 2, so without a fit: ffmef-edge, " in text
    assert "What the fits say" not in text


def test_many_records_stay_small() -> None:
    sizes = [(100 + 40 * i, 160 + 64 * i) for i in range(15)]
    records = made_benchmark(sizes, samples=1200)
    assert len(records) == 60
    page = html_page(records)
    assert len(page.encode()) < 3_000_000
    assert len(plots_of(page)) > 150
    # Thinned out, and it says so.
    assert "the most extreme; numbers are those of all." in Reader(page).text


def test_calls_beyond_a_plot_are_arrows_and_counted() -> None:
    samples = latencies(3, 200, spread=0.01)
    samples[50:53] = 300.0
    record = made_record(samples)
    page = html_page([record])
    strip, course = plots_of(page)
    for plot in (strip, course):
        arrows = [p for p in plot.iter("path") if "beyond" in (p.get("class") or "")]
        assert len(arrows) >= 3
    counted = sum(
        (path.get("d") or "").count("h.1")
        for path in strip.iter("path")
        if (path.get("class") or "").startswith("dots")
    )
    arrows = [p for p in strip.iter("path") if "beyond" in (p.get("class") or "")]
    assert counted + len(arrows) == 200
    assert f"{len(arrows)} beyond the plot" in Reader(page).text


def test_plots_fit_on_a_page() -> None:
    records = [made_record(latencies(i), subject={"title": f"subject {i}"}) for i in range(20)]
    page = html_page(records)
    heights = [float((p.get("viewBox") or "").split()[3]) for p in plots_of(page)]
    assert len(heights) == 3 + 20
    assert max(heights) < 700


def test_the_same_subject_twice_is_told_apart() -> None:
    records = [made_record(latencies(i), date=f"2025-01-0{i}T12:00:00Z") for i in (1, 2)]
    text = Reader(html_page(records)).text
    assert "ffmef-edge, 2025-01-01 12:00:00" in text
    assert "ffmef-edge, 2025-01-02 12:00:00" in text


def test_drawing_a_benchmark_is_the_same_every_time(page: str, records: list[Record]) -> None:
    assert html_page(records) == page
